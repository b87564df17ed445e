// Operations: the list, its filter, one operation with its steps.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, scene, visit } from './harness.mjs';

// section 5.7
scene('the operations that made the group are listed, and each tells its steps', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const { items } = await api.get('/operations');
  await api.dispose();
  await visit(page, active, '/operations');
  await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
  if (items.length === 0) {
    await page.getByText('No operations yet').waitFor();
    return;
  }
  const table = page.getByRole('table', { name: 'Operations' });
  await table.waitFor();
  assert.deepEqual(await table.locator('thead th').allTextContents(), [
    'Id',
    'Operation',
    'Target',
    'Requested by',
    'Via instance',
    'Start',
    'Duration',
    'Progress',
    'Status',
  ]);
  await table.locator(`tr[data-operation="${items[0].id}"]`).getByRole('link').click();
  await page.getByRole('heading', { name: items[0].title, level: 1 }).waitFor();
  const steps = page.getByRole('table', { name: 'Steps' });
  assert.ok((await steps.locator('tbody tr').count()) > 0);
});

scene('a status without operations says so', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/operations');
  await page.getByLabel('Status').selectOption('cancelled');
  await page.waitForURL(/status=cancelled/);
  await page.getByText('No operation has this status').waitFor();
});

scene('an operation that does not exist is a clear page, not a broken one', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/operations/999999999');
  await page.getByRole('alert').waitFor();
});
