// What can be done with an instance in which state (requirements 5.5), as its Action menu says it.
// Stopped comes with Stop; lagging, learner and "an operation is under way" are shown by altering what the API answers.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, keepDown, scene, signIn, unique, visit } from '../harness.mjs';
import { menuOf, modeOf, rowOf, stateOf } from './nodes.mjs';

const RESTART = 'Restart Kyvos Manager Service';
const MAKE_ACTIVE = 'Make Active';
const RESTART_ACTIVE = 'Restart Active Kyvos Manager Instance';

/** Has the page see one instance otherwise than it is. */
async function alter(page, id, change) {
  await page.route('**/api/v1/managers?*', async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    for (const manager of list.items) if (manager.id === id) Object.assign(manager, change(manager));
    await route.fulfill({ response, json: list });
  });
}

// rows 56, 57, 78
scene('of an Active that runs and a Passive that runs and has caught up', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  await visit(page, passives[0]);
  const ofActive = await menuOf(page, active.id);
  assert.match(ofActive[RESTART], /It is Active/);
  assert.match(ofActive[MAKE_ACTIVE], /it is Active already/);
  for (const possible of ['Properties', RESTART_ACTIVE, 'Step Aside', 'Delete'])
    assert.equal(ofActive[possible], undefined, `${possible} is possible`);
  assert.deepEqual(await menuOf(page, passives[0].id), {
    Properties: undefined,
    [RESTART]: undefined,
    [MAKE_ACTIVE]: undefined,
    Delete: undefined,
  });
});

scene(
  'of a Passive that is down: it can be deleted, not made Active',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const { id } = passives[0];
    await visit(page, active);
    await rowOf(page, id).waitFor();
    const letItReturn = keepDown([id]);
    try {
      await stateOf(page, id).getByText('Down').waitFor({ timeout: 30_000 });
      assert.equal(await rowOf(page, id).locator('[data-status=bad]').count(), 1);
      const menu = await menuOf(page, id, (read) => read[RESTART] !== undefined);
      assert.equal(menu[RESTART], 'It does not answer.');
      assert.match(menu[MAKE_ACTIVE], /it does not answer/);
      assert.deepEqual([menu.Properties, menu.Delete], [undefined, undefined]);
    } finally {
      letItReturn();
    }
    await everyoneUp();
  },
);

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
  const menu = await menuOf(page, id);
  assert.match(menu[MAKE_ACTIVE], /4200 entries behind/);
  assert.equal(menu[RESTART], undefined);
});

scene('of an instance an operation is under way with: nothing but looking', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const { id } = passives[0];
  const why = 'Operation 88 is under way: Restart Kyvos Manager Service.';
  const blocked = { restart: why, make_active: why, restart_active: why, remove: why };
  await alter(page, id, () => ({ operation: 88, state: 'stopping', blocked }));
  await visit(page, active);
  await stateOf(page, id).getByRole('link', { name: 'operation 88' }).waitFor();
  const { Properties, ...others } = await menuOf(page, id);
  assert.equal(Properties, undefined);
  assert.deepEqual(new Set(Object.values(others)), new Set([why]));
});

scene('for an auditor: looking is all', { anonymous: true }, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const api = await apiOf(active);
  const username = unique('looker');
  const password = 'an auditor looks only';
  await api.post('/users', { username, role: 'auditor', password });
  await visit(page, active);
  await signIn(page, { username, password });
  const { Properties, ...others } = await menuOf(page, passives[0].id);
  assert.equal(Properties, undefined);
  assert.deepEqual(new Set(Object.values(others)), new Set(['Your role (auditor) may not do this.']));
  await api.delete(`/users/${username}`);
  await api.dispose();
});
