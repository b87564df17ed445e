// The Dashboard and its section "Kyvos Manager Nodes"; the same section on the mapping tab; an alias seen live.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, unique, until, visit } from './harness.mjs';

const COLUMNS = [
  'Status',
  'Node',
  'Alias',
  'Mode',
  'Service state',
  'Since',
  'Version',
  'Lag (entries)',
  'Last contact',
  'Actions',
];
const nodes = (page) => page.getByRole('table', { name: 'Kyvos Manager Nodes' });
const rows = (page) => nodes(page).locator('tbody tr');

// rows 42, 45, 46, 52; section 5.2
scene('the Dashboard shows every Kyvos Manager, exactly one of them Active', {}, async ({ page }) => {
  const { active, managers } = await everyoneUp();
  await visit(page, active);
  await page.getByRole('heading', { name: 'Kyvos Manager Nodes', level: 2 }).waitFor();
  await rows(page)
    .nth(managers.length - 1)
    .waitFor();
  assert.deepEqual(await nodes(page).locator('thead th').allTextContents(), COLUMNS);
  assert.equal(await rows(page).count(), managers.length);
  const green = nodes(page).locator('[data-status=ok]');
  await until('every circle is green', async () => (await green.count()) === managers.length);
  const modes = await nodes(page).locator('[data-column=mode]').allTextContents();
  assert.equal(modes.filter((mode) => mode === 'Active').length, 1);
  assert.equal(modes.filter((mode) => mode === 'Passive').length, managers.length - 1);
  await page.getByText(/^Quorum 2 of 3 · term \d+ · tolerates 1 failure$/).waitFor();
});

// section 5.2
scene('each type of service has its section, with as many up as are counted', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const { types, cluster } = await api.get('/services/counts');
  await api.dispose();
  await visit(page, active);
  const sections = page.locator('[data-section=service-types] section[data-type]');
  await sections.first().waitFor();
  const order = ['bi_server', 'query_engine', 'web_portal', 'postgres', 'zookeeper', 'kyvos_manager'];
  const declared = order.filter((type) => types.some((one) => one.type === type && one.expected > 0));
  assert.deepEqual(await sections.evaluateAll((all) => all.map(({ dataset }) => dataset.type)), declared);
  for (const { type, wanted_running } of types.filter(({ expected }) => expected > 0))
    await page
      .locator(`section[data-type=${type}]`)
      .getByText(new RegExp(`^\\d+/${wanted_running} `))
      .waitFor();
  const card = page.getByRole('region', { name: 'Cluster state' });
  await card.getByText(cluster.because, { exact: true }).waitFor();
});

scene('the picture says in words what it shows', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  await visit(page, active);
  const words = await page.getByRole('img', { name: /is Active\./ }).getAttribute('aria-label');
  assert.match(words, /is Active\. .+: .+\. .+: .+\./);
});

// row 43
scene('the mapping tab shows the same section with the same values', {}, async ({ page }) => {
  const { active, managers } = await everyoneUp();
  const read = async () => {
    await rows(page)
      .nth(managers.length - 1)
      .waitFor();
    return rows(page).evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll('th,[data-column]')].map((cell) => cell.textContent)),
    );
  };
  await visit(page, active);
  const onDashboard = await read();
  await page.getByRole('link', { name: 'Nodes and Services' }).click();
  await page.getByRole('tab', { name: 'Nodes and Services mapping' }).click();
  assert.deepEqual(await read(), onDashboard);
});

// rows 50, 52, 53; section 5.4
scene('the circle opens the Action menu, and Properties the dialog of that Manager', {}, async ({ page }) => {
  const { passives } = await everyoneUp();
  const passive = passives[0];
  await visit(page, passive);
  const row = nodes(page).locator(`tr[data-manager="${passive.id}"]`);
  await row.getByRole('button', { name: /^Action menu of/ }).click();
  await page.getByRole('menuitem', { name: 'Properties' }).click();
  const dialog = page.getByRole('dialog', { name: 'Properties' });
  for (const fact of [
    'Host name',
    'PID',
    'Raft address',
    'Node id',
    'Last log / applied index',
    'Certificate expiry',
  ])
    await dialog.getByText(fact, { exact: true }).waitFor();
  const save = dialog.getByRole('button', { name: 'Save' });
  assert.equal(await save.getAttribute('aria-disabled'), 'true');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  await until('the focus is back on the circle', () =>
    page.evaluate(() => /^Action menu of/.test(document.activeElement?.getAttribute('aria-label') ?? '')),
  );
});

// rows 51, 54, 55
scene(
  'an alias set on one Manager appears live in a browser on another',
  { timeout: 120_000 },
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const target = passives[0];
    const alias = unique('Blue').slice(0, 40);
    const other = await openBrowser();
    try {
      await visit(other.page, passives[1]);
      await rows(other.page).first().waitFor();
      await visit(page, active);
      await nodes(page)
        .locator(`tr[data-manager="${target.id}"]`)
        .getByRole('button', { name: /^Action menu of/ })
        .click();
      await page.getByRole('menuitem', { name: 'Properties' }).click();
      await page.getByLabel('Alias').fill('<bad>');
      await page.getByText('Only letters, digits, spaces').first().waitFor();
      await page.getByLabel('Alias').fill(alias);
      await page.getByRole('button', { name: 'Save' }).click();
      const seen = other.page.locator(`tr[data-manager="${target.id}"] [data-column=alias]`);
      await seen.getByText(alias, { exact: true }).waitFor();
      await nodes(page).getByText(alias, { exact: true }).waitFor();
    } finally {
      await other.context.close();
      const api = await apiOf(active);
      await api.patch(`/managers/${target.id}`, { alias: '' });
      await api.dispose();
    }
  },
);

// row 54
scene('an alias that another node has is refused where it was typed', {}, async ({ page }) => {
  const { active, passives } = await everyoneUp();
  const api = await apiOf(active);
  const alias = unique('Taken').slice(0, 40);
  await api.patch(`/managers/${active.id}`, { alias });
  await visit(page, active);
  await nodes(page)
    .locator(`tr[data-manager="${passives[0].id}"]`)
    .getByRole('button', { name: /^Action menu of/ })
    .click();
  await page.getByRole('menuitem', { name: 'Properties' }).click();
  await page.getByLabel('Alias').fill(alias);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Another node has this alias.').waitFor();
  await api.patch(`/managers/${active.id}`, { alias: '' });
  await api.dispose();
});
