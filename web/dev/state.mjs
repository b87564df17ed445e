// Made-up data for `npm run dev`, and only for it. Shapes as in docs/contracts/http.md.
import { blockedOf } from './blocked.mjs';

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

const ports = [9101, 9102, 9103];
const url = (id) => `http://localhost:${ports[id - 1]}`;

export const state = {
  revision: 140,
  term: 14,
  epoch: 121,
  active: 1,
  managers: [
    {
      id: 1,
      host: 'km1.example',
      alias: 'Blue',
      role: 'voter',
      state: 'running',
      since: ago(86_400),
      started_at: ago(86_500),
    },
    {
      id: 2,
      host: 'km2.example',
      alias: '',
      role: 'voter',
      state: 'running',
      since: ago(7200),
      started_at: ago(7300),
    },
    {
      id: 3,
      host: 'km3.example',
      alias: 'Green',
      role: 'voter',
      state: 'running',
      since: ago(600),
      started_at: ago(700),
    },
  ],
  heard: new Map(),
  properties: [],
  history: new Map(),
  operations: [],
  audit: [],
  users: [
    {
      username: 'admin',
      role: 'administrator',
      status: 'active',
      locked_until: null,
      created_at: ago(9e5),
      changed_at: ago(9e4),
      revision: 3,
    },
    {
      username: 'mira',
      role: 'maintainer',
      status: 'active',
      locked_until: null,
      created_at: ago(8e5),
      changed_at: ago(8e5),
      revision: 22,
    },
    {
      username: 'audit-team',
      role: 'auditor',
      status: 'inactive',
      locked_until: null,
      created_at: ago(7e5),
      changed_at: ago(6e5),
      revision: 31,
    },
  ],
  passwords: new Map([
    ['admin', 'admin'],
    ['mira', 'mira'],
    ['audit-team', 'audit'],
  ]),
  failures: new Map(),
  sessions: new Map(),
  tokens: [
    {
      id: 61,
      name: 'backup-job',
      role: 'auditor',
      created_by: 'admin',
      created_at: ago(5e5),
      expires_at: null,
    },
  ],
  joinTokens: [
    {
      id: 77,
      role: 'manager',
      created_by: 'admin',
      created_at: ago(9000),
      expires_at: ago(5400),
      used_by: 3,
    },
  ],
  listeners: new Set(),
};

export const PRIVILEGES = {
  administrator: [
    'view',
    'properties.change',
    'managers.alias',
    'managers.control',
    'managers.membership',
    'hosts.manage',
    'hosts.trust',
    'operations.control',
    'users.manage',
    'tokens.manage',
    'audit.view',
  ],
  maintainer: [
    'view',
    'properties.change',
    'managers.alias',
    'managers.control',
    'hosts.manage',
    'operations.control',
  ],
  auditor: ['view', 'audit.view'],
};

const property = (file, name, kind, value, description, restart = [], scope = 'global') => ({
  file,
  name,
  kind,
  value,
  default: value,
  is_default: true,
  description,
  scope,
  restart,
  revision: 0,
  modified: null,
});

state.properties.push(
  property(
    'kyvos-manager',
    'ENABLE_KM_HA',
    { type: 'yes_no' },
    'yes',
    'Run several Kyvos Managers, one Active and the others Passive.',
    ['kyvos-manager'],
  ),
  property(
    'kyvos-manager',
    'LOAD_BALANCER_URL',
    { type: 'url' },
    '',
    'Where browsers are sent instead of the Active, when a load balancer stands in front.',
  ),
  property(
    'kyvos-manager',
    'ZK_SERVICE_WATCH',
    { type: 'choice', choices: ['auto', 'on', 'off'] },
    'auto',
    'Watch Kyvos services through ZooKeeper; auto follows ENABLE_KM_HA.',
  ),
  property(
    'kyvos-manager',
    'RAFT_HEARTBEAT_MS',
    { type: 'integer', min: 20, max: 5000, unit: 'ms' },
    '100',
    'Pause between two heartbeats of the leader.',
    ['kyvos-manager'],
  ),
  property(
    'kyvos-manager',
    'RAFT_ELECTION_MIN_MS',
    { type: 'integer', min: 100, max: 60000, unit: 'ms' },
    '500',
    'A member that hears no leader for this long may stand for election.',
    ['kyvos-manager'],
  ),
  property(
    'kyvos-manager',
    'SESSION_HOURS',
    { type: 'integer', min: 1, max: 168, unit: 'h' },
    '12',
    'How long a sign-in lasts.',
  ),
  property(
    'kyvos-manager',
    'SUPPORT_CONTACT',
    { type: 'text', max_bytes: 256 },
    '',
    'Shown to operators who need help.',
  ),
  property(
    'kyvos',
    'kyvos.build.max.parallel',
    { type: 'integer', min: 1, max: 64, unit: null },
    '4',
    'Semantic model builds at the same time.',
    ['kyvos-bi-server'],
  ),
  property(
    'olapengine',
    'olapengine.cache.enabled',
    { type: 'yes_no' },
    'yes',
    'Keep cuboids in memory.',
    ['kyvos-query-engine'],
    'per_node',
  ),
  property(
    'kyvosclient',
    'kyvosclient.timeout.seconds',
    { type: 'integer', min: 5, max: 3600, unit: 's' },
    '300',
    'A client gives up on a query after this long.',
  ),
  {
    ...property('custom', 'greeting', { type: 'text', max_bytes: 4096 }, 'hello', null),
    default: null,
    is_default: false,
  },
);
export const find = (file, name) => state.properties.find((p) => p.file === file && p.name === name);

