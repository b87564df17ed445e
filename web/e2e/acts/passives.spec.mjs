// Restarting Passives: asked for with the password, really done, seen in every browser.
import assert from 'node:assert/strict';
import {
  apiOf,
  everyoneUp,
  openBrowser,
  scene,
  sightingsOf,
  signIn,
  unique,
  until,
  visit,
} from '../harness.mjs';
import { choose, chooseForAll, confirm, ended, freeze, rowOf, stateOf } from './nodes.mjs';

const startedAt = async (manager, id) => {
  const api = await apiOf(manager);
  const { started_at } = await api.get(`/managers/${id}`);
  await api.dispose();
  return started_at;
};
const passwordOf = (dialog) => dialog.getByRole('textbox', { name: 'Kyvos Manager password' });

// rows 56, 58, 59, 60
scene(
  'a Passive is restarted, a wrong password first; another browser sees it go and come back',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const { id } = passives[0];
    const before = await startedAt(active, id);
    const other = await openBrowser();
    await visit(other.page, passives[1]);
    await rowOf(other.page, id).waitFor();
    await visit(page, active);
    const dialog = await choose(page, id, 'Restart Kyvos Manager Service');
    const save = dialog.getByRole('button', { name: 'Save' });
    assert.equal(await save.getAttribute('aria-disabled'), 'true', 'while the password is empty');
    await passwordOf(dialog).fill('not the password');
    await save.click();
    await dialog.getByText('Wrong password').waitFor();
    assert.equal(await startedAt(active, id), before, 'nothing was done');
    const told = await sightingsOf(other.page, `tr[data-manager="${id}"] [data-column=state] a`, 'href');
    await confirm(dialog, admin.password);
    const operation = await ended(active, 'RESTART_MANAGER');
    assert.equal(operation.status, 'succeeded', operation.error);
    assert.notEqual(await startedAt(active, id), before, 'another process runs');
    await until('the other browser told of it', async () => told.has(`/operations/${operation.id}`));
    await stateOf(other.page, id).getByRole('link').waitFor({ state: 'detached' });
    await stateOf(other.page, id).getByText('Running').waitFor();
    await other.context.close();
    await everyoneUp();
  },
);

// rows 61, 62, 63
scene(
  'all Passives restart in one operation; the Active is shown, unticked, with the reason, and goes on',
  { timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const before = await Promise.all([active, ...passives].map(({ id }) => startedAt(active, id)));
    await visit(page, active);
    await rowOf(page, active.id).waitFor();
    const dialog = await chooseForAll(page, /^Restart.*all passive/);
    const boxes = dialog.getByRole('checkbox');
    await boxes.nth(passives.length).waitFor();
    const shown = await boxes.evaluateAll((all) => all.map(({ checked, disabled }) => [checked, disabled]));
    assert.equal(shown.length, 1 + passives.length);
    assert.equal(shown.filter(([checked, disabled]) => !checked && disabled).length, 1);
    assert.equal(shown.filter(([checked, disabled]) => checked && !disabled).length, passives.length);
    await dialog.getByText('Active instance cannot be started, stopped or restarted here').waitFor();
    await confirm(dialog, admin.password);
    const operation = await ended(active, 'RESTART_PASSIVES');
    assert.equal(operation.status, 'succeeded', operation.error);
    const after = await Promise.all([active, ...passives].map(({ id }) => startedAt(active, id)));
    assert.equal(after[0], before[0], 'the Active is the same process');
    assert.ok(passives.every((_, i) => after[i + 1] !== before[i + 1]));
    await everyoneUp();
  },
);

// row 57: the race between the dialog and Save
scene(
  'an instance that became Active while the dialog was open is left alone, and the dialog says so',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const { id } = passives[0];
    await freeze(page);
    await visit(page, passives[1]);
    const dialog = await choose(page, id, 'Restart Kyvos Manager Service');
    await passwordOf(dialog).fill(admin.password);
    const api = await apiOf(active);
    await api.post(`/managers/${id}/make-active`, { password: admin.password });
    await api.dispose();
    assert.equal((await ended(passives[1], 'MAKE_ACTIVE')).status, 'succeeded');
    const before = await startedAt(passives[1], id);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('This instance is now Active').waitFor();
    assert.equal(await startedAt(passives[1], id), before);
  },
);

// five wrong ones, as anywhere
scene(
  'a password tried too often locks the account, and the dialog says so',
  { anonymous: true },
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const api = await apiOf(active);
    const username = unique('guesser');
    const password = 'the right one of mine';
    await api.post('/users', { username, role: 'maintainer', password });
    await visit(page, active);
    await signIn(page, { username, password });
    const dialog = await choose(page, passives[0].id, 'Restart Kyvos Manager Service');
    for (let tries = 0; tries < 6; tries++) {
      const answered = page.waitForResponse((response) => response.url().endsWith('/restart'));
      await passwordOf(dialog).fill(`wrong guess ${tries}`);
      await dialog.getByRole('button', { name: 'Save' }).click();
      await answered;
    }
    await dialog.getByText('Account locked').waitFor();
    const { items } = await api.get('/operations');
    await until(
      'nothing was begun',
      async () => !items.some(({ requested_by }) => requested_by === username),
    );
    await api.delete(`/users/${username}`);
    await api.dispose();
  },
);
