// The tab Prechecks: each check with its host, its result and what was found; looked at anew when somebody asks.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, until, visit } from './harness.mjs';

const checks = (page) => page.locator('[data-section=prechecks] tr[data-check]');

// rows 11–21
scene('prechecks are run on demand, and every open browser sees what was found', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const api = await apiOf(active);
  const answered = async () => (await api.get('/prechecks')).answered ?? 0;
  const before = await answered();
  const other = await openBrowser();
  await visit(other.page, passives[0], '/nodes-and-services/prechecks');
  await visit(page, active, '/nodes-and-services');
  await page.getByRole('tab', { name: 'Prechecks' }).click();
  const run = page.getByRole('button', { name: 'Re-run all' });
  await until('they can be run', async () => (await run.getAttribute('aria-disabled')) !== 'true');
  await run.click();
  await until('they were looked at', async () => (await answered()) > before, 60_000);
  const { items } = await api.get('/prechecks');
  assert.ok(items.length > 0);
  for (const each of [page, other.page])
    await until('the page shows them all', async () => (await checks(each).count()) === items.length);
  const [first] = items;
  const row = checks(page).first();
  await row.getByText(first.title).waitFor();
  await row.getByText(first.result.toUpperCase()).waitFor();
  await row.getByText(first.detail).waitFor();
  await other.context.close();
  await api.dispose();
});
