// The tabs Services and Services HA of the demo that all tests share: what is seen, and what is asked before anything is done.
// What is really done to a service is in acts/services.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, settled, signIn, unique, until, visit } from './harness.mjs';

const SERVICES = '/nodes-and-services/services';
const HA = '/nodes-and-services/services-ha';

// row 2: N of each, by type, against what is wanted
scene(
  'every service stands under its type, and the Dashboard leads to those of one',
  {},
  async ({ page }) => {
    const { active } = await everyoneUp();
    const api = await apiOf(active);
    const { items } = await api.get('/services');
    await api.dispose();
    await visit(page, active, '/');
    await page.locator('[data-type=web_portal]').getByRole('link', { name: 'Kyvos Web Portals' }).click();
    await page.locator('tr[data-type=web_portal]').waitFor();
    const rows = page.locator('tr[data-service]');
    const portals = items.filter(({ type }) => type === 'web_portal').length;
    await until('only Web Portals are shown', async () => (await rows.count()) === portals);
    await page.getByLabel('Type').selectOption('');
    await until('all of them are shown', async () => (await rows.count()) === items.length);
    await page.getByLabel('Find a service').fill('BI Server on km1');
    await until('it is found', async () => (await rows.count()) === 1);
    await page.getByLabel('Find a service').fill('no such thing');
    await page.getByText('No service is like that').waitFor();
  },
);

// issue 6, point 6: the order is said before anybody agrees
scene('what is done to the cluster is said in its order, and for one type alone', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, SERVICES);
  await page.getByRole('button', { name: 'Actions of Services' }).click();
  await page.getByRole('menuitem', { name: 'Stop all Kyvos services' }).click();
  const dialog = page.getByRole('dialog', { name: 'Stop services' });
  const order = dialog.locator('[data-order] li');
  await order.first().waitFor();
  const told = await order.allTextContents();
  const types = ['Kyvos Web Portal', 'Query Engine', 'BI Server', 'Postgres', 'ZooKeeper'];
  assert.equal(told.length, types.length);
  for (const [at, type] of types.entries()) assert.ok(told[at].includes(type), `${at}: ${told[at]}`);
  await dialog.getByText(/The Kyvos Managers go on\.$/).waitFor();
  await dialog.getByLabel('Which').selectOption('bi_server');
  await until('it is about one type', async () => (await order.count()) === 1);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Actions for BI Servers' }).click();
  await page.getByRole('menuitem', { name: 'Restart all BI Servers' }).click();
  const restarting = page.getByRole('dialog', { name: 'Restart services' });
  await restarting.getByText(/^One after the other/).waitFor();
  await restarting.getByLabel('Side by side').fill('100');
  await restarting.getByText('All at the same time: BI Servers.').waitFor();
  await restarting.getByLabel('Side by side').fill('101');
  const restart = restarting.getByRole('button', { name: 'Restart', exact: true });
  await until('so many are refused', async () => (await restart.getAttribute('aria-disabled')) === 'true');
  await page.keyboard.press('Escape');
  await restarting.waitFor({ state: 'detached' });
});

// issue 6, point 1: how a type is controlled is data, and editable
scene('how a type is controlled is changed, and taken back', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const open = async () => {
    await page.getByRole('button', { name: 'Actions for Query Engines' }).click();
    await page.getByRole('menuitem', { name: 'How Query Engines are controlled' }).click();
    return page.getByRole('dialog', { name: 'How Query Engines are controlled' });
  };
  await visit(page, active, SERVICES);
  const setting = await open();
  await setting.getByLabel('Unit').fill('not a unit');
  const save = setting.getByRole('button', { name: 'Save' });
  await until('it is refused', async () => (await save.getAttribute('aria-disabled')) === 'true');
  await setting.getByLabel('Unit').fill('kyvos-qe');
  await setting.getByRole('radio', { name: /^By a page/ }).check();
  await setting.getByLabel('Port').fill('8082');
  await setting.getByLabel('Path').fill('/up');
  await save.click();
  await setting.waitFor({ state: 'detached' });
  const api = await apiOf(active);
  const now = async () =>
    (await api.get('/services/types')).items.find(({ type }) => type === 'query_engine');
  assert.deepEqual((await now()).probe, { kind: 'http', port: 8082, path: '/up' });
  await page.locator('[data-why="query_engine.km2"]').click();
  await page.getByRole('dialog').getByText('kyvos-qe', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const taking = await open();
  await taking.getByRole('button', { name: 'As by default' }).click();
  await taking.waitFor({ state: 'detached' });
  assert.equal((await now()).is_default, true);
  await api.dispose();
});

