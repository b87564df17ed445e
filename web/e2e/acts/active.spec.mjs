// Who is Active is chosen, restarted and told by an operator.
import assert from 'node:assert/strict';
import { everyoneUp, openBrowser, scene, throughRestart, visit, watchAnswers } from '../harness.mjs';
import { choose, chooseForAll, confirm, ended, modeOf, rowOf } from './nodes.mjs';

// row 78; two browsers see each other's change
scene(
  'Make Active: the chosen Passive becomes Active in every open browser, and the history says why',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const [chosen, third] = passives;
    const other = await openBrowser();
    await visit(other.page, third);
    await modeOf(other.page, active.id).getByText('Active').waitFor();
    await visit(page, third);
    const dialog = await choose(page, chosen.id, 'Make Active');
    await dialog.getByText('Current active becomes Passive.').waitFor();
    await confirm(dialog, admin.password);
    for (const each of [page, other.page]) {
      await modeOf(each, chosen.id).getByText('Active').waitFor();
      await modeOf(each, active.id).getByText('Passive').waitFor();
    }
    assert.equal((await ended(third, 'MAKE_ACTIVE')).status, 'succeeded');
    await other.page.getByRole('link', { name: 'Nodes and Services' }).click();
    await other.page.getByRole('tab', { name: 'Active history' }).click();
    const tenures = other.page.locator('tr[data-epoch]');
    await tenures.nth(1).waitFor();
    await tenures.first().getByText('Active', { exact: true }).waitFor();
    await other.context.close();
    await everyoneUp();
  },
);

// rows 64–67: from both entry points, one and the same operation
for (const [place, open] of [
  [
    'the menu of the page',
    async (page) => {
      await page.getByRole('button', { name: 'Actions of this page' }).click();
      await page.getByRole('menuitem', { name: 'Restart Active Kyvos Manager Instance' }).click();
      return page.getByRole('dialog');
    },
  ],
  ['Actions (…) of Kyvos Manager', (page) => chooseForAll(page, 'Restart Active Kyvos Manager Instance')],
]) {
  scene(
    `Restart Active from ${place}: another takes over, the old one returns as Passive`,
    { timeout: 150_000 },
    async ({ page }) => {
      const { active, passives, admin } = await everyoneUp();
      await visit(page, passives[0]);
      await rowOf(page, active.id).waitFor();
      const dialog = await open(page);
      await dialog.getByText(/takes over first\. Then .+ restarts and comes back as Passive\./).waitFor();
      await confirm(dialog, admin.password);
      await modeOf(page, active.id).getByText('Passive').waitFor();
      const operation = await ended(passives[0], 'RESTART_ACTIVE_KM');
      assert.equal(operation.status, 'succeeded', operation.error);
      const now = await everyoneUp();
      assert.notEqual(now.active.id, active.id);
    },
  );
}

// section 5.10, banner 5: of the instance that serves the page it is known that it restarts
scene(
  'a page served by the Active that restarts says so, and not that something is wrong',
  { timeout: 150_000 },
  async ({ page, t }) => {
    const { active, admin } = await everyoneUp();
    await visit(page, active);
    await rowOf(page, active.id).waitFor();
    const dialog = await chooseForAll(page, 'Restart Active Kyvos Manager Instance');
    const longestSilence = watchAnswers(page);
    const seen = await throughRestart(page, () => confirm(dialog, admin.password));
    await everyoneUp();
    t.diagnostic(`at most ${await longestSilence()} ms between two answers to the page`);
    for (const wrong of ['CONNECTION_LOST', 'NO_ACTIVE']) assert.ok(!seen.has(wrong), wrong);
  },
);

// explained beside what is not possible
scene(
  'Properties tells whether an instance could take over, and what its end would mean',
  {},
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    await visit(page, active);
    const dialog = await choose(page, passives[0].id, 'Properties');
    const explained = (topic) => dialog.locator(`[data-explains=${topic}]`);
    await explained('make-active')
      .getByText(/can be made Active\.$/)
      .waitFor();
    await explained('make-active').getByText('What was looked at').click();
    await explained('make-active').getByText('It has caught up:').waitFor();
    // The reason beside the menu's entry, with the rules behind it.
    await explained('start')
      .getByText(/cannot be started now: It runs/)
      .waitFor();
    assert.equal(await explained('restart').count(), 0, 'what is possible needs no reason');
    for (const topic of ['failure', 'host-failure'])
      await explained(topic)
        .getByText(/^If .+ dies now, /)
        .waitFor();
  },
);
