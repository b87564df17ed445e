// How quick the dashboard of a real Manager is, in a real browser. `make bench BENCH_MEASURES=scale` starts it beside a large
// cluster and takes the znodes away; it tells of what it sees in lines of JSON.
//   KM_DEMO_DIR=DIR node e2e/scale/real.mjs NODE [ROUNDS]     NODE: the first of the nodes
//   {"view": "Dashboard", "first_view_ms": 480, "again_ms": 300}   once for each page, the medians: with an empty cache, and again
//   {"open": true}                                the page of the services is open, and stays so
//   {"ready": "bi_server.NODE"}                   that one is on screen; asked for on standard input, a name a line
//   {"changed": "bi_server.NODE", "to": "Degraded"}   what it showed became something else
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, request } from 'playwright-core';
import { coldLoad, loadAgain, median, viewsOf } from './loading.mjs';

const [node, rounds = '5'] = process.argv.slice(2);
const PATIENCE_MS = 30_000;
const demo = JSON.parse(readFileSync(join(process.env.KM_DEMO_DIR, 'cluster.json'), 'utf8'));
const base = demo.managers[0].api_url.replace(/\/$/, '');
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function session() {
  const client = await request.newContext({
    baseURL: base,
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { 'X-KM-Client': 'bench' },
  });
  const login = await client.post('/api/v1/login', { data: demo.admin });
  if (!login.ok()) throw new Error(`login: ${login.status()} ${await login.text()}`);
  const state = await client.storageState();
  await client.dispose();
  return { ignoreHTTPSErrors: true, reducedMotion: 'reduce', storageState: state };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const signedIn = await session();
// It asks this Manager, and to be sent to no other.
const url = (path) => `${base}${path}?km_r=1`;
// ZooKeeper comes first in the list, on hosts that are none of the many.
const views = viewsOf(node, 'zookeeper.127.0.0.1');

for (const [view, path, seen] of views) {
  const [first, again] = [[], []];
  for (let round = 0; round < Number(rounds); round++) {
    const { context, page, at } = await coldLoad(browser, url(path), seen, signedIn);
    first.push(at);
    again.push(await loadAgain(page, url(path)));
    await context.close();
  }
  tell({ view, first_view_ms: Math.round(median(first)), again_ms: Math.round(median(again)) });
}

const { page } = await coldLoad(browser, url(views[2][1]), views[2][2], signedIn);
page.setDefaultTimeout(PATIENCE_MS);
tell({ open: true });
for await (const id of createInterface({ input: process.stdin })) {
  const row = page.locator(`tr[data-service="${id}"]`);
  await page.getByLabel('Find a service').fill(id.slice(id.indexOf('.') + 1));
  await row.waitFor();
  const before = await row.getAttribute('data-state');
  const changed = page.waitForFunction(
    ([wanted, was]) => {
      const now = document.querySelector(`tr[data-service="${wanted}"]`)?.dataset.state;
      return now !== undefined && now !== was && now;
    },
    [id, before],
  );
  tell({ ready: id });
  tell({ changed: id, to: await (await changed).jsonValue() });
}
await browser.close();
