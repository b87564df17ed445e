// Two of three Managers gone: the page tells the truth, changes nothing, and recovers by itself.

import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { menuOf, menuRead, whyNotOf } from '../acts/nodes.mjs';
import { everyoneUp, keepDown, scene, until, visit } from '../harness.mjs';

const NOTICE_MAX_MS = 20_000;
const NO_ACTIVE = /^No active Kyvos Manager/;

const allOff = (menu) => {
  for (const [item, whyNot] of Object.entries(menu)) assert.match(whyNot ?? '', NO_ACTIVE, item);
};

/** The button is there, and off for want of an Active. */
const isOff = (button) =>
  until('the button is off for want of an Active', async () => {
    await button.waitFor();
    return NO_ACTIVE.test((await whyNotOf(button)) ?? '');
  });

/** Section 5.5, row "No active instance": looking is all, and each of the others says why, wherever it stands. */
async function nothingIsOffered(page, here, others) {
  const { Properties, 'Download logs': logs, ...rest } = await menuOf(page, here);
  assert.deepEqual([Properties, logs], [undefined, undefined], 'looking needs no Active');
  allOff(rest);
  for (const id of others) {
    const { Properties: known, 'Download logs': _far, ...of } = await menuOf(page, id);
    assert.equal(known, undefined, 'what was last known can be looked at');
    allOff(of);
  }
  for (const menu of ['Actions of Kyvos Manager Nodes', 'Actions of this page'])
    allOff(await readMenu(page, menu));
}

async function readMenu(page, button) {
  await page.getByRole('button', { name: button }).click();
  await page.getByRole('menuitem').first().waitFor();
  const menu = await menuRead(page);
  await page.keyboard.press('Escape');
  await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
  return menu;
}

/** Kyvos services are still shown, as this Manager knew them; nothing can be done with them. */
async function servicesAreOnlyLookedAt(page) {
  await page.getByRole('link', { name: 'Nodes and Services' }).click();
  await page.getByRole('tab', { name: 'Services', exact: true }).click();
  await page.locator('tr[data-service]').first().waitFor();
  allOff(await readMenu(page, 'Actions of Services'));
  await page.getByRole('tab', { name: 'Services HA' }).click();
  await isOff(page.getByRole('button', { name: 'Open window' }));
}

scene(
  'without a quorum the page shows own facts, what is known of the others, and what to do',
  { timeout: 200_000 },
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const survivor = passives[0];
    await visit(page, survivor);
    await page.getByRole('heading', { name: 'Kyvos Manager Nodes' }).waitFor();
    const letThemReturn = keepDown([active.id, passives[1].id]);
    try {
      await page
        .getByText('No active Kyvos Manager. This instance is read-only. Retrying…')
        .waitFor({ timeout: NOTICE_MAX_MS });
      await page.getByRole('heading', { name: 'No quorum' }).waitFor({ timeout: NOTICE_MAX_MS });
      // Not the explanation's rule: folded, and read a moment later than the status.
      await page.locator('.pill', { hasText: '1 of 3 voters answer, 2 are needed' }).waitFor();
      for (const command of ['km status', 'systemctl start km'])
        await page.getByText(command, { exact: true }).waitFor();
      await page.getByText('No active instance (electing)').first().waitFor();
      const modes = await page.locator('[data-column=mode]').allTextContents();
      assert.ok(!modes.includes('Active'), 'nobody is called Active');
      await nothingIsOffered(page, survivor.id, [active.id, passives[1].id]);
      await page
        .locator('[data-explains=active]')
        .getByText(/no quorum/i)
        .waitFor();
      const { violations } = await new AxeBuilder({ page }).analyze();
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
      );

      await servicesAreOnlyLookedAt(page);
      await page.getByRole('link', { name: 'Kyvos Manager Properties' }).click();
      await isOff(page.getByRole('button', { name: 'Save', exact: true }));
      await page.getByRole('table', { name: 'Kyvos Manager Properties' }).waitFor({ timeout: NOTICE_MAX_MS });
      await page
        .getByText(/Other pages show what this Manager knew .+ ago\./)
        .waitFor({ timeout: NOTICE_MAX_MS });
      for (const [link, button] of [
        ['Migrate role', /^Remove/],
        ['Migrate role', /^Move/],
        ['Migrate role', 'Add Kyvos Manager'],
        ['Nodes and Services', 'Add node'],
        ['Users', 'Add user'],
      ]) {
        await page.getByRole('link', { name: link, exact: true }).click();
        await isOff(page.getByRole('button', { name: button }).first());
      }
    } finally {
      letThemReturn();
    }
    await page.getByText('No active Kyvos Manager.').waitFor({ state: 'detached', timeout: 90_000 });
    await everyoneUp();
  },
);