export function cluster(here) {
  const up = state.managers.filter((m) => m.state === 'running');
  const quorum = up.length >= 2;
  const active = quorum ? state.active : null;
  const notices = [];
  if (!active)
    notices.push({
      code: 'NO_ACTIVE',
      severity: 'error',
      text: 'No active Kyvos Manager. This instance is read-only. Retrying…',
    });
  if (state.script && !state.script.pushed)
    notices.push({
      code: 'DR_SCRIPT_PENDING',
      severity: 'warning',
      text: 'Kyvos Manager HA is enabled. Push the Kyvos Manager Disaster Recovery script to complete the setup.',
    });
  return {
    cluster_id: '7f2c9a1e-demo',
    name: 'demo',
    here,
    mode_here: !quorum ? 'no_quorum' : active === here ? 'active' : 'passive',
    term: state.term,
    epoch: state.epoch,
    active,
    leader: active,
    revision: state.revision,
    applied: state.revision,
    voters: [1, 2, 3],
    quorum: 2,
    failure_tolerance: Math.max(0, up.length - 2),
    ha_enabled: find('kyvos-manager', 'ENABLE_KM_HA').value === 'yes',
    load_balancer_url: null,
    digest: { revision: state.revision, value: '9c1d44e07ab2f13c' },
    members: state.managers.map((m) => ({
      id: m.id,
      host: m.host,
      alias: m.alias,
      role: m.role,
      reachable: m.state === 'running',
      last_contact_ms: contact(m, here),
      api_url: url(m.id),
    })),
    notices,
  };
}

function contact(m, here) {
  if (m.id === here) return 0;
  if (m.state === 'running') return 40 + ((state.revision * 7 + m.id * 13) % 60);
  return Date.now() - (state.heard.get(m.id) ?? Date.now());
}

export function manager(m, here) {
  const quorum = state.managers.filter((x) => x.state === 'running').length >= 2;
  const down = m.state !== 'running';
  return {
    ...m,
    mode: quorum && state.active === m.id ? 'active' : 'passive',
    blocked: blockedOf(m, quorum && state.active === m.id),
    quorum_without: state.managers.filter((x) => x.state === 'running').length > 2,
    operation: null,
    version: '0.1.0',
    api_url: url(m.id),
    peer_addr: `127.0.0.1:${9200 + m.id}`,
    health_url: `http://127.0.0.1:${9300 + m.id}`,
    lag: m.id === 3 ? (state.lag ?? 0) : 0,
    last_contact_ms: contact(m, here),
    as_of: down ? new Date(state.heard.get(m.id) ?? Date.now()).toISOString() : new Date().toISOString(),
    here: m.id === here,
    pid: 4700 + m.id,
    install_path: '/usr/bin/km',
    data_dir: `/var/lib/kyvos-manager/${m.id}`,
    term: state.term,
    last_log: state.revision,
    applied: state.revision,
    checkpoint: 100,
    data_bytes: 18_874_368 + m.id * 4096,
    certificate_expires_at: new Date(Date.now() + 3e10).toISOString(),
    disk_id: `d${m.id}c0ffee-0000-4000-8000-00000000000${m.id}`,
    revision: m.revision ?? 57,
  };
}

const send = (name, id, data) => {
  for (const listener of state.listeners) listener({ name, id, data });
};
export const tellStatus = () => send('status');

/** One change: a new revision, an audit record, an event. */
export function change(
  by,
  room,
  kind,
  subject,
  { before = null, after = null, reason = null, outcome = 'committed', code = null } = {},
) {
  state.revision += 1;
  const at = new Date().toISOString();
  state.audit.unshift({
    revision: state.revision,
    at,
    user: by,
    role: state.users.find((u) => u.username === by)?.role ?? null,
    action: `${room}.${kind}`,
    object: subject,
    before,
    after,
    outcome,
    code,
    reason,
    source_ip: '127.0.0.1',
    via: 1,
    term: state.term,
    request_id: crypto.randomUUID(),
  });
  send('change', state.revision, { revision: state.revision, at, by, room, kind, subject, data: {} });
  return state.revision;
}

