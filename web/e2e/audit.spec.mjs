// Audit: what was done is found again, with the value before and after.
import { apiOf, everyoneUp, scene, unique, visit } from './harness.mjs';

scene('a change made a moment ago appears live with its value before and after', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const name = unique('audited');
  await visit(page, active, '/audit');
  await page.getByRole('table', { name: 'Audit' }).waitFor();
  await api.put(`/properties/custom/${name}`, { value: 'before it' });
  await api.put(`/properties/custom/${name}`, { value: 'after it' });
  const rows = page.getByRole('row', { name: new RegExp(name) });
  await rows.nth(1).waitFor();
  const row = rows.first();
  await row.getByRole('button', { name: /^Before and after/ }).click();
  await page.getByText('before it', { exact: true }).waitFor();
  await page.getByText('after it', { exact: true }).waitFor();
  await api.delete(`/properties/custom/${name}`);
  await api.dispose();
});

scene('filters narrow the list, and nothing found is said', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/audit');
  await page.getByLabel('User', { exact: true }).fill('nobody-of-this-name');
  await page.getByText('Nothing fits these filters.').waitFor();
});
