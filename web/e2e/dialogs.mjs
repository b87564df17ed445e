// The dialogs of the dashboard, and how an operator gets to it: for whoever looks at many of them.

import { alter, choose, chooseForAll } from './acts/nodes.mjs';
import { apiOf, settled, visit } from './harness.mjs';

const fromMenu = async (page, button, item) => {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
  return page.getByRole('dialog');
};
const forNode = (page, host, item) => fromMenu(page, `Actions for ${host}`, item);

/** Of the Passive that the acts are shown with. */
const ofPassive =
  (item) =>
  (page, { passives }) =>
    choose(page, passives[0].id, item);
const ofGroup = (item) => (page) => chooseForAll(page, item);
const asked = (page) => page.getByRole('dialog');
const pressed = (button) => async (page) => {
  await page.getByRole('button', { name: button, exact: true }).click();
  return page.getByRole('dialog');
};

/** As if it had been stopped on purpose: whoever really stops it has to start it again. */
const asStopped = async (page, { passives }) => {
  await alter(page, passives[0].id, ({ blocked: { start: _, ...blocked } }) => ({
    state: 'stopped',
    blocked,
  }));
};

const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmxNB+N7r4fJqKX0ZqX0fHkz5cX5vQ0wq0m0m0m0m0m';

/** As if the spare host were reached over SSH and offered another key than the trusted one. */
const asOverSsh = async (page, { spare }) => {
  await page.route('**/api/v1/hosts?*', async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    const transport = { kind: 'ssh', address: `${spare}:22`, user: 'kyvos', program: '/usr/bin/km' };
    const host = list.items.find(({ name }) => name === spare);
    Object.assign(host, { transport: { ...transport, config: '', fingerprint: 'SHA256:old' } });
    await route.fulfill({ response, json: list });
  });
  await page.route('**/api/v1/hosts/*/ssh-host-key*', (route) =>
    route.fulfill({
      json: { offered: SSH_KEY, fingerprint: 'SHA256:new', trusted: 'SHA256:old', matches: false },
    }),
  );
};

/** By name: where it is opened, and how. `instead`: what has to be so first; `leave`: what must not stay behind. */
export const DIALOGS = {
  properties: { open: ofPassive('Properties') },
  start: { instead: asStopped, open: ofPassive('Start Kyvos Manager Service') },
  restart: { open: ofPassive('Restart Kyvos Manager Service') },
  stop: { open: ofPassive('Stop Kyvos Manager Service') },
  'make-active': { open: ofPassive('Make Active') },
  delete: { open: ofPassive('Delete') },
  'restart-passives': { open: ofGroup(/^Restart.*all passive/) },
  'stop-passives': { open: ofGroup(/^Stop.*all passive/) },
  'restart-active': { open: ofGroup('Restart Active Kyvos Manager Instance') },
  add: {
    path: ({ spare }) => `/?do=add&host=${spare}`,
    open: async (page) => {
      await page.locator('[data-explains=add]').getByText('What was looked at').waitFor();
      return asked(page);
    },
  },
  'add-witness': {
    path: '/?do=add&role=witness',
    open: async (page, { spare }) => {
      await page.getByRole('radio', { name: spare }).check();
      return asked(page);
    },
  },
  move: { path: ({ passives }) => `/migrate-role?do=move&manager=${passives[0].id}`, open: asked },
  'push-dr-script': { path: '/?do=push-dr-script', open: asked },
  logs: { path: ({ passives }) => `/?do=logs&manager=${passives[0].id}`, open: asked },
  'add-channel': { path: '/alerts/channels', open: pressed('Add channel') },
  'add-node': { path: '/nodes-and-services', open: pressed('Add node') },
  'edit-node': { path: '/nodes-and-services', open: (page, { spare }) => forNode(page, spare, 'Edit') },
  outlook: { path: '/nodes-and-services', open: (page) => forNode(page, 'km1', 'What depends on it') },
  enrol: { path: '/nodes-and-services', open: (page, { spare }) => forNode(page, spare, 'Enrol its agent') },
  'delete-node': {
    path: '/nodes-and-services',
    open: (page, { spare }) => forNode(page, spare, 'Delete node'),
  },
  'own-key': {
    path: '/nodes-and-services',
    open: (page) => fromMenu(page, 'Actions of Nodes', 'SSH key of the Managers'),
  },
  'ssh-key': {
    instead: asOverSsh,
    path: '/nodes-and-services',
    open: async (page, { spare }) => {
      const dialog = await forNode(page, spare, 'SSH key of the host');
      await dialog.getByText('SHA256:new').waitFor();
      return dialog;
    },
  },
  'why-service': {
    path: '/nodes-and-services/services?do=why&service=bi_server.km1',
    open: async (page) => {
      await page.getByRole('dialog').getByText('What Services HA does').waitFor();
      return asked(page);
    },
  },
  'stop-services': {
    path: '/nodes-and-services/services',
    open: (page) => fromMenu(page, 'Actions of Services', 'Stop all Kyvos services'),
  },
  'restart-services': {
    path: '/nodes-and-services/services',
    open: (page) => fromMenu(page, 'Actions for BI Servers', 'Restart all BI Servers'),
  },
  'control-type': {
    path: '/nodes-and-services/services',
    open: async (page) => {
      const dialog = await fromMenu(page, 'Actions for BI Servers', 'How BI Servers are controlled');
      await dialog.getByLabel('Unit').waitFor();
      return dialog;
    },
  },
  'open-window': { path: '/nodes-and-services/services-ha', open: pressed('Open window') },
  'add-schedule': { path: '/nodes-and-services/services-ha', open: pressed('Add schedule') },
  'services-ha': { path: '/nodes-and-services/services-ha', open: pressed('Change bounds and standbys') },
  'add-user': { path: '/settings/users', open: pressed('Add user') },
  'change-user': {
    path: '/settings/users',
    open: (page, { admin }) => forNode(page, admin.username, 'Change'),
  },
  'custom-property': { path: '/settings/properties?file=custom', open: pressed('Add property') },
  'disable-ha': {
    path: '/settings/properties?search=ENABLE_KM_HA',
    open: async (page) => {
      await page.getByLabel('Value of ENABLE_KM_HA').selectOption('no');
      return pressed('Save')(page);
    },
    // Nobody leaves a page with an edit on it without being asked.
    leave: async (page, dialog) => {
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Revert', exact: true }).click();
    },
  },
  'property-history': {
    path: '/settings/properties?search=ENABLE_KM_HA',
    open: (page) => forNode(page, 'ENABLE_KM_HA', 'History'),
  },
};

/** A host without a Manager, for the dialogs that need one. */
export async function withSpare(group) {
  const api = await apiOf(group.active);
  const { items } = await api.get('/hosts');
  await api.dispose();
  return { ...group, spare: items.find(({ manager }) => manager == null).name };
}

/** Opens one dialog on the page of the Active, has it looked at, and leaves everything as it was. */
export async function withDialog(page, name, group, look) {
  const { path = '/', open, instead, leave } = DIALOGS[name];
  await instead?.(page, group);
  await visit(page, group.active, typeof path === 'string' ? path : path(group));
  const dialog = await open(page, group);
  await dialog.waitFor();
  await settled(page);
  await look(dialog);
  await leave?.(page, dialog);
  await page.unrouteAll({ behavior: 'wait' });
}
