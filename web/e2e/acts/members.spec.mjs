// The members of the group change by the mouse: the script is pushed, a Manager is added. Another browser, on
// another Manager, sees all of it. In a group of its own, with two hosts without a Manager.
import assert from 'node:assert/strict';
import { apiOf, demo, everyoneUp, openBrowser, ownDemo, scene, until, visit } from '../harness.mjs';
import { chooseForAll, confirm, ended, modeOf, rowOf } from './nodes.mjs';

const dir = ownDemo(['--managers', '3', '--spare-hosts', '2']);
const LONG_MS = 60_000;

const passwordOf = (dialog) => dialog.getByRole('textbox', { name: 'Kyvos Manager password' });
const done = (dialog) =>
  dialog.locator('[data-operation]').getByText('Succeeded').waitFor({ timeout: LONG_MS });

/** The number of the Manager on a host; undefined when none is there. */
async function on(manager, host) {
  const api = await apiOf(manager, demo(dir));
  const { items } = await api.get('/managers');
  await api.dispose();
  return items.find((one) => one.host === host)?.id;
}

/** Gives the password, agrees to prechecks that fail, and saves. The hosts of a demo have no hdfs, so some always do;
 * which, may not be known yet when the dialog opens. */
async function save(dialog, password) {
  await passwordOf(dialog).fill(password);
  await dialog.getByRole('checkbox', { name: 'Add it although prechecks fail' }).check();
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
}

// row 28; section 5.10, banner 1
scene(
  'the Disaster Recovery script is pushed to every portal host; then the banner is gone everywhere, and adding possible',
  { dir, timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp(dir);
    const other = await openBrowser({ dir });
    await visit(other.page, passives[0]);
    const banner = other.page.locator('[data-code=DR_SCRIPT_PENDING]');
    await banner.waitFor();
    await visit(page, active);
    await page.getByRole('button', { name: 'Push Disaster Recovery script' }).click();
    const dialog = page.getByRole('dialog', { name: 'Push Disaster Recovery script' });
    await dialog.getByText('Not there').first().waitFor();
    await passwordOf(dialog).fill(admin.password);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await done(dialog);
    const destinations = dialog.getByRole('table', { name: 'Destinations' }).locator('tbody tr');
    await destinations.getByText('Pushed').nth(4).waitFor();
    assert.equal(await destinations.count(), 5, 'three Managers, and two hosts where one may come');
    const sums = await destinations
      .locator('td[title]')
      .evaluateAll((all) => all.map((cell) => cell.getAttribute('title')));
    assert.equal(new Set(sums).size, 1, 'the same everywhere');
    assert.match(sums[0], /^[0-9a-f]{64}$/);
    await banner.waitFor({ state: 'detached' });
    await other.context.close();
  },
);

// rows 44, 86; section 5.4
scene(
  'a Manager is added where one may come, step by step; a dialog open elsewhere learns of it',
  { dir, timeout: 240_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp(dir);
    const other = await openBrowser({ dir });
    await visit(other.page, passives[0], '/?do=add');
    const elsewhere = other.page.getByRole('dialog', { name: 'Add Kyvos Manager' });
    await elsewhere.getByRole('radio', { name: 'km4' }).check();
    await visit(page, active);
    await rowOf(page, active.id).waitFor();
    const dialog = await chooseForAll(page, 'Add Kyvos Manager');
    assert.ok(await dialog.getByRole('radio', { name: 'km1' }).isDisabled(), 'one is there already');
    await dialog.getByRole('radio', { name: 'km4' }).check();
    const outlook = dialog.locator('[data-outlook]');
    await outlook.getByText('Quorum 2 of 3 · tolerates 1 failure').waitFor();
    await outlook.getByText('Quorum 3 of 4 · tolerates 1 failure').waitFor();
    await dialog
      .locator('[data-explains=add]')
      .getByText(/^A Kyvos Manager can be added on km4\./)
      .waitFor();
    await dialog.locator('tr[data-check]').first().waitFor();
    await save(dialog, admin.password);
    await done(dialog);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    const id = await on(active, 'km4');
    await modeOf(page, id).getByText('Passive').waitFor();
    await until('the other dialog knows', () => elsewhere.getByRole('radio', { name: 'km4' }).isDisabled());
    await other.page.keyboard.press('Escape');
    await modeOf(other.page, id).getByText('Passive').waitFor();
    await page.getByText(/^Quorum 3 of 4 · term \d+ · tolerates 1 failure$/).waitFor();
    await other.context.close();
  },
);

// row 70, A18; section 5.8
scene(
  'on Migrate role a Manager is moved to another host, and another one removed',
  { dir, timeout: 240_000 },
  async ({ page }) => {
    const { active, admin } = await everyoneUp(dir);
    // Whenever a member came there is a new version of the script, without which nobody comes.
    const api = await apiOf(active, demo(dir));
    await api.post('/managers/push-dr-script', { password: admin.password });
    await api.dispose();
    await everyoneUp(dir);
    const old = await on(active, 'km4');
    await visit(page, active, '/migrate-role');
    const impact = page.locator('[data-impact]');
    await impact.getByText(/^Quorum 3 of 4 · term \d+ · tolerates 1 failure$/).waitFor();
    await impact.getByText('Quorum 2 of 3 · tolerates 1 failure').waitFor();
    await page.getByRole('button', { name: 'Move km4', exact: true }).click();
    const moving = page.getByRole('dialog', { name: 'Move to another host: km4' });
    await moving.getByText(/^A new instance is added on the host you choose and catches up\./).waitFor();
    await moving.getByRole('radio', { name: 'km5' }).check();
    await save(moving, admin.password);
    await done(moving);
    await moving.getByRole('button', { name: 'Close', exact: true }).last().click();
    await rowOf(page, old).waitFor({ state: 'detached' });
    const moved = await on(active, 'km5');
    await rowOf(page, moved).getByText('Passive').waitFor();

    await page.getByRole('button', { name: 'Remove km5', exact: true }).click();
    const removing = page.getByRole('dialog');
    await removing.getByText('Afterwards: Quorum 2 of 3 · tolerates 1 failure.').waitFor();
    await confirm(removing, admin.password, 'Delete');
    const operation = await ended(active, 'REMOVE_MANAGER', demo(dir));
    assert.equal(operation.status, 'succeeded', operation.error);
    await rowOf(page, moved).waitFor({ state: 'detached' });
    await impact.getByText(/^Quorum 2 of 3 · term \d+ · tolerates 1 failure$/).waitFor();
  },
);
