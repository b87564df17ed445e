// Kyvos services as an operator has them: a real process under a real agent is started, killed, explained, restarted by Services
// HA and stopped, all from the dashboard, in a group of its own.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { everyoneUp, ownDemo, scene, visit } from '../harness.mjs';
import { aService, SERVICE } from './service.mjs';

const dir = ownDemo(['--managers', '3']);
const NAME = 'BI Server on localhost';
const LONG = { timeout: 60_000 };

/** The group and the service in it, the same for all scenes, which follow one another. */
let known;
async function ready() {
  const group = await everyoneUp(dir);
  known ??= await aService(group);
  return { active: group.active, service: known };
}
after(() => known?.end());

const rowOf = (page) => page.locator(`tr[data-service="${SERVICE}"]`);
const isNow = (page, state) =>
  page.locator(`tr[data-service="${SERVICE}"][data-state="${state}"]`).waitFor(LONG);
const enter = (page, active, tab) => visit(page, active, `/nodes-and-services/${tab}`);

/** Chooses in the menu of its row. */
async function choose(page, item) {
  await page.getByRole('button', { name: `Actions for ${NAME}`, exact: true }).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
  return page.getByRole('dialog', { name: `${item} ${NAME}` });
}

/** Has it done, sees it through in the same dialog, and closes that. */
async function agree(dialog, verb) {
  await dialog.getByRole('button', { name: verb, exact: true }).click();
  await dialog.locator('[data-operation]').getByText('Succeeded', { exact: true }).waitFor(LONG);
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await dialog.waitFor({ state: 'detached' });
}

// rows 2, 28; issue 6, points 4 and 6
scene(
  'a service is started from its row, and once killed the page tells who says so and why nothing is done',
  { dir, timeout: 150_000 },
  async ({ page }) => {
    const { active, service } = await ready();
    await enter(page, active, 'services?type=bi_server');
    await rowOf(page).getByText('its host has the role').waitFor();
    const starting = await choose(page, 'Start');
    await starting.getByText(/^It is started on localhost \(unit kyvos-bi-server\)/).waitFor();
    await agree(starting, 'Start');
    await isNow(page, 'Up');
    await rowOf(page)
      .getByText(/^by admin/)
      .waitFor();

    await service.kill();
    await isNow(page, 'Down');
    await page.getByRole('button', { name: `Why is ${NAME} down?` }).click();
    const why = page.getByRole('dialog', { name: `Why is ${NAME} down?` });
    const says = (observer) => why.locator(`tr[data-observer=${observer}][data-says=not_there]`);
    await says('unit').waitFor(LONG);
    await says('probe').first().waitFor(LONG);
    await why.getByText('The host localhost').waitFor();
    await why.locator('[data-reason=ha_off]').getByText('Services HA is switched off.').waitFor();
    assert.match(page.url(), /do=why&service=bi_server\.localhost/);
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
    await page.waitForFunction((id) => document.activeElement?.getAttribute('data-why') === id, SERVICE);

    // Whoever reads of it in an alert is led to the same answer.
    await visit(page, active, '/alerts');
    const alert = page.locator('tr[data-alert][data-code=SERVICE_DOWN]').filter({ hasText: NAME });
    await alert.getByRole('button', { name: `Why is ${SERVICE} like that?` }).click(LONG);
    await why.locator('tr[data-observer=unit][data-says=not_there]').waitFor();
    assert.match(page.url(), /\/alerts\?.*do=why&service=bi_server\.localhost/);
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
    assert.doesNotMatch(page.url(), /do=why/);
  },
);

// row 28, A22; issue 6, point 5
scene(
  'Services HA is switched on, starts it again by itself, holds it after as many times as it may, and goes on once acknowledged',
  { dir, timeout: 240_000 },
  async ({ page }) => {
    const { active, service } = await ready();
    await enter(page, active, 'services-ha');
    await page.getByRole('button', { name: 'Change bounds and standbys' }).click();
    const bounds = page.getByRole('dialog', { name: 'Bounds and standbys' });
    await bounds.getByLabel('Down before anything is done (s)').fill('1');
    await bounds.getByLabel('Restarts before it is held').fill('21');
    await bounds.getByText('From 1 to 20.', { exact: true }).waitFor();
    await bounds.getByLabel('Restarts before it is held').fill('1');
    await bounds.getByRole('button', { name: 'Save' }).click();
    await bounds.waitFor({ state: 'detached' });
    await page.locator('[data-bounds]').getByText('After 1 restart within 30 min').waitFor();

    await page.getByRole('switch', { name: /^Services HA/ }).focus();
    await page.keyboard.press('Space');
    await page.locator('[data-section=services-ha]').getByText('On', { exact: true }).waitFor();
    await enter(page, active, 'services?type=bi_server');
    await isNow(page, 'Up');
    await service.kill();
    await enter(page, active, 'services-ha');
    const standing = page.locator(`tr[data-standing="${SERVICE}"]`);
    await page.locator(`tr[data-standing="${SERVICE}"][data-reason=held]`).waitFor({ timeout: 90_000 });
    await standing.getByRole('button', { name: `Acknowledge ${NAME}` }).click();
    await page
      .locator(`tr[data-standing="${SERVICE}"]:not([data-reason=held])`)
      .or(page.getByText('Nothing is to be done', { exact: true }))
      .first()
      .waitFor(LONG);
    await enter(page, active, 'services?type=bi_server');
    await isNow(page, 'Up');
  },
);

