// What a person came for on each page of a large cluster, and how long it takes to be seen with an empty cache.
export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The pages that a large cluster makes long, each with what is there once it can be read. `node` is the first of the nodes. */
export const viewsOf = (node, first = `zookeeper.${node}`) => [
  ['Dashboard', '/', '[data-type=web_portal]'],
  ['Nodes', '/nodes-and-services', `tr[data-host="${node}"]`],
  ['Services', '/nodes-and-services/services', `tr[data-service="${first}"]`],
  ['Services HA', '/nodes-and-services/services-ha', 'tr[data-standing]'],
  ['Mapping', '/nodes-and-services/mapping', `[data-section=mapping] tr[data-host="${node}"] [data-state]`],
];

/** From the first byte asked for to what a person came for. */
async function load(page, url) {
  await page.goto(url);
  await page.waitForFunction(() => window.kmSeenAt !== undefined);
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
  return page.evaluate(() => window.kmSeenAt);
}

/** Each time a window of its own is opened, so that nothing of the page is in its cache. A browser that opens a window makes parts of
 * its own for it (the suggestions of its address bar are a page too), for a second and on the processors of the page. Whoever looks at
 * the dashboard has had theirs open: the clock starts when that is done. */
const WINDOW_AT_REST_MS = 2000;

/** In a browser that has nothing of the page yet. */
export async function coldLoad(browser, url, seen, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...more });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  await page.addInitScript((wanted) => {
    const look = () => {
      if (window.kmSeenAt === undefined && document.querySelector(wanted))
        window.kmSeenAt = performance.now();
      if (window.kmSeenAt === undefined) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, seen);
  await page.waitForTimeout(WINDOW_AT_REST_MS);
  const at = await load(page, url);
  return { page, context, at };
}

/** In one that was there before: its files are in the cache, and nothing else. */
export async function loadAgain(page, url) {
  await page.goto('about:blank');
  return load(page, url);
}
