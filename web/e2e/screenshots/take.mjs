// Takes the pictures in docs/pictures, so that what the documentation shows is what the product looks like.
// Each is a scene like the tests: a real group, a real browser, and every step has to succeed.
import { fileURLToPath } from 'node:url';
import { apiOf, everyoneUp, scene, settled, visit } from '../harness.mjs';

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

async function choose(page, id, item) {
  await rowOf(page, id)
    .getByRole('button', { name: /^Action menu of/ })
    .click();
  await page.getByRole('menuitem', { name: item }).click();
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
  ['/operations', 'Operations', 'operations'],
  ['/audit', 'Audit', 'audit'],
  ['/settings/properties', 'Kyvos Manager Properties', 'properties'],
  ['/settings/users', 'Users', 'users'],
  ['/settings/tokens', 'Tokens', 'tokens'],
  ['/profile/password', 'Change Password', 'change-password'],
]) {
  scene(`the page ${title}`, WIDE, async ({ page }) => {
    const { active } = await dressed();
    await visit(page, active, path);
    await heading(page, title);
    await take(page, name);
  });
}

scene('the login', { ...WIDE, anonymous: true }, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/login');
  await page.getByLabel('User name').waitFor();
  await take(page, 'login');
});

scene('the Action menu and the dialogs of a Passive', WIDE, async ({ page }) => {
  const { active, passives } = await dressed();
  const { id } = passives[0];
  await visit(page, active);
  await rowOf(page, id)
    .getByRole('button', { name: /^Action menu of/ })
    .click();
  await page.getByRole('menuitem', { name: 'Make Active' }).waitFor();
  await take(page, 'action-menu');
  await page.keyboard.press('Escape');
  for (const [item, name] of [
    ['Properties', 'dialog-properties'],
    ['Restart Kyvos Manager Service', 'dialog-restart'],
    ['Make Active', 'dialog-make-active'],
    ['Delete', 'dialog-delete'],
  ]) {
    await choose(page, id, item);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await take(page, name);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
});

scene('the dialogs of the group', WIDE, async ({ page }) => {
  const { active } = await dressed();
  await visit(page, active);
  for (const [item, name] of [
    [/^Restart.*all passive/, 'dialog-restart-passives'],
    ['Restart Active Kyvos Manager Instance', 'dialog-restart-active'],
  ]) {
    await page.getByRole('button', { name: 'Actions of Kyvos Manager Nodes' }).click();
    await page.getByRole('menuitem', { name: item }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await take(page, name);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
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
