// The cluster as the Dashboard tells it, of real services and a real ZooKeeper, in a group of its own: a section for each type, the
// Coordination Master that ZooKeeper shows, what is missing, and the way from running to suspended and back.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { apiOf, demo, everyoneUp, ownDemo, scene, sightingsOf, until, visit } from '../harness.mjs';

const LONG = { timeout: 60_000 };
/** Of Debian's package; a demo has a ZooKeeper where that is installed. */
const ZOOKEEPER = '/usr/share/zookeeper/bin/zkCli.sh';

const dir = ownDemo(['--managers', '1', '--services', 'yes']);

const card = (page, title) => page.getByRole('region', { name: title, exact: true });
const section = (page, type) => page.locator(`section[data-type=${type}]`);
const isNow = (page, state) =>
  card(page, 'Cluster state').getByText(state, { exact: true }).waitFor({ timeout: 90_000 });

/** Every state the card shows from now on, also those that are gone before anybody looks. */
async function statesOf(page) {
  const seen = [];
  await page.exposeFunction('sawState', (state) => {
    if (seen.at(-1) !== state) seen.push(state);
  });
  await page.evaluate(() => {
    const look = () =>
      window.sawState(document.querySelector('[aria-label="Cluster state"] .pill')?.textContent);
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  });
  return seen;
}

// section 5.2
scene(
  'the cluster runs, each type has its section, and the Coordination Master is named as ZooKeeper shows it',
  { dir, timeout: 240_000 },
  async ({ page, t }) => {
    if (!existsSync(ZOOKEEPER)) return t.skip('ZooKeeper is not installed');
    const { active } = await everyoneUp(dir);
    await visit(page, active);
    await isNow(page, 'Running');
    await card(page, 'Cluster state')
      .getByText(/^Everything that is to run is up: 2 BI Servers and 1 Query Engine\.$/)
      .waitFor();
    const titles = page.locator('[data-section=service-types]').getByRole('heading', { level: 3 });
    assert.deepEqual(await titles.allTextContents(), [
      'BI Servers',
      'Query Engines',
      'Kyvos Web Portals',
      'ZooKeeper servers',
      'Kyvos Managers',
    ]);
    await section(page, 'bi_server')
      .getByText(/^(\d)\/\1 up/)
      .waitFor(LONG);

    // The samples agree among themselves; a Manager only watches. When the one that coordinates is gone, the other does.
    const shown = section(page, 'bi_server').locator('[data-master^="bi_server."]');
    await shown.waitFor(LONG);
    const first = await shown.getAttribute('data-master');
    const host = first === 'bi_server.km1' ? 'km2' : 'km1';
    process.kill(demo(dir).services.find(({ id }) => id === first).pid, 'SIGKILL');
    await section(page, 'bi_server').locator(`[data-master="bi_server.${host}"]`).waitFor(LONG);
    assert.equal(await page.locator('[data-master]').count(), 1, 'there is one');
    await isNow(page, 'Running');
    await shown.getByRole('link', { name: new RegExp(`on ${host}`) }).click();
    const why = page.getByRole('dialog', { name: `Why is BI Server on ${host} up?` });
    await why.waitFor();
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
    await section(page, 'bi_server').getByRole('link', { name: 'BI Servers', exact: true }).click();
    const row = page.locator(`tr[data-service="bi_server.${host}"]`);
    await row.getByText('Coordination Master', { exact: true }).waitFor();
    assert.equal(await page.getByText('Coordination Master', { exact: true }).count(), 1);
  },
);

// section 5.2; row 2
scene(
  'what is down is named, and leads to its evidence; the others go on, and the cluster runs in part',
  { dir, timeout: 240_000 },
  async ({ page }) => {
    const { active } = await everyoneUp(dir);
    const api = await apiOf(active, demo(dir));
    await visit(page, active);
    await isNow(page, 'Running');
    // Long enough for a look at it.
    await api.put('/services/ha', { enabled: true, settle_seconds: 3600 });
    const { pid } = demo(dir).services.find(({ id }) => id === 'query_engine.km2');
    process.kill(pid, 'SIGKILL');
    await isNow(page, 'Partly running');
    await card(page, 'Cluster state')
      .getByText(/Down: 1 Query Engine\.$/)
      .waitFor(LONG);
    const missing = section(page, 'query_engine').locator('[data-missing]');
    await missing.getByText('1 down', { exact: true }).waitFor(LONG);
    await missing.getByRole('link', { name: 'Why is Query Engine on km2 down?' }).click();
    const why = page.getByRole('dialog', { name: 'Why is Query Engine on km2 down?' });
    await why.locator('tr[data-observer=unit][data-says=not_there]').waitFor();
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
    await api.put('/services/ha', { enabled: true, settle_seconds: 1 });
    await isNow(page, 'Running');
    await missing.waitFor({ state: 'detached' });
    await api.dispose();
  },
);

// section 5.2; row 36, A22
scene(
  'the cluster is seen to stop, to rest and to start again',
  { dir, timeout: 300_000 },
  async ({ page }) => {
    const { active } = await everyoneUp(dir);
    const api = await apiOf(active, demo(dir));
    await visit(page, active);
    await isNow(page, 'Running');
    const seen = await statesOf(page);
    const links = await sightingsOf(page, '[aria-label="Cluster state"] a');
    const { operation: stopping } = await api.post('/services/stop', { why: 'maintenance' });
    await isNow(page, 'Suspended');
    assert.ok(links.has(`Operation ${stopping}`), [...links].join());
    await card(page, 'Cluster state')
      .getByText(/^Nothing is seen to be up, as is wanted \(maintenance\) by admin: /)
      .waitFor();
    const resting = section(page, 'bi_server');
    await resting.getByText(/^\d wanted stopped$/).waitFor();
    assert.equal(await resting.locator('[data-missing]').count(), 0, 'a planned stop accuses nobody');
    await api.post('/services/start', {});
    await isNow(page, 'Running');
    await until('it was told how it went', () => seen.at(-1) === 'Running');
    // What was there to begin with is seen as often as anything else on the page changes; and for a moment ZooKeeper may not show yet
    // what the host says already, so that what was running is starting still. Nothing else is ever said.
    const way = seen.slice(seen[0] === 'Running' ? 1 : 0);
    assert.deepEqual([...new Set(way)], ['Stopping', 'Suspended', 'Starting', 'Running']);
    await api.dispose();
  },
);
