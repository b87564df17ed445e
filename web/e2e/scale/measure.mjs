// How quick the dashboard is with a thousand hosts and five thousand services: the built dashboard, in a real browser, before a
// made-up API on this machine. It measures the browser's part, which is what the dashboard's code decides.
//   node e2e/scale/measure.mjs [ROUNDS]     after `npm run build`; prints a table of medians
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { coldLoad, median, viewsOf } from './loading.mjs';
import { aThousand } from './thousand.mjs';

const DIST = process.env.DIST ?? join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const ROUNDS = Number(process.argv[2] ?? 5);
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const STORM_PER_S = 500;
const STORM_S = 4;

const thousand = aThousand();
const streams = new Set();
let reads = [];
let revision = 1000;

const manager = (id) => ({
  id,
  host: `km${id}`,
  alias: '',
  mode: id === 1 ? 'active' : 'passive',
  role: 'voter',
  state: 'running',
  since: '2026-11-28T10:00:00Z',
  version: '0.1.0',
  api_url: `http://km${id}`,
  peer_addr: '',
  health_url: '',
  lag: 0,
  last_contact_ms: 40,
  as_of: '2026-11-28T10:00:00Z',
  here: id === 1,
  blocked: {},
  quorum_without: true,
  operation: null,
  revision: 1,
});
const cluster = {
  cluster_id: 'c',
  name: 'thousand',
  here: 1,
  mode_here: 'active',
  term: 1,
  epoch: 2,
  active: 1,
  leader: 1,
  revision: 120,
  applied: 120,
  voters: [1, 2, 3],
  quorum: 2,
  failure_tolerance: 1,
  ha_enabled: true,
  load_balancer_url: null,
  digest: { revision: 120, value: '00' },
  members: [1, 2, 3].map((id) => ({
    id,
    host: `km${id}`,
    alias: '',
    role: 'voter',
    reachable: true,
    last_contact_ms: 40,
    api_url: `http://km${id}`,
  })),
  notices: [],
};
const privileges = ['view', 'hosts.manage', 'services.manage', 'managers.control', 'managers.membership'];
const small = {
  '/services/ha': () => ({
    automation: true,
    enabled: false,
    types: [],
    settle_seconds: 10,
    restarts_max: 3,
    within_seconds: 1800,
    pause_seconds: 10,
    host_gone_seconds: 60,
    standbys: [],
    is_default: true,
    revision: 0,
  }),
  '/me': () => ({ username: 'admin', role: 'administrator', privileges }),
  '/cluster': () => cluster,
  '/managers': () => ({ items: [1, 2, 3].map(manager), next: null }),
  '/services/watch': () => ({
    state: 'watching',
    servers: [],
    serving: 0,
    stale: false,
    stale_since: null,
    because: null,
    warning: null,
    troubles: [],
    sightings: 5000,
    profile_verified: true,
  }),
};

function answer(url, response) {
  const path = url.pathname.replace('/api/v1', '');
  if (path === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(`event: status\ndata: ${JSON.stringify(cluster)}\n\n`);
    streams.add(response);
    response.on('close', () => streams.delete(response));
    return;
  }
  reads.push(path);
  const body = small[path]?.() ?? thousand.answerTo(path, url.searchParams) ?? { items: [], next: null };
  response
    .writeHead(200, { 'Content-Type': 'application/json', 'X-KM-Revision': revision })
    .end(JSON.stringify(body));
}

function file(url, request, response) {
  const path = extname(url.pathname) ? url.pathname : '/index.html';
  if (!existsSync(join(DIST, path))) return response.writeHead(404).end();
  const packed = /gzip/.test(request.headers['accept-encoding']) && existsSync(join(DIST, `${path}.gz`));
  response
    .writeHead(200, {
      'Content-Type': TYPES[extname(path)] ?? 'text/plain',
      ...(packed ? { 'Content-Encoding': 'gzip' } : {}),
    })
    .end(readFileSync(join(DIST, packed ? `${path}.gz` : path)));
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://here');
  if (url.pathname.startsWith('/api/')) answer(url, response);
  else file(url, request, response);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const base = `http://127.0.0.1:${server.address().port}`;

function tell(id) {
  const data = { only: [id] };
  const event = { revision: ++revision, at: '', by: 'km', room: 'services', kind: 'verdicts_noted', data };
  for (const stream of streams)
    stream.write(`id: ${revision}\nevent: change\ndata: ${JSON.stringify(event)}\n\n`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});

async function load(path, seen) {
  reads = [];
  return coldLoad(browser, base + path, seen);
}

/** How long the page's own thread was not free for at a time, and how long until a click was answered at the worst. */
const stalls = (page) =>
  page.evaluate(
    (ms) =>
      new Promise((done) => {
        let last = performance.now();
        const end = last + ms;
        let longest = 0;
        let stalled = 0;
        const beat = () => {
          const now = performance.now();
          const late = now - last - 10;
          longest = Math.max(longest, late);
          if (late > 40) stalled += late;
          last = now;
          if (now < end) setTimeout(beat, 10);
          else done({ longest: Math.round(longest), stalled: Math.round((100 * stalled) / ms) });
        };
        setTimeout(beat, 10);
      }),
    STORM_S * 1000,
  );

const VIEWS = viewsOf('node0000');

const rows = [];
for (const [name, path, seen] of VIEWS) {
  const times = [];
  let asked = 0;
  let elements = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { page, context, at } = await load(path, seen);
    times.push(at);
    asked = reads.length;
    elements = await page.evaluate(() => document.querySelectorAll('*').length);
    await context.close();
  }
  rows.push({ view: name, 'first view, ms': Math.round(median(times)), reads: asked, elements });
}
console.table(rows);

const changes = [];
let asked = 0;
for (let round = 0; round < ROUNDS; round++) {
  const { page, context } = await load(VIEWS[2][1], VIEWS[2][2]);
  const id = `zookeeper.node00${10 + round}`;
  await pause(1000);
  reads = [];
  const row = `tr[data-service="${id}"][data-state=Down]`;
  // At each frame; a locator looks again after 20, 70, 170, 270 ms and then every half second.
  const seen = page.waitForFunction((row) => document.querySelector(row) !== null, row);
  thousand.goDown(id);
  const at = performance.now();
  tell(id);
  await seen;
  changes.push(performance.now() - at);
  asked = reads.length;
  await context.close();
}
console.log(`One goes down: on screen after ${Math.round(median(changes))} ms (${asked} reads until then)`);

for (const [name, path, seen] of [VIEWS[0], VIEWS[2], VIEWS[4]]) {
  const { page, context } = await load(path, seen);
  reads = [];
  const storm = setInterval(() => {
    for (let n = 0; n < STORM_PER_S / 50; n++) tell(`bi_server.node0${100 + n}`);
  }, 20);
  const { longest, stalled } = await stalls(page);
  clearInterval(storm);
  console.log(
    `${name}, ${STORM_PER_S} events a second for ${STORM_S} s: longest pause ${longest} ms, paused ${stalled} % of the time, ${reads.length} reads`,
  );
  await context.close();
}
await browser.close();
server.closeAllConnections();
server.close();
