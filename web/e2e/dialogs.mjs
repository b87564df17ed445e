// The dialogs of the dashboard, and how an operator gets to it: for whoever looks at many of them.

import { alter, choose, chooseForAll } from './acts/nodes.mjs';
import { apiOf, settled, visit } from './harness.mjs';

const forNode = async (page, host, item) => {
  await page.getByRole('button', { name: `Actions for ${host}`, exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
  return page.getByRole('dialog');
};

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

/** By name: where it is opened, and how. `instead`: what has to be so first. */
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
  'add-node': { path: '/nodes-and-services', open: pressed('Add node') },
  'edit-node': { path: '/nodes-and-services', open: (page, { spare }) => forNode(page, spare, 'Edit') },
  outlook: { path: '/nodes-and-services', open: (page) => forNode(page, 'km1', 'What depends on it') },
  enrol: { path: '/nodes-and-services', open: (page, { spare }) => forNode(page, spare, 'Enrol its agent') },
  'delete-node': {
    path: '/nodes-and-services',
    open: (page, { spare }) => forNode(page, spare, 'Delete node'),
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
  const { path = '/', open, instead } = DIALOGS[name];
  await instead?.(page, group);
  await visit(page, group.active, typeof path === 'string' ? path : path(group));
  const dialog = await open(page, group);
  await dialog.waitFor();
  await settled(page);
  await look(dialog);
  await page.unrouteAll({ behavior: 'wait' });
}
