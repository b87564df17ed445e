// Signing in: by keyboard, with every way to fail, and back to where one came from.
import assert from 'node:assert/strict';
import { apiOf, demo, everyoneUp, scene, signIn, unique, visit } from './harness.mjs';

async function signOut(page, { username }) {
  await page.getByRole('button', { name: `User ${username}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('User name').waitFor();
}

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
    await signIn(page, { username: unique('nobody'), password: 'wrong wrong wrong' });
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
    const answered = page.waitForResponse((response) => response.url().endsWith('/login'));
    await signIn(page, { username, password: `wrong guess ${tries}` });
    if ((await answered).status() === 403) break;
  }
  await sentence.getByText(/locked/i).waitFor();
  await api.delete(`/users/${username}`);
  await api.dispose();
});

scene('a server that does not answer is called that', { anonymous: true }, async ({ page }) => {
  await visit(page, demo().managers[0], '/login');
  await page.route('**/api/v1/login', (route) => route.abort());
  await signIn(page, { username: 'admin', password: 'whatever it is' });
  await page.getByText('This Kyvos Manager does not answer.').waitFor();
});

// The server ends the event stream of a session that ended; the page asks who it is and learns that it is nobody.
scene(
  'a page whose session was ended in another tab goes to the login by itself, and back to the same page',
  { anonymous: true },
  async ({ page, context }) => {
    const { active, admin } = await everyoneUp();
    await visit(page, active, '/operations?status=cancelled');
    await signIn(page, admin);
    await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
    const otherTab = await context.newPage();
    await visit(otherTab, active, '/');
    await signOut(otherTab, admin);
    await page.waitForURL(/\/login\?next=%2Foperations%3Fstatus%3Dcancelled/);
    await signIn(page, admin);
    await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
    assert.match(page.url(), /\/operations\?status=cancelled/);
  },
);

// The session is over exactly when the clicked page reads its first data: any earlier, and the page might have left by
// itself before the click.
scene(
  'a click that finds the session ended leads to the login, and on to the page clicked',
  {},
  async ({ page, context }) => {
    const { active, admin } = await everyoneUp();
    await visit(page, active, '/operations');
    await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
    await page.route(
      '**/api/v1/users?*',
      async (route) => {
        await context.clearCookies();
        const { cookie, ...headers } = await route.request().allHeaders();
        await route.fulfill({ response: await route.fetch({ headers }) });
      },
      { times: 1 },
    );
    await page.getByRole('link', { name: 'Users' }).click();
    await page.waitForURL(/\/login\?next=%2Fsettings%2Fusers/);
    await signIn(page, admin);
    await page.getByRole('heading', { name: 'Users', level: 1 }).waitFor();
  },
);

scene('signing out ends at the login', { anonymous: true }, async ({ page }) => {
  const { active, admin } = await everyoneUp();
  await visit(page, active, '/login');
  await signIn(page, admin);
  await signOut(page, admin);
  await visit(page, active, '/');
  await page.getByLabel('User name').waitFor();
});
