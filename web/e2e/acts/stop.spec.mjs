// Stopping and starting: really done to the process, seen in every browser, and not without a word about the quorum.
import assert from 'node:assert/strict';
import { demo, everyoneUp, openBrowser, scene, until, visit } from '../harness.mjs';
import { bringBack, choose, chooseForAll, confirm, ended, rowOf, stateOf } from './nodes.mjs';

const passwordOf = (dialog) => dialog.getByRole('textbox', { name: 'Kyvos Manager password' });
const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const pidOf = (id) => demo().managers.find((manager) => manager.id === id).pid;

// rows 56, 58–60
scene(
  'a Passive is stopped, a wrong password first, and started again; another browser sees all of it',
  { timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const { id } = passives[0];
    const pid = pidOf(id);
    const other = await openBrowser();
    await visit(other.page, passives[1]);
    await rowOf(other.page, id).waitFor();
    await visit(page, active);
    const dialog = await choose(page, id, 'Stop Kyvos Manager Service');
    const save = dialog.getByRole('button', { name: 'Save' });
    assert.equal(await save.getAttribute('aria-disabled'), 'true', 'while the password is empty');
    await passwordOf(dialog).fill('not the password');
    await save.click();
    await dialog.getByText('Wrong password').waitFor();
    assert.ok(isAlive(pid), 'nothing was done');
    await confirm(dialog, admin.password);
    await stateOf(other.page, id).getByText('Stopped').waitFor({ timeout: 60_000 });
    assert.equal((await ended(active, 'STOP_MANAGER')).status, 'succeeded');
    await until('the process has ended', async () => !isAlive(pid));
    await stateOf(page, id).getByText('Stopped').waitFor();

    await confirm(await choose(page, id, 'Start Kyvos Manager Service'), admin.password);
    await stateOf(other.page, id).getByText('Running').waitFor({ timeout: 60_000 });
    assert.equal((await ended(active, 'START_MANAGER')).status, 'succeeded');
    await other.context.close();
    await everyoneUp();
  },
);

// rows 61–63: the loss of quorum is agreed to by a tick of its own; then Start brings the last one back
scene(
  'with one of three stopped, stopping another is a loss of quorum; Start of all Passives starts that one',
  { timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const [gone, left] = passives;
    await visit(page, active);
    await confirm(await choose(page, gone.id, 'Stop Kyvos Manager Service'), admin.password);
    await stateOf(page, gone.id).getByText('Stopped').waitFor({ timeout: 60_000 });
    await ended(active, 'STOP_MANAGER');

    const one = await choose(page, left.id, 'Stop Kyvos Manager Service');
    await one.getByText(/the others have no quorum/).waitFor();
    await passwordOf(one).fill(admin.password);
    const save = one.getByRole('button', { name: 'Save' });
    assert.equal(await save.getAttribute('aria-disabled'), 'true');
    await one.getByRole('checkbox').check();
    assert.notEqual(await save.getAttribute('aria-disabled'), 'true');
    await one.getByRole('button', { name: 'Cancel' }).click();
    await one.waitFor({ state: 'detached' });

    const all = await chooseForAll(page, /^Stop.*all passive/);
    await all.getByText(/would be left and .* the quorum is lost/).waitFor();
    await all.getByText('Active instance cannot be started, stopped or restarted here').waitFor();
    await all.getByRole('button', { name: 'Cancel' }).click();
    await all.waitFor({ state: 'detached' });

    const start = await chooseForAll(page, /^Start.*all passive/);
    const ticked = start.getByRole('checkbox', { checked: true });
    await ticked.first().waitFor();
    assert.equal(await ticked.count(), 1, 'only the one that does not run');
    await confirm(start, admin.password);
    await stateOf(page, gone.id).getByText('Running').waitFor({ timeout: 60_000 });
    assert.equal((await ended(active, 'START_PASSIVES')).status, 'succeeded');
    await everyoneUp();
  },
);

// a dialog that went stale: what is no longer so is refused by the group, and the dialog says it
scene(
  'a dialog to stop one that has stopped meanwhile does nothing',
  { timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const { id } = passives[0];
    await visit(page, active);
    const dialog = await choose(page, id, 'Stop Kyvos Manager Service');
    await passwordOf(dialog).fill(admin.password);
    const other = await openBrowser();
    await visit(other.page, active);
    await confirm(await choose(other.page, id, 'Stop Kyvos Manager Service'), admin.password);
    await stateOf(page, id).getByText('Stopped').waitFor({ timeout: 60_000 });
    const save = dialog.getByRole('button', { name: 'Save' });
    await until('Save is off', async () => (await save.getAttribute('aria-disabled')) === 'true');
    await other.context.close();
    await bringBack(active, id, admin.password);
  },
);
