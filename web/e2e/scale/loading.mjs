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
  const at = await load(page, url);
  return { page, context, at };
}

/** In one that was there before: its files are in the cache, and nothing else. */
export async function loadAgain(page, url) {
  await page.goto('about:blank');
  return load(page, url);
}
