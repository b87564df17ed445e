// Alerts: a channel is added and tried out, a host falls silent, the bell and a program outside tell of it, somebody has seen it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { apiOf, everyoneUp, scene, unique, until, visit } from './harness.mjs';

const SECRET = 'a-secret-that-only-tests-know';
/** A host is told of when it has been silent for 15 s; the Active looks every 3 s. */
const TOLD_MAX_MS = 60_000;

/** A program that takes alerts, and keeps those whose signature holds. */
async function receiver() {
  const letters = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { 'x-km-id': id, 'x-km-timestamp': at, 'x-km-signature': signature } = request.headers;
    const expected = createHmac('sha256', SECRET).update(`${id}.${at}.${body}`).digest('hex');
    if (signature === `sha256=${expected}`) letters.push(JSON.parse(body));
    response.writeHead(signature === `sha256=${expected}` ? 204 : 401).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => new Promise((done) => server.close(done).closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/hook`, letters, close };
}

async function addChannel(page, name, url) {
  await page.getByRole('button', { name: 'Add channel' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add channel' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('URL').fill(url);
  await dialog.getByRole('textbox', { name: 'Secret' }).fill(SECRET);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
}

scene(
  'a channel takes a test and an alert, the bell counts it, and whoever has seen it says so',
  { timeout: 150_000 },
  async ({ page }) => {
    const { active } = await everyoneUp();
    const api = await apiOf(active);
    const outside = await receiver();
    const [channel, host] = [unique('pager'), unique('silent')];
    await visit(page, active, '/alerts/channels');
    await addChannel(page, channel, outside.url);
    const row = page.locator(`[data-channel="${channel}"]`);
    await row.getByRole('button', { name: 'Send a test' }).click();
    await row.getByText('it answered 204 No Content').waitFor();
    assert.equal(outside.letters[0].event, 'test');
    assert.ok(!(await page.content()).includes(SECRET), 'the secret is in the page');

    const transport = { kind: 'ssh', address: '127.0.0.1:1', user: 'kyvos' };
    const { id, revision } = await api.post('/hosts', { name: host, roles: [], transport });
    const about = ({ alert }) => alert?.subject === host;
    await until('the program outside is told', () => outside.letters.find(about), TOLD_MAX_MS);
    const told = outside.letters.find(about);
    assert.deepEqual([told.event, told.alert.code], ['raised', 'HOST_SILENT']);

    await page.locator('[data-bell]').click();
    await page.getByRole('heading', { name: 'Alerts', level: 1 }).waitFor();
    await page.getByRole('link', { name: /^\d+ open alerts?$/ }).waitFor();
    await page.getByRole('button', { name: `Acknowledge alert ${told.alert.id}` }).click();
    const dialog = page.getByRole('dialog', { name: 'Acknowledge an alert' });
    await dialog.getByLabel('Note').fill('looked at by the test');
    await dialog.getByRole('button', { name: 'Acknowledge' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator(`[data-alert="${told.alert.id}"]`).waitFor({ state: 'detached' });
    await page.getByLabel('State', { exact: true }).selectOption('acknowledged');
    await page.locator(`[data-alert="${told.alert.id}"]`).getByText('looked at by the test').waitFor();
    await until('that it was seen is told', () =>
      outside.letters.some(({ event }) => event === 'acknowledged'),
    );

    await api.delete(`/hosts/${id}`, { 'If-Match': `"${revision}"` });
    await visit(page, active, '/alerts/channels');
    await row.getByRole('button', { name: 'Remove' }).click();
    const removing = page.getByRole('dialog', { name: 'Remove a channel' });
    await removing.getByRole('button', { name: 'Remove' }).click();
    await row.waitFor({ state: 'detached' });
    await outside.close();
    await api.dispose();
  },
);

scene('a channel that leads nowhere says exactly what came of a test', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const channel = unique('nowhere');
  await visit(page, active, '/alerts/channels');
  await addChannel(page, channel, 'http://127.0.0.1:1/hook');
  const row = page.locator(`[data-channel="${channel}"]`);
  await row.getByRole('button', { name: 'Send a test' }).click();
  await row.getByText(/Connection refused/).waitFor();
  await row.getByText('Failing').waitFor();
  await row.getByRole('button', { name: 'Remove' }).click();
  await page
    .getByRole('dialog', { name: 'Remove a channel' })
    .getByRole('button', { name: 'Remove' })
    .click();
  await row.waitFor({ state: 'detached' });
});