export function setProperty(p, value, by, action, reason) {
  const before = p.value;
  p.value = value;
  p.is_default = p.default !== null && value === p.default;
  p.revision = change(by, 'properties', action, `${p.file}/${p.name}`, { before, after: value, reason });
  p.modified = { by, at: new Date().toISOString(), revision: p.revision, reason: reason ?? null };
  const key = `${p.file}/${p.name}`;
  state.history.set(key, [
    { revision: p.revision, at: p.modified.at, by, action, value, reason: reason ?? null },
    ...(state.history.get(key) ?? []),
  ]);
}

const step = (name, title, status, extra = {}) => ({
  name,
  title,
  status,
  attempt: status === 'pending' ? 0 : 1,
  detail: null,
  started_at: status === 'pending' ? null : ago(60),
  finished_at: status === 'done' ? ago(50) : null,
  executed_by: status === 'pending' ? null : 1,
  epoch: status === 'pending' ? null : 121,
  ...extra,
});
const operation = (id, kind, title, target, status, steps, extra = {}) => ({
  id,
  kind,
  title,
  target,
  requested_by: 'admin',
  via: 2,
  requested_at: ago(70),
  started_at: ago(60),
  finished_at: ['succeeded', 'failed', 'cancelled'].includes(status) ? ago(20) : null,
  status,
  resumed: 0,
  progress: { done: steps.filter((s) => s.status === 'done').length, total: steps.length },
  error: null,
  revision: id,
  steps,
  ...extra,
});
state.operations.push(
  operation(
    131,
    'ADD_MANAGER',
    'Add Kyvos Manager km4.example',
    'km4.example',
    'running',
    [
      step('learner', 'Add as learner', 'done'),
      step('catch_up', 'Wait until caught up', 'running', {
        detail: '1,204 entries behind',
        finished_at: null,
      }),
      step('voter', 'Make a voter', 'pending'),
    ],
    { resumed: 1 },
  ),
  operation(118, 'ADD_MANAGER', 'Add Kyvos Manager km3.example', 'km3.example', 'succeeded', [
    step('learner', 'Add as learner', 'done'),
    step('catch_up', 'Wait until caught up', 'done'),
    step('voter', 'Make a voter', 'done'),
  ]),
  operation(
    96,
    'ADD_MANAGER',
    'Add Kyvos Manager km9.example',
    'km9.example',
    'failed',
    [
      step('learner', 'Add as learner', 'done'),
      step('catch_up', 'Wait until caught up', 'failed', { attempt: 5, detail: 'No contact for 120 s.' }),
      step('voter', 'Make a voter', 'skipped'),
    ],
    { error: 'km9.example did not answer on its peer address.' },
  ),
  operation(
    90,
    'ADD_WITNESS',
    'Add witness w1.example',
    'w1.example',
    'needs_decision',
    [
      step('certificate', 'Issue a certificate', 'done'),
      step('learner', 'Add as learner', 'failed', { detail: 'The answer was lost in a failover.' }),
    ],
    { error: 'It is not known whether the certificate was delivered.' },
  ),
);
setProperty(find('kyvos-manager', 'RAFT_HEARTBEAT_MS'), '150', 'mira', 'set', 'Slow link to site B');
setProperty(find('custom', 'greeting'), 'hello from the mock', 'admin', 'set', null);
change('admin', 'managers', 'alias_set', 'km1.example', { before: '', after: 'Blue' });
change('mira', 'users', 'create', 'someone', { outcome: 'refused', code: 'FORBIDDEN' });

export function lose(id) {
  const m = state.managers.find((x) => x.id === id);
  Object.assign(m, { state: 'down', since: new Date().toISOString() });
  state.heard.set(id, Date.now());
  const up = state.managers.filter((x) => x.state === 'running');
  if (state.active === id && up.length >= 2) {
    state.active = up[0].id;
    state.term += 1;
    state.epoch = change('group', 'managers', 'became_active', up[0].host);
  }
  tellStatus();
}

export function back(id) {
  const m = state.managers.find((x) => x.id === id);
  Object.assign(m, {
    state: 'running',
    since: new Date().toISOString(),
    started_at: new Date().toISOString(),
  });
  const up = state.managers.filter((x) => x.state === 'running');
  if (up.length >= 2 && !up.some((x) => x.id === state.active)) {
    state.active = up[0].id;
    state.term += 1;
  }
  tellStatus();
}
