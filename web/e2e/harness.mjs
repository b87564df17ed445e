// What every end-to-end test needs: the running cluster of `km demo`, a real browser, and someone signed in.
// KM_DEMO_DIR is the demo's directory; its cluster.json says where the Managers are and which processes they are.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium, request } from 'playwright-core';

const PICTURES = fileURLToPath(new URL('pictures/', import.meta.url));
const TEST_MAX_MS = 180_000;
// For a machine that is several times slower than usual: what does not come by then will not come.
const STEP_MAX_MS = 30_000;
// How late everything that pages are made of comes; to see which tests act before the page is there that they mean.
const LATE_MS = Number(process.env.KM_E2E_LATE_MS ?? 0);
const UP_MAX_MS = 60_000;
const LOOK_AGAIN_MS = 100;

/** The demo as it is now: pids change when processes restart. */
export function demo(dir = process.env.KM_DEMO_DIR) {
  assert.ok(dir, 'KM_DEMO_DIR must name the directory of a running `km demo`');
  return { dir, ...JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) };
}

/** Waits until `look` gives something true, or says what it waited for. */
export async function until(what, look, maxMs = STEP_MAX_MS) {
  const end = Date.now() + maxMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${maxMs} ms in vain until ${what}`);
    await pause(LOOK_AGAIN_MS);
  }
}

const newClient = (manager, more = {}) =>
  request.newContext({
    baseURL: manager.api_url,
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { 'X-KM-Client': 'e2e' },
    ...more,
  });

/** Signs in once for all files: a session is valid on every Manager, and sign-ins are rationed. */
async function sessionOf(manager, { admin, dir }) {
  const kept = join(dir, 'e2e-session.json');
  if (existsSync(kept)) {
    const state = JSON.parse(readFileSync(kept, 'utf8'));
    const client = await newClient(manager, { storageState: state });
    const me = await client.get('/api/v1/me?consistency=local', { timeout: STEP_MAX_MS });
    await client.dispose();
    if (me.ok()) return state;
  }
  const client = await newClient(manager);
  const login = await client.post('/api/v1/login', { data: admin, timeout: STEP_MAX_MS });
  assert.equal(login.status(), 200, await login.text());
  const state = await client.storageState();
  await client.dispose();
  writeFileSync(kept, JSON.stringify(state), { mode: 0o600 });
  return state;
}

/** The HTTP API of one Manager, signed in as the demo's administrator. */
export async function apiOf(manager, cluster = demo()) {
  const client = await newClient(manager, { storageState: await sessionOf(manager, cluster) });
  const call = async (method, path, data, headers) => {
    const answer = await client.fetch(`/api/v1${path}`, {
      method,
      ...(data ? { data } : {}),
      headers: headers ?? {},
      timeout: STEP_MAX_MS,
    });
    const text = await answer.text();
    assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    get: (path) => call('GET', path),
    post: (path, data, headers) => call('POST', path, data, headers),
    put: (path, data, headers) => call('PUT', path, data, headers),
    patch: (path, data, headers) => call('PATCH', path, data, headers),
    delete: (path, headers) => call('DELETE', path, undefined, headers),
    dispose: () => client.dispose(),
  };
}

const UNDER_WAY = ['queued', 'running'];

/** The group as one Manager sees it; undefined while that one does not answer or something is under way. */
async function calmCluster(manager, cluster) {
  const api = await apiOf(manager, cluster).catch(() => undefined);
  try {
    const seen = await api?.get('/cluster');
    const { items } = (await api?.get('/operations')) ?? { items: [] };
    return items.some(({ status }) => UNDER_WAY.includes(status)) ? undefined : seen;
  } catch {
    return undefined;
  } finally {
    await api?.dispose();
  }
}

/** Waits until every Manager of the demo runs, one is Active, all hear each other and no operation is under way: what
 * is under way with an instance changes its menu. Returns the demo and its Active. */
export async function everyoneUp(dir = process.env.KM_DEMO_DIR) {
  return until(
    'all Managers are up and one is Active',
    async () => {
      const now = demo(dir);
      const cluster = await calmCluster(now.managers[0], now);
      if (!cluster?.active || !cluster.members.every((one) => one.reachable || one.id === cluster.here))
        return undefined;
      const active = now.managers.find(({ id }) => id === cluster.active);
      const passives = now.managers.filter(({ id }) => id !== cluster.active);
      return { ...now, cluster, active, passives };
    },
    UP_MAX_MS,
  );
}

/** Kills these Managers, and again whenever something starts them again, until told to stop. */
export function keepDown(ids) {
  const killed = new Set();
  const timer = setInterval(() => {
    for (const { id, pid } of demo().managers) {
      if (!ids.includes(id) || killed.has(pid)) continue;
      killed.add(pid);
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it is gone already
      }
    }
  }, 50);
  return () => clearInterval(timer);
}

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
});
after(async () => {
  await browser?.close();
});

/** From whichever Manager answers. */
async function anySession(dir) {
  const now = demo(dir);
  const silent = [];
  for (const manager of now.managers) {
    try {
      return await sessionOf(manager, now);
    } catch (error) {
      silent.push(error);
    }
  }
  throw new AggregateError(silent, 'no Manager gave a session');
}

/** Until a page is read the one before it stays: whoever acts too soon acts on that one. */
async function comeLate(route) {
  await pause(LATE_MS);
  await route.continue();
}

/** A browser of its own: nothing is shared with any other page. */
export async function openBrowser({ anonymous = false, dark = false, width = 1280, tall = false, dir } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    viewport: { width, height: tall ? 1600 : 900 },
    ...(anonymous ? {} : { storageState: await anySession(dir) }),
  });
  context.setDefaultTimeout(STEP_MAX_MS);
  if (LATE_MS > 0) await context.route('**/assets/**', comeLate);
  const page = await context.newPage();
  const bugs = [];
  page.on('pageerror', (error) => bugs.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) bugs.push(message.text());
  });
  return { context, page, bugs };
}

/** Opens a page of one Manager and asks it not to send us to another. */
export async function visit(page, manager, path = '/') {
  const mark = path.includes('?') ? '&' : '?';
  await page.goto(`${manager.api_url}${path}${mark}km_r=1`);
}

/** The binary that runs the demo we were given. */
export const binary = () => process.env.KM_BIN ?? readlinkSync(`/proc/${demo().managers[0].pid}/exe`);

/** Starts a demo for one file alone, which may do to it what others must not see. It ends with the file. */
export function ownDemo(args, maxMs = 90_000) {
  const dir = mkdtempSync(join(tmpdir(), 'km-own-demo-'));
  let process;
  before(async () => {
    const services = args.includes('--services') ? [] : ['--services', 'no'];
    process = spawn(binary(), ['demo', '--dir', dir, '--base-port', '0', ...services, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    process.stdout.on('data', (text) => {
      said += text;
    });
    await until('a demo of our own runs', async () => said.includes('Ctrl-C stops everything'), maxMs);
  });
  after(async () => {
    const ended = new Promise((done) => process.once('exit', done));
    process.kill('SIGINT');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

let watches = 0;

/** Everything of this kind that the page shows from now on, on whichever Manager it is: the attribute, or the text without one. For
 * what may be over sooner than a locator looks again, which is every half second. */
export async function sightingsOf(page, selector, attribute) {
  const seen = new Set();
  const what = { selector, attribute, tell: `saw${watches++}` };
  await page.exposeFunction(what.tell, (found) => {
    for (const one of found) seen.add(one);
  });
  const watch = ({ selector, attribute, tell }) => {
    const read = (it) => (attribute ? it.getAttribute(attribute) : it.textContent);
    const look = () => window[tell]([...document.querySelectorAll(selector)].map(read));
    new MutationObserver(look).observe(document, {
      childList: true,
      subtree: true,
      attributes: true,
      characterData: true,
    });
  };
  await page.addInitScript(watch, what);
  await page.evaluate(watch, what);
  return seen;
}

/** Every banner the page shows from now on, by its code. */
export const bannersOf = (page) => sightingsOf(page, '[data-code]', 'data-code');

/** Does what has the page's Manager restart; the page says so, and that it is back. Returns the banners there were. */
export async function throughRestart(page, act) {
  const seen = await bannersOf(page);
  await act();
  await until('the page says that it restarts', async () => seen.has('RESTARTING'));
  await page.getByText('Kyvos Manager is restarting…').waitFor({ state: 'detached', timeout: 60_000 });
  return seen;
}

const answered = (page) =>
  page
    .evaluate(async () => {
      const answer = await fetch('/api/v1/operations?limit=1', { signal: AbortSignal.timeout(2000) });
      return answer.ok;
    })
    .catch(() => false);

/** Asks from the page, wherever it is, again and again. Tells when stopped how long it was between two answers at most. */
export function watchAnswers(page) {
  let over = false;
  let longestMs = 0;
  const watch = async () => {
    let lastAt = Date.now();
    while (!over) {
      if (await answered(page)) {
        longestMs = Math.max(longestMs, Date.now() - lastAt);
        lastAt = Date.now();
      }
      await pause(LOOK_AGAIN_MS / 4);
    }
  };
  const watching = watch();
  return async () => {
    over = true;
    await watching;
    return longestMs;
  };
}

/** Waits until nothing on the page is still being read. */
export const settled = (page) =>
  page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null);

/** Fills in the login that is on screen and sends it. */
export async function signIn(page, { username, password }) {
  await page.getByLabel('User name').fill(username);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** One test in one fresh browser. Leaves a picture behind when it fails; fails on script errors and on anything that the
 * Content-Security-Policy had to stop. */
export function scene(claim, options, play) {
  const { timeout = TEST_MAX_MS, ...browserOptions } = options;
  test(claim, { timeout }, async (t) => {
    const opened = await openBrowser(browserOptions);
    try {
      await play({ ...opened, t });
      assert.deepEqual(opened.bugs, [], 'the page had script errors');
    } catch (error) {
      const name = claim.replace(/\W+/g, '-').slice(0, 80);
      await opened.page.screenshot({ path: join(PICTURES, `${name}.png`) }).catch(() => undefined);
      throw error;
    } finally {
      await opened.context.close();
    }
  });
}

/** A name nobody used before. */
export const unique = (word) => `${word}-${process.pid}-${Date.now().toString(36)}`;
