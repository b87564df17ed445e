// What can be done with an instance in which state (requirements 5.5), as its Action menu says it.
// Lagging, learner and "an operation is under way" are shown by altering what the API answers; the others are so.
// "No active instance" is in faults/no-quorum, "the last one" in without-ha.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, keepDown, scene, signIn, unique, visit } from '../harness.mjs';
import { alter, bringBack, choose, confirm, ended, menuOf, modeOf, rowOf, stateOf } from './nodes.mjs';

const START = 'Start Kyvos Manager Service';
const RESTART = 'Restart Kyvos Manager Service';
const STOP = 'Stop Kyvos Manager Service';
const MAKE_ACTIVE = 'Make Active';
const RESTART_ACTIVE = 'Restart Active Kyvos Manager Instance';
const LOGS = 'Download logs';

/** The row of the matrix as the menu says it: exactly these are possible, each of the others has its reason. */
function isRow(menu, { on, off }) {
  for (const item of on) assert.equal(menu[item], undefined, `${item} is possible, and not: ${menu[item]}`);
  for (const item of on) assert.ok(item in menu, `${item} stands in the menu`);
  for (const [item, why] of Object.entries(off)) assert.match(menu[item] ?? '', why, item);
}

/** What is done through the host of an instance: possible where there is a way to it, else for that very reason. */
async function throughHost(manager, id, items) {
  const api = await apiOf(manager);
  const { items: hosts } = await api.get('/hosts');
  await api.dispose();
  const ready = ({ transport }) => transport.enrolled_at != null || transport.trusted_key != null;
  const isWay = hosts.some((host) => host.manager === id && ready(host));
  return isWay
    ? { on: items, off: {} }
    : { on: [], off: Object.fromEntries(items.map((item) => [item, /host/])) };
}

// rows 56, 57, 64, 78
scene('of an Active that runs', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  await visit(page, passives[0]);
  isRow(await menuOf(page, active.id), {
    on: ['Properties', RESTART_ACTIVE, LOGS, 'Delete'],
    off: {
      [START]: /It is Active/,
      [RESTART]: /It is Active/,
      [STOP]: /It is Active/,
      [MAKE_ACTIVE]: /it is Active already/,
    },
  });
});

scene('of a Passive that runs and has caught up', {}, async ({ page }) => {
  const { passives } = await everyoneUp();
  const [{ id }] = passives;
  await visit(page, passives[0]);
  const menu = await menuOf(page, id);
  const stop = await throughHost(passives[0], id, [STOP]);
  isRow(menu, {
    on: ['Properties', RESTART, MAKE_ACTIVE, LOGS, 'Delete', ...stop.on],
    off: { [START]: /It runs/, ...stop.off },
  });
  assert.ok(!(RESTART_ACTIVE in menu), 'that is of the Active only');
});

// rows 46, 50, 60
scene('of a Passive that was stopped on purpose', { timeout: 150_000 }, async ({ page }) => {
  const { active, passives, admin } = await everyoneUp();
  const { id } = passives[0];
  await visit(page, active);
  await confirm(await choose(page, id, STOP), admin.password);
  await stateOf(page, id).getByText('Stopped').waitFor({ timeout: 60_000 });
  await modeOf(page, id).getByText('Passive').waitFor();
  assert.equal((await ended(active, 'STOP_MANAGER')).status, 'succeeded');
  isRow(await menuOf(page, id, (read) => read[START] === undefined), {
    on: ['Properties', START, LOGS, 'Delete'],
    off: { [RESTART]: /stopped/, [STOP]: /stopped/, [MAKE_ACTIVE]: /./ },
  });
  const dialog = await choose(page, id, 'Properties');
  await dialog.getByText(/Shown is what was last known/).waitFor();
  await page.keyboard.press('Escape');
  await bringBack(active, id, admin.password);
});

scene('of a Passive that is down', { timeout: 150_000 }, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const { id } = passives[0];
  await visit(page, active);
  await rowOf(page, id).waitFor();
  const letItReturn = keepDown([id]);
  try {
    await stateOf(page, id).getByText('Down').waitFor({ timeout: 30_000 });
    assert.equal(await rowOf(page, id).locator('[data-status=bad]').count(), 1);
    const menu = await menuOf(page, id, (read) => read[STOP] === 'It does not answer.');
    const begin = await throughHost(active, id, [START, RESTART, LOGS]);
    isRow(menu, {
      on: ['Properties', 'Delete', ...begin.on],
      off: { [STOP]: /It does not answer/, [MAKE_ACTIVE]: /it does not answer/, ...begin.off },
    });
  } finally {
    letItReturn();
  }
  await everyoneUp();
});

scene('of a Passive that lags: Make Active says how far it is behind', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const { id } = passives[0];
  await alter(page, id, ({ blocked }) => ({
    role: 'learner',
    lag: 4200,
    blocked: { ...blocked, make_active: 'Not now: it is 4200 entries behind.' },
  }));
  await visit(page, active);
  await modeOf(page, id).getByText('Learner').waitFor();
  assert.equal(await rowOf(page, id).locator('[data-status=warn]').count(), 1);
  const stop = await throughHost(active, id, [STOP]);
  isRow(await menuOf(page, id), {
    on: ['Properties', RESTART, LOGS, 'Delete', ...stop.on],
    off: { [START]: /It runs/, [MAKE_ACTIVE]: /4200 entries behind/, ...stop.off },
  });
});

scene('of an instance an operation is under way with: nothing but looking and logs', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const { id } = passives[0];
  const why = 'Operation 88 is under way: Restart Kyvos Manager Service.';
  const verbs = ['start', 'stop', 'restart', 'make_active', 'restart_active', 'remove'];
  const blocked = Object.fromEntries(verbs.map((verb) => [verb, why]));
  await alter(page, id, () => ({ operation: 88, state: 'stopping', blocked }));
  await visit(page, active);
  await stateOf(page, id).getByRole('link', { name: 'operation 88' }).waitFor();
  const { Properties, 'Download logs': logs, ...others } = await menuOf(page, id);
  assert.deepEqual([Properties, logs], [undefined, undefined]);
  assert.deepEqual(new Set(Object.values(others)), new Set([why]));
});

scene('for an auditor: looking and logs are all', { anonymous: true }, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const api = await apiOf(active);
  const username = unique('looker');
  const password = 'an auditor looks only';
  await api.post('/users', { username, role: 'auditor', password });
  await visit(page, active);
  await signIn(page, { username, password });
  const { Properties, 'Download logs': logs, ...others } = await menuOf(page, passives[0].id);
  assert.deepEqual([Properties, logs], [undefined, undefined]);
  assert.deepEqual(new Set(Object.values(others)), new Set(['Your role (auditor) may not do this.']));
  await api.delete(`/users/${username}`);
  await api.dispose();
});
