// Deleting instances: with its consequences, down to two and the banner of two, in a group of its own.
import assert from 'node:assert/strict';
import { everyoneUp, openBrowser, ownDemo, scene, visit } from '../harness.mjs';
import { choose, confirm, ended, menuOf, rowOf } from './nodes.mjs';

const dir = ownDemo(['--managers', '3']);

// row 87; section 5.10, banner 2
scene(
  'a deleted Passive is gone from every page, its own page goes to another; two are left, which leads to a witness',
  { dir, timeout: 180_000 },
  async ({ page }) => {
    const { active, passives, admin, ...rest } = await everyoneUp(dir);
    const { id, api_url } = passives[1];
    const own = await openBrowser({ dir });
    await visit(own.page, passives[1], '/audit');
    await own.page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
    await visit(page, active);
    const dialog = await choose(page, id, 'Delete');
    await dialog.getByText('Afterwards: Quorum 2 of 2 · tolerates 0 failures.').waitFor();
    await confirm(dialog, admin.password, 'Delete');
    const operation = await ended(active, 'REMOVE_MANAGER', { admin, ...rest });
    assert.equal(operation.status, 'succeeded', operation.error);
    await rowOf(page, id).waitFor({ state: 'detached' });
    await own.page.waitForURL((url) => url.origin !== new URL(api_url).origin && url.pathname === '/audit', {
      timeout: 60_000,
    });
    await own.page.getByText(/^(info: )?You were switched to .+\./i).waitFor();
    await own.context.close();
    await page
      .getByText(
        'No automatic failover: 2 of 2 Kyvos Manager instances are required. Add a third instance or a witness.',
      )
      .waitFor();
    await page.getByText(/^Quorum 2 of 2 · term \d+ · tolerates 0 failures$/).waitFor();
    await page.getByRole('button', { name: 'Add a witness' }).click();
    const adding = page.getByRole('dialog', { name: 'Add a witness' });
    assert.ok(await adding.getByRole('radio', { name: 'Quorum witness' }).isChecked());
    await adding.getByText('Quorum 2 of 3 · tolerates 1 failure').waitFor();
  },
);

// row 63
scene(
  'with two left, taking one down is a loss of quorum and has to be agreed to apart',
  { dir },
  async ({ page }) => {
    const { active, passives, admin } = await everyoneUp(dir);
    await visit(page, active);
    const left = passives.find(({ id }) => id !== active.id);
    const dialog = await choose(page, left.id, 'Restart Kyvos Manager Service');
    await dialog.getByText(/the others have no quorum/).waitFor();
    const save = dialog.getByRole('button', { name: 'Save' });
    await dialog.getByRole('textbox', { name: 'Kyvos Manager password' }).fill(admin.password);
    assert.equal(await save.getAttribute('aria-disabled'), 'true');
    await dialog.getByRole('checkbox').check();
    assert.notEqual(await save.getAttribute('aria-disabled'), 'true');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await menuOf(page, active.id)).Delete, undefined);
  },
);
