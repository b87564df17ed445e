// Two of three Managers gone: the page tells the truth, changes nothing, and recovers by itself.

import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { menuOf } from '../acts/nodes.mjs';
import { everyoneUp, keepDown, scene, until, visit } from '../harness.mjs';

const NOTICE_MAX_MS = 20_000;

scene(
  'without a quorum the page shows own facts, what is known of the others, and what to do',
  { timeout: 200_000 },
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const survivor = passives[0];
    await visit(page, survivor);
    await page.getByRole('heading', { name: 'Kyvos Manager Nodes' }).waitFor();
    const letThemReturn = keepDown([active.id, passives[1].id]);
    try {
      await page
        .getByText('No active Kyvos Manager. This instance is read-only. Retrying…')
        .waitFor({ timeout: NOTICE_MAX_MS });
      await page.getByRole('heading', { name: 'No quorum' }).waitFor({ timeout: NOTICE_MAX_MS });
      await page.getByText(/of 3 voters answer, 2 are needed/).waitFor();
      for (const command of ['km status', 'systemctl start km'])
        await page.getByText(command, { exact: true }).waitFor();
      await page.getByText('No active instance (electing)').first().waitFor();
      const modes = await page.locator('[data-column=mode]').allTextContents();
      assert.ok(!modes.includes('Active'), 'nobody is called Active');
      // section 5.5, row "No active instance"
      const { Properties, 'Download logs': logs, ...others } = await menuOf(page, survivor.id);
      assert.deepEqual([Properties, logs], [undefined, undefined], 'looking needs no Active');
      for (const [item, whyNot] of Object.entries(others))
        assert.match(whyNot, /^No active Kyvos Manager/, item);
      await page
        .locator('[data-explains=active]')
        .getByText(/no quorum/i)
        .waitFor();
      const { violations } = await new AxeBuilder({ page }).analyze();
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
      );

      await page.getByRole('link', { name: 'Kyvos Manager Properties' }).click();
      const save = page.getByRole('button', { name: 'Save', exact: true });
      await save.waitFor();
      await until(
        'Save is disabled for want of an Active',
        async () => (await save.getAttribute('aria-disabled')) === 'true',
      );
      const reason = await save.evaluate(
        (button) => document.getElementById(button.getAttribute('aria-describedby'))?.textContent,
      );
      assert.match(reason, /^No active Kyvos Manager/);
      await page.getByRole('table', { name: 'Kyvos Manager Properties' }).waitFor({ timeout: NOTICE_MAX_MS });
      await page
        .getByText(/Other pages show what this Manager knew .+ ago\./)
        .waitFor({ timeout: NOTICE_MAX_MS });
    } finally {
      letThemReturn();
    }
    await page.getByText('No active Kyvos Manager.').waitFor({ state: 'detached', timeout: 90_000 });
    await everyoneUp();
  },
);
