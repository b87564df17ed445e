// Tokens: shown once, ready to use, and gone when deleted.
import assert from 'node:assert/strict';
import { everyoneUp, scene, unique, visit } from './harness.mjs';

scene('a join token comes once, as the command to paste on the new host', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/settings/tokens');
  await page.getByRole('button', { name: 'Make join token' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make a join token' });
  await dialog.getByLabel('What joins').selectOption('witness');
  await dialog.getByRole('button', { name: 'Make token' }).click();
  const command = await dialog.locator('code').textContent();
  assert.match(command, /^KM_JOIN_TOKEN=\S+ km join --config \S+ --role witness$/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(command), 'the token is still in the page');
  const table = page.getByRole('table', { name: 'Join tokens' });
  const waiting = table.getByRole('row').filter({ hasText: 'Waiting' }).first();
  const id = await waiting.getByRole('rowheader').textContent();
  await table.getByRole('button', { name: `Delete join token ${id}`, exact: true }).click();
  await table.getByRole('rowheader', { name: id, exact: true }).waitFor({ state: 'detached' });
});

scene('an API token is made for a purpose and deleted', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const name = unique('script');
  await visit(page, active, '/settings/tokens');
  await page.getByRole('button', { name: 'Make API token' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make an API token' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Make token' }).click();
  assert.match(await dialog.locator('code').textContent(), /^km_t_/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: `Delete token ${name}` }).click();
  await page
    .getByRole('dialog', { name: 'Delete an API token' })
    .getByRole('button', { name: 'Delete' })
    .click();
  await page.getByRole('rowheader', { name }).waitFor({ state: 'detached' });
});
