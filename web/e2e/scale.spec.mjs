// A thousand hosts and five thousand services: the lists that the Manager would give are made up, everything else is real. What is
// counted is rows and reads, not time: how quick it is, scale/measure.mjs tells.
import assert from 'node:assert/strict';
import { everyoneUp, scene, until, visit } from './harness.mjs';
import { aThousand } from './scale/thousand.mjs';

const PAGE = 50;
const TYPES = 5;
const BURST = 2000;

/** Has the lists of a thousand hosts answered in the place of the Manager's, and counts which were read. */
async function withAThousand(page) {
  const thousand = aThousand();
  const reads = [];
  await page.route('**/api/v1/**', async (route) => {
    const url = new URL(route.request().url());
    const path = url.pathname.replace('/api/v1', '');
    const json = route.request().method() === 'GET' ? thousand.answerTo(path, url.searchParams) : undefined;
    if (json === undefined) return route.fallback();
    reads.push(path);
    await route.fulfill({ json });
  });
  const countOf = (path) => reads.filter((one) => one === path).length;
  return { thousand, reads, countOf };
}

/** Keeps the page's event stream at hand, so that a test can have the page hear something. */
const holdStream = (page) =>
  page.addInitScript(() => {
    const { EventSource } = window;
    window.EventSource = class extends EventSource {
      constructor(...given) {
        super(...given);
        window.kmStream = this;
      }
    };
  });

/** Has the page hear of the services: of these alone, if they are named. */
const hear = (page, times, only) =>
  page.evaluate(
    ([count, data]) => {
      const event = {
        revision: 0,
        at: '',
        by: 'test',
        room: 'services',
        kind: 'verdicts_noted',
        subject: '',
      };
      for (let at = 0; at < count; at++) {
        const text = JSON.stringify({ ...event, data });
        window.kmStream.dispatchEvent(new MessageEvent('change', { data: text }));
      }
    },
    [times, { only }],
  );

/** The page of the services, which hears of nothing but what it is told. */
async function openHeld(page) {
  const { active } = await everyoneUp();
  const { thousand, countOf } = await withAThousand(page);
  await holdStream(page);
  await visit(page, active, '/nodes-and-services/services');
  await service(page, 'zookeeper.node0001').waitFor();
  return { thousand, countOf, before: countOf('/services/mapping') };
}

const service = (page, id) => page.locator(`tr[data-service="${id}"]`);

// issue 6, point 8
scene(
  'five thousand services are read at once, drawn a page at a time, found, and turned over with the keyboard',
  {},
  async ({ page }) => {
    const { active } = await everyoneUp();
    const { thousand, countOf } = await withAThousand(page);
    await visit(page, active, '/nodes-and-services/services');
    // As much as a screen holds comes first; when the last row is there, all are.
    await service(page, `zookeeper.node00${PAGE - 1}`).waitFor();
    const rows = page.locator('tr[data-service]');
    assert.equal(await rows.count(), PAGE);
    const table = page.getByRole('table', { name: 'Services' });
    assert.equal(await table.getAttribute('aria-rowcount'), String(thousand.services.length + TYPES + 1));
    // Once, and once more if the group tells of something meanwhile.
    assert.ok(countOf('/services/mapping') <= 2, `read ${countOf('/services/mapping')} times`);
    assert.equal(countOf('/services') + countOf('/services/ha/services'), 0);

    await page.getByRole('button', { name: 'Next' }).focus();
    await page.keyboard.press('Enter');
    await service(page, `zookeeper.node00${PAGE}`).waitFor();
    assert.equal(await rows.count(), PAGE);
    assert.equal(await rows.first().getAttribute('aria-rowindex'), String(1 + 1 + PAGE + 1));
    await page.locator('[data-pages]').getByText('51 to 100 of 5,000 services').waitFor();
    // Whoever turned the page goes on at its first row.
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('table') !== null));

    await page.getByLabel('Find a service').fill('on node0999');
    await service(page, 'bi_server.node0999').waitFor();
    assert.equal(await rows.count(), TYPES);
    assert.equal(await page.locator('[data-pages]').count(), 0);
    await page.getByRole('button', { name: 'Actions for BI Server on node0999' }).click();
    await page.getByRole('menuitem', { name: 'Stop', exact: true }).waitFor();
  },
);

scene('a service that an event names is read alone, and is on screen', {}, async ({ page }) => {
  const { thousand, countOf, before } = await openHeld(page);
  thousand.goDown('zookeeper.node0001');
  await hear(page, 1, ['zookeeper.node0001']);
  await page.locator('tr[data-service="zookeeper.node0001"][data-state="Down"]').waitFor();
  assert.equal(countOf('/services'), 1);
  // What the real group tells of itself may have all of them read meanwhile, but not for this.
  assert.ok(countOf('/services/mapping') - before <= 1);
});

scene(
  'a burst of events has the services read a few times, and what changed is on screen',
  {},
  async ({ page }) => {
    const { thousand, countOf, before } = await openHeld(page);
    await hear(page, BURST);
    thousand.goDown('zookeeper.node0001');
    await hear(page, 1);
    await page.locator('tr[data-service="zookeeper.node0001"][data-state="Down"]').waitFor();
    // What the real group tells of itself meanwhile has it read too, but never once for each event.
    const times = countOf('/services/mapping') - before;
    assert.ok(times < BURST / 100, `read ${times} times for ${BURST} events`);
  },
);

scene('a thousand nodes are drawn a page at a time, on both their tabs, and found', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const { countOf } = await withAThousand(page);
  for (const [path, section] of [
    ['/nodes-and-services', 'hosts'],
    ['/nodes-and-services/mapping', 'mapping'],
  ]) {
    await visit(page, active, path);
    const rows = page.locator(`[data-section=${section}] tr[data-host]`);
    const row = (name) => page.locator(`[data-section=${section}] tr[data-host="${name}"]`);
    await row(`node00${PAGE - 1}`).waitFor();
    assert.equal(await rows.count(), PAGE);
    await page.getByLabel('Find a node').fill('node0999');
    await row('node0999').waitFor();
    assert.equal(await rows.count(), 1);
    await page.getByLabel('Find a node').fill('no such node');
    await page.getByText('No node is called that').waitFor();
  }
  await visit(page, active, '/');
  await page.locator('[data-type=bi_server]').getByText('/1000').waitFor();
  const mapped = countOf('/services/mapping');
  await until('the counts were read', () => countOf('/services/counts') > 0);
  const engines = page.locator('[data-type=query_engine]');
  await engines.getByText('11 down', { exact: true }).waitFor();
  assert.equal(
    await engines.getByRole('link', { name: /^Why is Query Engine on node0\d+ down\?$/ }).count(),
    5,
  );
  await page.locator('[data-type=bi_server] [data-master="bi_server.node0000"]').waitFor();
  await engines.getByRole('link', { name: '6 more' }).waitFor();
  assert.equal(countOf('/services/mapping'), mapped, 'the Dashboard lists no service');
});