scene('a Kyvos Manager is no service of this page, which says where it is one', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, `${SERVICES}?type=kyvos_manager`);
  await page
    .getByRole('button', { name: /^Actions for Kyvos Manager on/ })
    .first()
    .click();
  const start = page.getByRole('menuitem', { name: /^Start/ });
  assert.equal(await start.getAttribute('aria-disabled'), 'true');
  await start.getByText('A Kyvos Manager is started and stopped under Kyvos Manager Nodes.').waitFor();
});

// issue 6, point 5: maintenance windows; two browsers see each other's change
scene('a maintenance window is opened and closed, in every open browser', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const other = await openBrowser();
  await visit(other.page, passives[0], HA);
  await visit(page, active, HA);
  await page.getByRole('button', { name: 'Open window' }).click();
  const dialog = page.getByRole('dialog', { name: 'Open a maintenance window' });
  await dialog.getByLabel('With', { exact: true }).selectOption('host');
  const open = dialog.getByRole('button', { name: 'Open', exact: true });
  assert.equal(await open.getAttribute('aria-disabled'), 'true', 'it is not said with which');
  await dialog.getByLabel('Which').selectOption('km1');
  const note = unique('disks');
  await dialog.getByLabel('Note').fill(note);
  await open.click();
  await dialog.waitFor({ state: 'detached' });
  const row = (on) => on.locator('tr[data-window]').filter({ hasText: note });
  for (const each of [page, other.page]) {
    await row(each).getByText('Everything on km1').waitFor();
    await row(each).getByText('Open', { exact: true }).waitFor();
  }
  await row(page).getByRole('button', { name: 'Close the window for Everything on km1' }).click();
  const closing = page.getByRole('dialog', { name: 'Close a maintenance window' });
  await closing.getByRole('button', { name: 'Close window' }).click();
  await closing.waitFor({ state: 'detached' });
  for (const each of [page, other.page]) await row(each).waitFor({ state: 'detached' });
  await other.context.close();
});

/** Services HA as it is now, and set as the API allows. */
async function haOf(manager) {
  const api = await apiOf(manager);
  const get = () => api.get('/services/ha');
  const set = async (change) => {
    const { automation, enabled, standbys, revision, types } = await get();
    const off_types = types.filter((type) => !type.enabled).map(({ type }) => type);
    const now = { automation, enabled, standbys, off_types };
    return api.put('/services/ha', { ...now, ...change }, { 'If-Match': `"${revision}"` });
  };
  const asByDefault = async () => {
    await api.delete('/services/ha');
    await api.dispose();
  };
  return { api, get, set, asByDefault };
}

// issue 6, point 5: a switch per type
scene('Services HA is switched off for one type, and on again', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const ha = await haOf(active);
  const isOn = async (type) => (await ha.get()).types.find((one) => one.type === type).enabled;
  await visit(page, active, HA);
  const engines = page.getByRole('switch', { name: 'Query Engines' });
  await engines.focus();
  for (const on of [false, true]) {
    await page.keyboard.press('Space');
    await until(`it is ${on ? 'on' : 'off'}`, async () => (await isOn('query_engine')) === on);
    await settled(page);
    assert.equal(await engines.isChecked(), on);
    assert.equal(await isOn('bi_server'), true, 'the other types are as they were');
    await page.locator('[data-section=services-ha]').getByText('Off', { exact: true }).waitFor();
  }
  await ha.asByDefault();
});

// row 28; issue 6, point 5: a configured standby
scene('what rests is named as a standby, and taken back', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const ha = await haOf(active);
  const want = (state) => ha.api.put('/services/query_engine.km2/wanted', { state, why: 'operator' });
  await want('stopped');
  await visit(page, active, HA);
  const bounds = page.locator('[data-bounds]');
  const dialog = page.getByRole('dialog', { name: 'Bounds and standbys' });
  const choose = async (checked) => {
    await page.getByRole('button', { name: 'Change bounds and standbys' }).click();
    await dialog.getByRole('checkbox', { name: 'Query Engine on km2' }).setChecked(checked);
    assert.equal(await dialog.getByRole('checkbox', { name: 'Query Engine on km1' }).count(), 0, 'it runs');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await choose(true);
  await bounds.getByText(/then a standby takes its place: query_engine\.km2\.$/).waitFor();
  assert.deepEqual((await ha.get()).standbys, ['query_engine.km2']);
  await choose(false);
  await bounds.getByText(/no standby is named\.$/).waitFor();
  await want('running');
  await ha.asByDefault();
});

