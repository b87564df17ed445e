// Logs of any Manager from any Manager: chosen, downloaded, under the name the server gives them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { openMenu } from './acts/nodes.mjs';
import { everyoneUp, scene, visit } from './harness.mjs';

const GZIP = [0x1f, 0x8b];

/** The file that a click makes the browser save, and what is in it. */
async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 60_000 }), click()]);
  const bytes = readFileSync(await download.path());
  assert.deepEqual([...bytes.subarray(0, 2)], GZIP);
  return { name: download.suggestedFilename(), text: gunzipSync(bytes).toString('latin1') };
}

// row 77
scene(
  'the logs of a Passive are downloaded from the page of the Active',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp();
    const [{ id }] = passives;
    await visit(page, active);
    await openMenu(page, id);
    await page.getByRole('menuitem', { name: 'Download logs' }).click();
    const dialog = page.getByRole('dialog', { name: 'Download logs' });
    const chosen = dialog.getByRole('checkbox', { checked: true });
    await chosen.first().waitFor();
    assert.equal(await chosen.count(), 1, 'the one it was asked for');
    const { name, text } = await downloaded(page, () =>
      dialog.getByRole('button', { name: 'Download' }).click(),
    );
    assert.match(name, /^km-logs-.+\.tar\.gz$/);
    assert.ok(text.length > 0);
    assert.ok(!text.includes(admin.password), 'no secret is in it');
    await dialog.locator(`[data-file="${id}"][data-progress=done]`).getByText(name).waitFor();
  },
);

scene('a range that ends before it begins is not asked for', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active, '/utilities/logs');
  await page.getByRole('checkbox', { name: /km/ }).first().check();
  await page.getByLabel('Time').selectOption('between');
  await page.getByLabel(/^From/).fill('2026-11-22T10:30');
  await page.getByLabel(/^Until/).fill('2026-11-22T10:00');
  const button = page.getByRole('button', { name: 'Download', exact: true });
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
});

scene('the support bundle is one click', { timeout: 150_000 }, async ({ page }) => {
  const { active, admin } = await everyoneUp();
  await visit(page, active, '/utilities/logs');
  const bundle = page.getByRole('button', { name: 'Download support bundle' });
  const { name, text } = await downloaded(page, () => bundle.click());
  assert.match(name, /^km-support-.+\.tar\.gz$/);
  assert.ok(!text.includes(admin.password), 'no secret is in it');
});
