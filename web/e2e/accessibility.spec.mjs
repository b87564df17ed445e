// Every page, light and dark, wide and narrow, without a finding of axe; and a whole journey without a mouse.

import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { DIALOGS, withDialog, withSpare } from './dialogs.mjs';
import { everyoneUp, scene, settled, until, visit } from './harness.mjs';

const PAGES = [
  ['/', 'Dashboard'],
  ['/nodes-and-services', 'Nodes and Services'],
  ['/nodes-and-services/services', 'Nodes and Services'],
  ['/nodes-and-services/services-ha', 'Nodes and Services'],
  ['/nodes-and-services/mapping', 'Nodes and Services'],
  ['/nodes-and-services/prechecks', 'Nodes and Services'],
  ['/nodes-and-services/history', 'Nodes and Services'],
  ['/migrate-role', 'Migrate role'],
  ['/utilities/logs', 'Download Logs'],
  ['/operations', 'Operations'],
  ['/alerts', 'Alerts'],
  ['/alerts/channels', 'Alerts'],
  ['/audit', 'Audit'],
  ['/settings/properties', 'Kyvos Manager Properties'],
  ['/settings/properties?file=custom', 'Kyvos Manager Properties'],
  ['/settings/users', 'Users'],
  ['/settings/tokens', 'Tokens'],
  ['/profile/password', 'Change Password'],
];

async function axe(page, where) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const findings = violations.map(
    ({ id, nodes }) => `${where}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
  );
  assert.deepEqual(findings, []);
}

for (const dark of [false, true]) {
  const scheme = dark ? 'dark' : 'light';

  scene(`axe finds nothing on any page, ${scheme}`, { dark, timeout: 400_000 }, async ({ page }) => {
    const { active } = await everyoneUp();
    for (const [path, title] of PAGES) {
      await visit(page, active, path);
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
      await settled(page);
      await axe(page, `${scheme} ${path}`);
    }
  });

  scene(
    `axe finds nothing in the dialogs and menus, ${scheme}`,
    { dark, timeout: 600_000 },
    async ({ page }) => {
      const group = await withSpare(await everyoneUp());
      await visit(page, group.active, '/');
      for (const menu of [/^Action menu of/, 'Actions of Kyvos Manager Nodes', 'Actions of this page']) {
        await page.getByRole('button', { name: menu }).first().click();
        await page.getByRole('menuitem').first().waitFor();
        await axe(page, `${scheme} ${menu}`);
        await page.keyboard.press('Escape');
        await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
      }
      for (const name of Object.keys(DIALOGS))
        await withDialog(page, name, group, () => axe(page, `${scheme} ${name}`));
    },
  );

  scene(`axe finds nothing on the login, ${scheme}`, { dark, anonymous: true }, async ({ page }) => {
    const { active } = await everyoneUp();
    await visit(page, active, '/login');
    await page.getByLabel('User name').waitFor();
    await axe(page, `${scheme} login`);
  });
}

scene(
  'at 768 px the navigation folds into a menu and nothing runs out of the page',
  { width: 768, timeout: 300_000 },
  async ({ page }) => {
    const { active } = await everyoneUp();
    for (const [path, title] of PAGES) {
      await visit(page, active, path);
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
      await settled(page);
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${path} is ${content} px wide in ${window}`);
    }
  },
);

const focused = (page) =>
  page.evaluate(
    () =>
      document.activeElement?.getAttribute('aria-label') ??
      document.activeElement?.textContent?.slice(0, 80) ??
      '',
  );

/** Presses a key until the focus is on something of that name. */
async function press(page, key, name, max = 60) {
  for (let presses = 0; presses < max; presses++) {
    await page.keyboard.press(key);
    if (name.test(await focused(page))) return;
  }
  assert.fail(`${max} times ${key} did not reach ${name}`);
}

scene(
  'an operator gets from the Dashboard to a saved alias field and back without a mouse',
  {},
  async ({ page }) => {
    const { active } = await everyoneUp();
    await visit(page, active, '/');
    await page
      .getByRole('button', { name: /^Action menu of/ })
      .first()
      .waitFor();
    await press(page, 'Tab', /^Skip to content$/, 3);
    await page.keyboard.press('Enter');
    await press(page, 'Tab', /^Action menu of/);
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Properties' }).waitFor();
    await until('the first item has the focus', async () => (await focused(page)) === 'Properties');
    await press(page, 'ArrowDown', /^Start Kyvos Manager Service/, 1);
    await press(page, 'ArrowUp', /^Properties$/, 1);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Properties' }).waitFor();
    await page.waitForFunction(() => document.activeElement?.closest('[role=dialog]') !== null);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Properties' }).waitFor({ state: 'detached' });
    await until(
      'the focus is back on the circle',
      async () => /^Action menu of/.test(await focused(page)),
      3000,
    );
  },
);