// If-Match: two people, one setting
scene('what somebody else changed meanwhile is not changed over his head', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const ha = await haOf(active);
  await visit(page, active, HA);
  await page.getByRole('button', { name: 'Change bounds and standbys' }).click();
  const dialog = page.getByRole('dialog', { name: 'Bounds and standbys' });
  await dialog.getByLabel('Down before anything is done (s)').fill('33');
  const his = await ha.set({ restarts_max: 7 });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Not saved').waitFor();
  await dialog
    .getByRole('alert')
    .getByText(/^CHANGED/)
    .waitFor();
  assert.deepEqual(await ha.get(), his, 'nothing was changed');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.locator('[data-bounds]').getByText('After 7 restarts within').waitFor();

  // A switch takes effect at once, so the other has to be quicker than the page hears of it.
  let hers;
  await page.route('**/api/v1/services/ha', async (route) => {
    if (route.request().method() === 'PUT') hers ??= await ha.set({ restarts_max: 9 });
    await route.fallback();
  });
  await page.getByRole('switch', { name: /^Services HA/ }).focus();
  await page.keyboard.press('Space');
  await page.getByText('Somebody else changed it meanwhile').waitFor();
  assert.deepEqual(await ha.get(), hers, 'nothing was changed');
  assert.equal(await page.getByRole('switch', { name: /^Services HA/ }).isChecked(), false);
  await ha.asByDefault();
});

scene('an auditor sees services, and why nothing can be done', { anonymous: true }, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const username = unique('looker');
  const password = 'an auditor looks only';
  await api.post('/users', { username, role: 'auditor', password });
  const note = unique('seen');
  const window = await api.post('/services/ha/windows', {
    until: new Date(Date.now() + 3_600_000).toISOString(),
    host: 'km1',
    note,
  });
  const WHY = 'Your role (auditor) may not do this.';
  const isOff = async (button) => {
    await button.waitFor();
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
    const reason = await button.getAttribute('aria-describedby');
    assert.equal(await page.locator(`[id="${reason}"]`).textContent(), WHY);
  };
  await visit(page, active, SERVICES);
  await signIn(page, { username, password });
  for (const [button, item] of [
    ['Actions of Services', /^Stop all/],
    ['Actions for BI Servers', /^Restart all/],
    ['Actions for BI Server on km1', /^Start/],
  ]) {
    await page.getByRole('button', { name: button, exact: true }).click();
    const act = page.getByRole('menuitem', { name: item });
    await act.getByText(WHY).waitFor();
    assert.equal(await act.getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('Escape');
    await act.waitFor({ state: 'detached' });
  }
  await page.getByRole('button', { name: 'Actions for BI Servers' }).click();
  await page.getByRole('menuitem', { name: 'How BI Servers are controlled' }).click();
  const control = page.getByRole('dialog', { name: 'How BI Servers are controlled' });
  await isOff(control.getByRole('button', { name: 'Save' }));
  await isOff(control.getByRole('button', { name: 'As by default' }));
  await page.keyboard.press('Escape');
  await control.waitFor({ state: 'detached' });
  // Why something is so, everybody may ask.
  await page.locator('[data-why="bi_server.km1"]').click();
  await page.getByRole('dialog').getByText('Unit on its host').waitFor();

  await visit(page, active, HA);
  for (const name of [/^Automation/, /^Services HA/, 'BI Servers']) {
    const on = page.getByRole('switch', { name });
    await on.waitFor({ state: 'attached' });
    assert.ok(await on.isDisabled());
  }
  await page.locator('[data-section=services-ha] [data-reason]').getByText(WHY).waitFor();
  await isOff(page.getByRole('button', { name: 'Change bounds and standbys' }));
  await isOff(page.getByRole('button', { name: 'Open window' }));
  await isOff(page.locator('tr[data-window]').filter({ hasText: note }).getByRole('button'));
  await api.delete(`/services/ha/windows/${window.id}`);
  await api.delete(`/users/${username}`);
  await api.dispose();
});