// issue 6, point 6: only what runs with an older configuration
scene(
  'what runs with an older configuration is marked, and not any more once it was restarted',
  { dir, timeout: 150_000 },
  async ({ page }) => {
    const { active, service } = await ready();
    // The hosts of the Managers have the role too, and no such unit.
    const { items } = await service.api.get('/hosts');
    for (const host of items.filter(({ name }) => name !== 'localhost'))
      await service.api.patch(`/hosts/${host.id}`, { roles: ['web_portal'] });
    const path = '/properties/olapengine/BLOCK_CACHE_LIFETIME';
    const { revision } = await service.api.get(path);
    await enter(page, active, 'services?type=bi_server');
    await isNow(page, 'Up');
    await service.api.put(path, { value: '60' }, { 'If-Match': `"${revision}"` });
    await rowOf(page).getByText('Older configuration', { exact: true }).waitFor();
    await page.getByRole('button', { name: `Why is ${NAME} up?` }).click();
    await page
      .getByRole('dialog')
      .getByText(/^older values of olapengine\/BLOCK_CACHE_LIFETIME/)
      .waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });

    const ask = async () => {
      await page.getByRole('button', { name: 'Actions for BI Servers' }).click();
      await page.getByRole('menuitem', { name: 'Restart all BI Servers' }).click();
      const dialog = page.getByRole('dialog', { name: 'Restart services' });
      await dialog.getByLabel('Only those with an older configuration').check();
      return dialog;
    };
    const restarting = await ask();
    await restarting.getByText('1 runs with older values than it would read now.').waitFor();
    assert.deepEqual(await restarting.locator('[data-order] li').allTextContents(), [
      'BI Server on localhost',
    ]);
    await agree(restarting, 'Restart');
    await rowOf(page).locator('[data-behind]').waitFor({ state: 'detached' });
    const again = await ask();
    await again.getByText('0 run with older values than they would read now.').waitFor();
    const restart = again.getByRole('button', { name: 'Restart', exact: true });
    assert.equal(await restart.getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('Escape');
    await again.waitFor({ state: 'detached' });
  },
);

// rows 36, A22
scene(
  'a planned stop says so beside the state, and nobody fights it',
  { dir, timeout: 150_000 },
  async ({ page }) => {
    const { active } = await ready();
    await enter(page, active, 'services?type=bi_server');
    const stopping = await choose(page, 'Stop');
    await stopping.getByLabel('Why').selectOption('maintenance');
    await agree(stopping, 'Stop');
    await isNow(page, 'Stopped');
    await rowOf(page)
      .getByText(/^for maintenance, by admin/)
      .waitFor();
    await page.locator('tr[data-type=bi_server]').getByText('1 wanted stopped').waitFor();
    await page.getByRole('button', { name: `Actions for ${NAME}`, exact: true }).click();
    const stop = page.getByRole('menuitem', { name: /^Stop/ });
    assert.equal(await stop.getAttribute('aria-disabled'), 'true');
    await stop.getByText('It is stopped, as it is wanted.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: `Why is ${NAME} stopped?` }).click();
    await page.getByRole('dialog').locator('[data-reason=planned]').waitFor();
  },
);

// A22; issue 6, point 6: what sleeps by a schedule says so
scene(
  'a schedule that comes due has services sleep before the eyes of whoever looks on',
  { dir, timeout: 150_000 },
  async ({ page }) => {
    const { active, service } = await ready();
    await service.api.post(`/services/${SERVICE}/start`, {});
    await enter(page, active, 'services?type=bi_server');
    await isNow(page, 'Up');
    const at = new Date(Date.now() + 15_000).toISOString().slice(11, 19);
    await service.api.post('/services/schedules', { name: 'night', state: 'stopped', at, type: 'bi_server' });
    await isNow(page, 'Stopped');
    await rowOf(page)
      .getByText(/^by schedule/)
      .waitFor();
    await enter(page, active, 'services-ha');
    await page.locator('tr[data-schedule=night]').getByText('Begun', { exact: true }).waitFor();
  },
);
