// Users: added, changed, deleted; and what a role may not do is disabled with its reason.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, scene, signIn, unique, visit } from './harness.mjs';

const rowOf = (page, name) => page.locator(`tr[data-user="${name}"]`);

scene('a user is added, made inactive and deleted', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const name = unique('user');
  await visit(page, active, '/settings/users');
  await page.getByRole('button', { name: 'Add user' }).click();
  const adding = page.getByRole('dialog', { name: 'Add a user' });
  await adding.getByLabel('User name').fill(name);
  await adding.getByLabel('Role').selectOption('maintainer');
  await adding.getByRole('textbox', { name: 'Password' }).fill('short');
  await adding.getByText(/^At least \d+ characters/).waitFor();
  await adding.getByRole('textbox', { name: 'Password' }).fill('a long enough password');
  await adding.getByRole('button', { name: 'Add', exact: true }).click();
  await rowOf(page, name).getByText('maintainer').waitFor();

  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Change' }).click();
  const changing = page.getByRole('dialog', { name: `Change ${name}` });
  await changing.getByLabel('Status').selectOption('inactive');
  await changing.getByRole('button', { name: 'Save' }).click();
  await rowOf(page, name).getByText('Inactive').waitFor();

  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Delete a user' }).getByRole('button', { name: 'Delete' }).click();
  await rowOf(page, name).waitFor({ state: 'detached' });
});

scene('an auditor sees, and is told why nothing can be changed', { anonymous: true }, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const username = unique('auditor');
  const password = 'an auditor looks only';
  await api.post('/users', { username, role: 'auditor', password });
  await visit(page, active, '/settings/properties');
  await signIn(page, { username, password });
  const save = page.getByRole('button', { name: 'Save', exact: true });
  await save.waitFor();
  assert.equal(await save.getAttribute('aria-disabled'), 'true');
  const reason = await save.evaluate(
    (button) => document.getElementById(button.getAttribute('aria-describedby'))?.textContent,
  );
  assert.equal(reason, 'Your role (auditor) may not do this.');
  await api.delete(`/users/${username}`);
  await api.dispose();
});

scene(
  'a user changes the own password and signs in with the new one',
  { anonymous: true },
  async ({ page }) => {
    const { active } = await everyoneUp();
    const api = await apiOf(active);
    const username = unique('changer');
    await api.post('/users', { username, role: 'auditor', password: 'the first password' });
    await visit(page, active, '/profile/password');
    await signIn(page, { username, password: 'the first password' });
    await page.getByRole('textbox', { name: 'Existing password' }).fill('not the first one');
    await page.getByRole('textbox', { name: 'New password', exact: true }).fill('the second password');
    await page.getByRole('textbox', { name: 'New password again' }).fill('the second password');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Not changed').waitFor();
    await page.getByRole('textbox', { name: 'Existing password' }).fill('the first password');
    await page.getByRole('button', { name: 'Save' }).click();
    // Every session of the user ends with it, this one too.
    await page.getByText('Password changed. Sign in with the new one.').waitFor();
    await signIn(page, { username, password: 'the second password' });
    await page.getByRole('heading', { name: 'Change Password', level: 1 }).waitFor();
    await api.delete(`/users/${username}`);
    await api.dispose();
  },
);
