// Takes the pictures in docs/pictures, so that what the documentation shows is what the product looks like.
// Each is a scene like the tests: a real group, a real browser, and every step has to succeed.
import { fileURLToPath } from 'node:url';
import { aService, SERVICE } from '../acts/service.mjs';
import { DIALOGS, withDialog, withSpare } from '../dialogs.mjs';
import { apiOf, everyoneUp, scene, settled, until, visit } from '../harness.mjs';

const PICTURES = fileURLToPath(new URL('../../../docs/pictures/', import.meta.url));
const WIDE = { width: 1440 };

const take = async (page, name) => {
  await settled(page);
  await page.screenshot({ path: `${PICTURES}${name}.png`, animations: 'disabled', caret: 'hide' });
};
const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const rowOf = (page, id) => page.locator(`tr[data-manager="${id}"]`);

/** A group with names, a few settings of its own, and a change of the Active behind it. */
async function dressed() {
  const { active, passives, ...rest } = await everyoneUp();
  const api = await apiOf(active);
  const named = [
    [active, 'Frankfurt A'],
    [passives[0], 'Frankfurt B'],
    [passives[1], 'Berlin'],
  ];
  for (const [manager, alias] of named) await api.patch(`/managers/${manager.id}`, { alias });
  await api.put('/properties/custom/site.contact', {
    value: 'ops@example.com',
    reason: 'who is called at night',
  });
  await api.dispose();
  return { active, passives, ...rest };
}

/** Has the prechecks looked at anew, and waits until they are. */
async function lookedAt(active) {
  const api = await apiOf(active);
  const { asked } = await api.post('/prechecks/run', {});
  await until('the prechecks are answered', async () => (await api.get('/prechecks')).answered >= asked);
  await api.dispose();
}

for (const dark of [false, true]) {
  const scheme = dark ? 'dark' : 'light';
  scene(`the Dashboard, ${scheme}`, { ...WIDE, dark }, async ({ page }) => {
    const { active, passives } = await dressed();
    await visit(page, active);
    await rowOf(page, passives[0].id).waitFor();
    await take(page, `dashboard-${scheme}`);
  });
}

scene('the Dashboard on a telephone', { width: 390 }, async ({ page }) => {
  const { active, passives } = await dressed();
  await visit(page, active);
  await rowOf(page, passives[0].id).waitFor();
  await take(page, 'dashboard-narrow');
});

for (const [path, title, name] of [
  ['/nodes-and-services', 'Nodes and Services', 'nodes-and-services'],
  ['/nodes-and-services/mapping', 'Nodes and Services', 'mapping'],
  ['/nodes-and-services/prechecks', 'Nodes and Services', 'prechecks'],
  ['/migrate-role', 'Migrate role', 'migrate-role'],
  ['/utilities/logs', 'Download Logs', 'logs'],
  ['/operations', 'Operations', 'operations'],
  ['/alerts', 'Alerts', 'alerts'],
  ['/audit', 'Audit', 'audit'],
  ['/settings/properties', 'Kyvos Manager Properties', 'properties'],
  ['/settings/users', 'Users', 'users'],
  ['/settings/tokens', 'Tokens', 'tokens'],
  ['/profile/password', 'Change Password', 'change-password'],
]) {
  scene(`the page ${title}`, WIDE, async ({ page }) => {
    const { active } = await dressed();
    if (name === 'prechecks') await lookedAt(active);
    await visit(page, active, path);
    await heading(page, title);
    await take(page, name);
  });
}

