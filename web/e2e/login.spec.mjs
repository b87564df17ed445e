// Signing in: by keyboard, with every way to fail, and back to where one came from.
import assert from 'node:assert/strict';
import { apiOf, demo, everyoneUp, scene, unique, visit } from './harness.mjs';

scene(
  'an operator signs in with the keyboard alone and lands on the page asked for',
  { anonymous: true },
  async ({ page }) => {
    const { active, admin } = await everyoneUp();
    await visit(page, active, '/audit');
    await page.getByLabel('User name').waitFor();
    assert.match(page.url(), /\/login\?next=%2Faudit/);
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'username');
    await page.keyboard.type(admin.username);
    await page.keyboard.press('Tab');
    await page.keyboard.type(admin.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
  },
);

scene(
  'a wrong password is refused in a sentence and the field is ready for the next try',
  { anonymous: true },
  async ({ page }) => {
    const manager = demo().managers[0];
    await visit(page, manager, '/login');
    await page.getByLabel('User name').fill(unique('nobody'));
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong wrong wrong');
    await page.keyboard.press('Enter');
    await page.getByText('User name or password is wrong.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'password');
  },
);

scene('a locked account is told so', { anonymous: true }, async ({ page }) => {
  const manager = demo().managers[0];
  const api = await apiOf(manager);
  const username = unique('locked');
  await api.post('/users', { username, role: 'auditor', password: 'correct horse battery' });
  await visit(page, manager, '/login');
  const sentence = page.locator('#login-error');
  for (let tries = 0; tries < 8; tries++) {
    await page.getByLabel('User name').fill(username);
    await page.getByRole('textbox', { name: 'Password' }).fill(`wrong guess ${tries}`);
    const answered = page.waitForResponse((response) => response.url().endsWith('/login'));
    await page.keyboard.press('Enter');
    if ((await answered).status() === 403) break;
  }
  await sentence.getByText(/locked/i).waitFor();
  await api.delete(`/users/${username}`);
  await api.dispose();
});

scene('a server that does not answer is called that', { anonymous: true }, async ({ page }) => {
  await visit(page, demo().managers[0], '/login');
  await page.getByLabel('User name').fill('admin');
  await page.getByRole('textbox', { name: 'Password' }).fill('whatever it is');
  await page.route('**/api/v1/login', (route) => route.abort());
  await page.keyboard.press('Enter');
  await page.getByText('This Kyvos Manager does not answer.').waitFor();
});

scene('a session that ended leads to the login and back to the same page', {}, async ({ page, context }) => {
  const { active, admin } = await everyoneUp();
  await visit(page, active, '/operations');
  await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
  await context.clearCookies();
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByLabel('User name').fill(admin.username);
  await page.getByRole('textbox', { name: 'Password' }).fill(admin.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Users', level: 1 }).waitFor();
});

scene('signing out ends at the login', { anonymous: true }, async ({ page }) => {
  const { active, admin } = await everyoneUp();
  await visit(page, active, '/login');
  await page.getByLabel('User name').fill(admin.username);
  await page.getByRole('textbox', { name: 'Password' }).fill(admin.password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: `User ${admin.username}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('User name').waitFor();
  await visit(page, active, '/');
  await page.getByLabel('User name').waitFor();
});
