// ENABLE_KM_HA is no: nothing on screen tells where Kyvos Manager instances run.
import assert from 'node:assert/strict';
import { demo, ownDemo, scene, signIn, throughRestart, visit } from './harness.mjs';

const dir = ownDemo(['--managers', '1', '--ha', 'no']);

async function enter(page) {
  const { managers, admin } = demo(dir);
  await visit(page, managers[0], '/login');
  await signIn(page, admin);
}

/** Neither the section nor a row, absent from the DOM. */
async function nothing(page) {
  assert.doesNotMatch(await page.content(), /Kyvos Manager Nodes/);
  assert.equal(await page.locator('[data-section=km-nodes], [data-manager]').count(), 0);
  assert.equal(await page.getByRole('columnheader', { name: 'Kyvos Manager', exact: true }).count(), 0);
}

/** Row 70: Kyvos Manager can neither be added nor moved nor removed. */
async function nothingToMigrate(page) {
  await page.getByRole('link', { name: 'Migrate role' }).click();
  await page.getByRole('heading', { name: 'Kyvos services' }).waitFor();
  await nothing(page);
  assert.equal(await page.locator('[data-section=migrate-km]').count(), 0);
  assert.equal(await page.getByRole('button', { name: 'Add Kyvos Manager' }).count(), 0);
}

/** Switches HA with its dialog, waits out the restart, and finds itself signed in on the same page. */
async function switchHa(page, to, title) {
  await page.getByRole('link', { name: 'Kyvos Manager Properties' }).click();
  await page.getByLabel('Search properties').fill('ENABLE_KM_HA');
  await page.getByLabel('Value of ENABLE_KM_HA').selectOption(to);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.getByText('Kyvos Manager will restart').waitFor();
  await throughRestart(page, () => dialog.getByRole('button', { name: 'Save' }).click());
  assert.match(page.url(), /\/settings\/properties\?.*search=ENABLE_KM_HA/);
  assert.equal(await page.getByLabel('Value of ENABLE_KM_HA').inputValue(), to);
}

// rows 26, 69: absent from the DOM, not hidden
scene(
  'the section is not in the page at all, neither on the Dashboard nor on the mapping tab',
  { anonymous: true },
  async ({ page }) => {
    await enter(page);
    await page.getByText('Cluster state').first().waitFor();
    await nothing(page);
    await page.getByRole('link', { name: 'Nodes and Services', exact: true }).click();
    await page.getByRole('heading', { name: 'Nodes', level: 2 }).waitFor();
    await nothing(page);
    await page.getByRole('tab', { name: 'Nodes and Services mapping' }).click();
    await page.getByText('Kyvos Manager works alone').waitFor();
    await nothing(page);
    await nothingToMigrate(page);
  },
);

// rows 27, 73; section 5.10, banner 5
scene(
  'Restart Kyvos Manager server says that it restarts, and the same page comes back signed in',
  { anonymous: true, timeout: 120_000 },
  async ({ page }) => {
    await enter(page);
    await page.getByRole('link', { name: 'Nodes and Services', exact: true }).click();
    // the Dashboard has a menu of that name too, and is there until the other page was read
    await page.getByRole('heading', { name: 'Nodes and Services', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Actions of this page' }).click();
    for (const [item, why] of [
      ['Start Kyvos Manager server', 'It runs: it serves this page.'],
      ['Stop Kyvos Manager server', 'Nobody could start it again from here.'],
    ])
      await page.getByRole('menuitem', { name: item }).getByText(why).waitFor();
    await page.getByRole('menuitem', { name: 'Restart Kyvos Manager server' }).click();
    const dialog = page.getByRole('dialog', { name: 'Restart Kyvos Manager server' });
    await dialog.getByRole('textbox', { name: 'Kyvos Manager password' }).fill(demo(dir).admin.password);
    await throughRestart(page, () => dialog.getByRole('button', { name: 'Save' }).click());
    await page.getByRole('heading', { name: 'Nodes and Services', level: 1 }).waitFor();
    assert.match(page.url(), /\/nodes-and-services/);
    await page.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('row', { name: /Restart.*Succeeded/ }).waitFor();
  },
);

// rows 22–27, 48, 69, 70; section 5.4; A13
scene(
  'switching HA on and off asks, restarts, comes back signed in on the same page; between, the default instance is shown',
  { anonymous: true, timeout: 180_000 },
  async ({ page }) => {
    await enter(page);
    await switchHa(page, 'yes', 'Enable Kyvos Manager HA');
    await page.getByRole('link', { name: 'Dashboard', exact: true }).click();
    await page.getByRole('heading', { name: 'Kyvos Manager Nodes' }).waitFor();
    await page.locator('tr[data-manager] [data-column=mode]').getByText('Active').waitFor();
    assert.equal(await page.locator('tr[data-manager]').count(), 1);
    // section 5.10, banner 1; row 28: the next step is said, leads to its dialog, and comes before adding
    const next =
      'Kyvos Manager HA is enabled. Push the Kyvos Manager Disaster Recovery script to complete the setup.';
    await page.getByText(next).waitFor();
    await page.getByRole('button', { name: 'Push Disaster Recovery script' }).click();
    const pushing = page.getByRole('dialog', { name: 'Push Disaster Recovery script' });
    await pushing.getByText(/^Version [0-9a-f]{64}$/).waitFor();
    await pushing.getByRole('button', { name: 'Cancel' }).click();
    await pushing.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Actions of Kyvos Manager Nodes' }).click();
    await page
      .getByRole('menuitem', { name: /^Add Kyvos Manager/ })
      .getByText('Push the Kyvos Manager Disaster Recovery script first.')
      .waitFor();
    await page.keyboard.press('Escape');
    // section 5.5, the last one: it cannot be deleted
    await page.getByRole('button', { name: /^Action menu of/ }).click();
    await page
      .getByRole('menuitem', { name: /^Delete/ })
      .getByText('It is the last Kyvos Manager.')
      .waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
    // and off again: with one Manager it asks, restarts, and nothing tells of instances any more
    await switchHa(page, 'no', 'Disable Kyvos Manager HA');
    await page.getByRole('link', { name: 'Dashboard', exact: true }).click();
    await page.getByText('Cluster state').first().waitFor();
    await page.getByText(next).waitFor({ state: 'detached' });
    await nothing(page);
    await nothingToMigrate(page);
  },
);