// A real service that was killed: red, with evidence, and a while before Services HA starts it again.
scene('services, one of them down', { ...WIDE, timeout: 180_000 }, async ({ page }) => {
  const group = await dressed();
  const service = await aService(group);
  const judged = (verdict) =>
    until(`it is ${verdict}`, async () => (await service.show()).verdict?.verdict === verdict, 60_000);
  await service.api.put('/services/ha', { enabled: true, settle_seconds: 3600 });
  await service.api.post(`/services/${SERVICE}/start`, {});
  await judged('up');
  await service.kill();
  await judged('down');
  await visit(page, group.active, '/nodes-and-services/services');
  await page.locator(`tr[data-service="${SERVICE}"]`).waitFor();
  // As much of the list as it takes to see the red one.
  await page.setViewportSize({ width: WIDE.width, height: 1500 });
  await take(page, 'services');
  await page.setViewportSize({ width: WIDE.width, height: 900 });
  await visit(page, group.active, `/nodes-and-services/services?do=why&service=${SERVICE}`);
  await page.getByRole('dialog').getByText('What Services HA does').waitFor();
  await take(page, 'dialog-why-service');
  await page.keyboard.press('Escape');
  const inTwoHours = new Date(Date.now() + 7_200_000).toISOString();
  const window = { until: inTwoHours, host: 'km2', note: 'new disks' };
  const { id } = await service.api.post('/services/ha/windows', window);
  const weekdays = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], offset: '+05:30', enabled: true };
  const night = { name: 'night', state: 'stopped', at: '22:00', ...weekdays };
  const schedule = await service.api.post('/services/schedules', night);
  await page.setViewportSize({ width: WIDE.width, height: 1200 });
  await visit(page, group.active, '/nodes-and-services/services-ha');
  await page.locator(`tr[data-window="${id}"]`).waitFor();
  await page.locator('[data-schedule=night]').waitFor();
  await page.locator(`tr[data-standing="${SERVICE}"][data-reason=settling]`).waitFor();
  await take(page, 'services-ha');
  await service.api.delete(`/services/schedules/${schedule.id}`, { 'If-Match': `"${schedule.revision}"` });
  await service.api.delete(`/services/ha/windows/${id}`);
  await service.api.delete('/services/ha');
  await service.end();
});

scene('who is told of alerts', WIDE, async ({ page }) => {
  const { active } = await dressed();
  const api = await apiOf(active);
  const { id, revision } = await api.post('/alerts/channels', {
    name: 'Night shift',
    minimum_severity: 'error',
    webhook: { url: 'https://pager.example.com/hook', secret: 'sixteen characters or more' },
  });
  await visit(page, active, '/alerts/channels');
  await page.locator('[data-channel="Night shift"]').waitFor();
  await take(page, 'channels');
  await api.delete(`/alerts/channels/${id}`, { 'If-Match': `"${revision}"` });
  await api.dispose();
});

scene('the login', { ...WIDE, anonymous: true }, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/login');
  await page.getByLabel('User name').waitFor();
  await take(page, 'login');
});

scene('the Action menu of a Passive', WIDE, async ({ page }) => {
  const { active, passives } = await dressed();
  await visit(page, active);
  await rowOf(page, passives[0].id)
    .getByRole('button', { name: /^Action menu of/ })
    .click();
  await page.getByRole('menuitem', { name: 'Make Active' }).waitFor();
  await take(page, 'action-menu');
});

/** Not in the pictures: what shows the folders of the machine it was taken on, what an altered answer would make up, and what is
 * taken of a service that is really down. */
const UNPICTURED = ['properties', 'ssh-key', 'why-service'];

scene('every dialog', { ...WIDE, timeout: 300_000 }, async ({ page }) => {
  const group = await withSpare(await dressed());
  await lookedAt(group.active);
  for (const name of Object.keys(DIALOGS).filter((name) => !UNPICTURED.includes(name)))
    await withDialog(page, name, group, () => take(page, `dialog-${name}`));
});

scene('the Active history and one operation', WIDE, async ({ page }) => {
  const { active } = await dressed();
  const api = await apiOf(active);
  const { items } = await api.get('/operations');
  await api.dispose();
  await visit(page, active, '/nodes-and-services');
  await page.getByRole('tab', { name: 'Active history' }).click();
  await page.getByRole('table', { name: 'Active history' }).waitFor();
  await take(page, 'active-history');
  await visit(page, active, `/operations/${items[0].id}`);
  await heading(page, items[0].title);
  await take(page, 'operation');
});
