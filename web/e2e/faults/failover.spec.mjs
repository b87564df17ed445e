// Killing the Active by hand: the next Active appears in the open dashboard, and a page served by the killed one moves.
import assert from 'node:assert/strict';
import { bannersOf, everyoneUp, keepDown, openBrowser, scene, until, visit } from '../harness.mjs';

const FAILOVER_MAX_MS = 15_000;
const nodes = (page) => page.getByRole('table', { name: 'Kyvos Manager Nodes' });
const modeOf = (page, id) => nodes(page).locator(`tr[data-manager="${id}"] [data-column=mode]`);
const stateOf = (page, id) => nodes(page).locator(`tr[data-manager="${id}"] [data-column=state]`);

// rows 47, 49; issue "killing any one Manager by hand shows the next Active in the open dashboard"
scene('a dashboard open on a Passive shows the next Active live', { timeout: 150_000 }, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  await visit(page, passives[0]);
  await modeOf(page, active.id).getByText('Active').waitFor();
  process.kill(active.pid, 'SIGKILL');
  await nodes(page)
    .locator('tr[data-manager]')
    .filter({ has: page.locator('[data-column=mode]', { hasText: 'Active' }) })
    .and(page.locator(`tr:not([data-manager="${active.id}"])`))
    .waitFor({ timeout: FAILOVER_MAX_MS });
  const modes = await nodes(page).locator('[data-column=mode]').allTextContents();
  assert.equal(modes.filter((mode) => mode.includes('Active')).length, 1);
  await everyoneUp();
  // the one that returns is Passive: no fail-back
  await stateOf(page, active.id).getByText('Running').waitFor({ timeout: FAILOVER_MAX_MS });
  assert.equal(await modeOf(page, active.id).textContent(), 'Passive');
});

// section 5.10, banner 6
scene(
  'a dashboard served by the killed Manager says so, moves to another and stays on its page',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active } = await everyoneUp();
    await visit(page, active, '/settings/properties?file=custom');
    await page.getByRole('heading', { name: 'Kyvos Manager Properties', level: 1 }).waitFor();
    const seen = await bannersOf(page);
    const letItReturn = keepDown([active.id]);
    try {
      await until('the page says so', async () => seen.has('CONNECTION_LOST'), FAILOVER_MAX_MS);
      await page.waitForURL((url) => url.origin !== new URL(active.api_url).origin, {
        timeout: FAILOVER_MAX_MS,
      });
      assert.match(page.url(), /\/settings\/properties\?file=custom/);
      await page.getByText(/^(info: )?You were switched to .+\./i).waitFor({ timeout: FAILOVER_MAX_MS });
      await page.getByRole('heading', { name: 'Kyvos Manager Properties', level: 1 }).waitFor();
      assert.doesNotMatch(page.url(), /switched=/);
    } finally {
      letItReturn();
    }
    await everyoneUp();
  },
);

scene('a change begun before the failover is saved after it, once', { timeout: 150_000 }, async () => {
  const { active, passives } = await everyoneUp();
  const { page, context } = await openBrowser();
  const name = `failover-${Date.now().toString(36)}`;
  await visit(page, passives[0], '/settings/properties?file=custom');
  await page.getByRole('button', { name: 'Add property' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a custom property' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Value').fill('kept');
  process.kill(active.pid, 'SIGKILL');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator(`tr[data-property="custom/${name}"]`).waitFor({ timeout: 30_000 });
  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: 'History' }).click();
  await page
    .getByRole('dialog', { name: /^History of/ })
    .getByRole('listitem')
    .first()
    .waitFor();
  assert.equal(
    await page
      .getByRole('dialog', { name: /^History of/ })
      .getByRole('listitem')
      .count(),
    1,
  );
  await context.close();
  await everyoneUp();
});
