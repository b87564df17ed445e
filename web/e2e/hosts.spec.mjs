// The tab Nodes: registering, changing and forgetting hosts, and what each way to a host needs first.
import assert from 'node:assert/strict';
import { apiOf, everyoneUp, openBrowser, scene, signIn, unique, visit } from './harness.mjs';

const hostRow = (page, name) => page.locator(`[data-section=hosts] tr[data-host="${name}"]`);
const open = async (page, manager, path = '/nodes-and-services') => {
  await visit(page, manager, path);
  await page.getByRole('heading', { name: 'Nodes', level: 2 }).waitFor();
};
const chooseFor = async (page, name, item) => {
  await page.getByRole('button', { name: `Actions for ${name}` }).click();
  await page.getByRole('menuitem', { name: item }).click();
  return page.getByRole('dialog');
};
const forget = async (page, name) => {
  const dialog = await chooseFor(page, name, 'Delete node');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await hostRow(page, name).waitFor({ state: 'detached' });
};

/** Has a host of this name registered while `play` runs. That of a Kyvos Manager stays registered, as the group wants it. */
async function withHost(manager, name, play) {
  const api = await apiOf(manager);
  const find = async () => (await api.get('/hosts')).items.find((host) => host.name === name);
  const there = await find();
  if (!there) await api.post('/hosts', { name, roles: ['web_portal'], transport: { kind: 'agent' } });
  await play(api);
  const { id, revision, manager: member } = await find();
  if (!there && member == null) {
    await api.delete(`/hosts/${id}`, { 'If-Match': `"${revision}"` });
  }
  await api.dispose();
}

// rows 2, 8; two browsers see each other's change
scene(
  'a host is added, its agent invited with a command that is shown once, its roles changed, and it is deleted again',
  {},
  async ({ page }) => {
    const { active, passives } = await everyoneUp();
    const name = `${unique('bi')}.example`;
    const other = await openBrowser();
    await open(other.page, passives[0]);
    await open(page, active);
    await page.getByRole('button', { name: 'Add node' }).click();
    const adding = page.getByRole('dialog', { name: 'Add node' });
    await adding.getByLabel('Host name').fill(name);
    await adding.getByLabel('BI Server').check();
    await adding.getByRole('button', { name: 'Save' }).click();

    const enrolling = page.getByRole('dialog', { name: `Enrol the agent of ${name}` });
    await enrolling.getByRole('button', { name: 'Make command' }).click();
    await enrolling.getByText(/^km agent enrol /).waitFor();
    await enrolling.getByText('Waiting for the agent').waitFor();
    await enrolling.getByRole('button', { name: 'Done' }).click();
    await hostRow(other.page, name).getByText('Its agent is not enrolled yet').waitFor();
    assert.doesNotMatch(await page.content(), /km agent enrol /, 'shown once');

    const editing = await chooseFor(page, name, 'Edit');
    const save = editing.getByRole('button', { name: 'Save' });
    assert.equal(await save.getAttribute('aria-disabled'), 'true', 'nothing is changed');
    await editing.getByLabel('Query Engine').check();
    await save.click();
    for (const on of [page, other.page])
      await hostRow(on, name).locator('[data-column=roles]').getByText('Query Engine').waitFor();

    await forget(page, name);
    await hostRow(other.page, name).waitFor({ state: 'detached' });
    await other.context.close();
  },
);

scene('a host reached over SSH is trusted by nobody but an operator', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const name = `${unique('ssh')}.example`;
  await open(page, active);
  await page.getByRole('button', { name: 'Add node' }).click();
  const adding = page.getByRole('dialog', { name: 'Add node' });
  await adding.getByLabel('Host name').fill(name);
  await adding.getByRole('radio', { name: 'SSH' }).check();
  const save = adding.getByRole('button', { name: 'Save' });
  assert.equal(await save.getAttribute('aria-disabled'), 'true', 'it has no address yet');
  // Nobody listens there: what a host does not tell cannot be trusted.
  await adding.getByLabel('SSH address').fill('127.0.0.1:1');
  await save.click();
  const trusting = page.getByRole('dialog', { name: `SSH key of ${name}` });
  await trusting.getByText(`${name} told no key`).waitFor({ timeout: 30_000 });
  assert.equal(await trusting.getByRole('button', { name: 'Trust this key' }).count(), 0);
  await page.keyboard.press('Escape');
  await hostRow(page, name).getByText('Its SSH key is not trusted yet').waitFor();
  await forget(page, name);
});

scene('a name that is taken is refused in place, and nothing is changed', {}, async ({ page }) => {
  const { active } = await everyoneUp();
  const name = `${unique('taken')}.example`;
  await withHost(active, name, async (api) => {
    const before = (await api.get('/hosts')).items.length;
    await open(page, active);
    await page.getByRole('button', { name: 'Add node' }).click();
    const adding = page.getByRole('dialog', { name: 'Add node' });
    await adding.getByLabel('Host name').fill(name);
    await adding.getByRole('button', { name: 'Save' }).click();
    await adding.getByText('Not saved').waitFor();
    assert.equal((await api.get('/hosts')).items.length, before);
  });
});

// row 11: the Web Portal stays as long as a Kyvos Manager needs it
scene('the host of a Kyvos Manager is not deleted, and its Web Portal not taken', {}, async ({ page }) => {
  const { active, cluster } = await everyoneUp();
  const { host } = cluster.members.find(({ id }) => id === active.id);
  await withHost(active, host, async () => {
    await open(page, active);
    await page.getByRole('button', { name: `Actions for ${host}` }).click();
    await page
      .getByRole('menuitem', { name: /^Delete node/ })
      .getByText('A Kyvos Manager runs there. Delete that one first.')
      .waitFor();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    const editing = page.getByRole('dialog', { name: `Edit ${host}` });
    await editing.getByLabel('Kyvos Web Portal').uncheck();
    await editing.getByRole('button', { name: 'Save' }).click();
    await editing.getByText('Not saved').waitFor();
  });
});

scene('an auditor looks at hosts and does nothing to them', { anonymous: true }, async ({ page }) => {
  const { active } = await everyoneUp();
  const api = await apiOf(active);
  const username = unique('looker');
  const password = 'an auditor looks only';
  await api.post('/users', { username, role: 'auditor', password });
  await visit(page, active, '/nodes-and-services');
  await signIn(page, { username, password });
  const add = page.getByRole('button', { name: 'Add node' });
  await add.waitFor();
  assert.equal(await add.getAttribute('aria-disabled'), 'true');
  await api.delete(`/users/${username}`);
  await api.dispose();
});

// rows 2, 43
scene('the mapping shows what runs where, with the same section as the Dashboard', {}, async ({ page }) => {
  const { active, managers } = await everyoneUp();
  await visit(page, active, '/nodes-and-services');
  await page.getByRole('tab', { name: 'Nodes and Services mapping' }).click();
  await page.getByRole('heading', { name: 'Kyvos Manager Nodes' }).waitFor();
  const cells = page.locator('[data-section=mapping] [data-column=kyvos-manager]');
  await cells.getByText('Active').waitFor();
  assert.equal(await cells.getByText('Passive').count(), managers.length - 1);
  assert.match(page.url(), /\/nodes-and-services\/mapping/);
  // Each mark is a service, and leads to why it is as it is.
  const mark = page.locator('tr[data-host=km1] [data-column=bi_server] button');
  await mark.click();
  await page.getByRole('dialog', { name: /^Why is BI Server on km1 / }).waitFor();
});
