// Made-up hosts, prechecks and acts for `npm run dev`, and only for it: what pages and dialogs need to be looked at.
import { change, state, tellStatus } from './state.mjs';

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const now = () => new Date().toISOString();
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7zTq0dWk3mXo5hV2bR9sYpLc4nGfUe8iAa6Kt1MrQx';

const agent = (address) => ({ kind: 'agent', address, enrolled_at: ago(9e4) });
const host = (id, name, roles, more = {}) => ({
  id,
  name,
  roles,
  transport: agent(`${name}:7500`),
  state: 'answers',
  because: null,
  since: ago(7200),
  version: '0.1.0',
  manager: null,
  alias: '',
  registered_at: ago(9e5),
  revision: id,
  ...more,
});

state.hosts = [
  host(201, 'km1.example', ['web_portal', 'zookeeper'], { manager: 1 }),
  host(202, 'km2.example', ['web_portal', 'zookeeper'], { manager: 2 }),
  host(203, 'km3.example', ['web_portal', 'zookeeper'], { manager: 3 }),
  host(204, 'km4.example', ['web_portal']),
  host(205, 'bi1.example', ['bi_server', 'query_engine'], {
    transport: {
      kind: 'ssh',
      address: 'bi1.example:22',
      user: 'kyvos',
      program: '/usr/bin/km',
      config: '/etc/kyvos-manager/agent.toml',
      trusted_key: KEY,
      fingerprint: 'SHA256:5rWq2mQ9uLx0c1TtV7oYbF3kXz8NnJeHsPdRgAiCwEM',
    },
  }),
  host(206, 'bi2.example', ['bi_server', 'query_engine', 'postgres'], {
    state: 'silent',
    because: 'No connection to bi2.example:7500 within 5 s.',
    since: ago(190),
    version: null,
  }),
  host(207, 'new1.example', [], {
    transport: { kind: 'agent', address: null, enrolled_at: null },
    state: 'unknown',
    since: null,
    version: null,
  }),
];
state.sshKey = `${KEY} km@demo`;
state.script = {
  version: '9b2f7c11d0e4'.repeat(5).slice(0, 64),
  pushed: process.argv.includes('--dr-pushed'),
};

const CHECKS = [
  ['portal_role', 'Web Portal on this host', 'pass', null, 'The Kyvos Web Portal runs here.'],
  ['portal_ha', 'Web Portal HA', 'pass', null, '4 nodes run the Kyvos Web Portal.', 'group'],
  [
    'zookeeper',
    'ZooKeeper',
    'warn',
    'ZOOKEEPER_FEW',
    'No ZooKeeper answers. Kyvos Manager HA is not affected.',
    'group',
  ],
  ['cli', 'Command of the cloud', 'pass', null, 'aws 2.15.3 at /usr/bin/aws; put, get and delete worked.'],
  ['repository', 'Repository', 'pass', null, 'Login as kyvos at pg.example:5432.'],
  ['port_matrix', 'Port matrix', 'fail', 'PORT_BLOCKED', 'km4.example → km2.example:7443 (peer) is blocked.'],
];
const checksOf = (name) =>
  CHECKS.map(([check, title, result, code, detail, about]) => ({
    check,
    title,
    host: about === 'group' ? null : name,
    result: check === 'port_matrix' && name !== 'km4.example' ? 'pass' : result,
    code,
    detail,
    at: state.checked ?? ago(1800),
  }));

const byId = (id) => state.hosts.find((one) => one.id === Number(id));

/** One operation that goes on by itself, a step a second, and what it has done at the end. */
function begin(user, kind, title, target, titles, done = () => undefined) {
  const id = change(user.username, 'operations', 'begun', target);
  const steps = titles.map((each, n) => ({
    name: `step-${n}`,
    title: each,
    status: 'pending',
    attempt: 0,
    detail: null,
    started_at: null,
    finished_at: null,
    executed_by: 1,
    epoch: state.epoch,
  }));
  const operation = {
    id,
    kind,
    title,
    target,
    requested_by: user.username,
    via: 1,
    requested_at: now(),
    started_at: now(),
    finished_at: null,
    status: 'running',
    resumed: 0,
    progress: { done: 0, total: steps.length },
    error: null,
    revision: id,
    steps,
  };
  state.operations.unshift(operation);
  const advance = (at) => {
    if (at > 0) Object.assign(steps[at - 1], { status: 'done', finished_at: now() });
    operation.progress.done = at;
    if (at < steps.length) {
      Object.assign(steps[at], { status: 'running', attempt: 1, started_at: now() });
      setTimeout(() => advance(at + 1), 1000);
    } else {
      Object.assign(operation, { status: 'succeeded', finished_at: now() });
      done();
    }
    change('group', 'operations', 'step', String(id));
    tellStatus();
  };
  advance(0);
  return { operation: id };
}

const wrongPassword = (no, user, body) => {
  if (state.passwords.get(user.username) !== body.password)
    no(403, 'WRONG_PASSWORD', 'The password is wrong.');
};
const setState = (id, to) => Object.assign(byManager(id), { state: to, since: now() });
const byManager = (id) => state.managers.find((one) => one.id === Number(id));

export const hostRoutes = (no) => ({
  'GET /hosts': () => ({
    items: state.hosts.map((one) => ({ ...one, alias: byManager(one.manager)?.alias ?? '' })),
  }),
  'POST /hosts': ({ body, user }) => {
    if (state.hosts.some(({ name }) => name === body.name))
      no(409, 'HOST_EXISTS', `${body.name} is registered already.`);
    const id = change(user.username, 'hosts', 'registered', body.name);
    const way =
      body.transport.kind === 'agent'
        ? { kind: 'agent', address: null, enrolled_at: null }
        : { program: '/usr/bin/km', config: '', ...body.transport, trusted_key: null, fingerprint: null };
    const made = host(id, body.name, body.roles, {
      transport: way,
      state: 'unknown',
      since: null,
      version: null,
    });
    state.hosts.push(made);
    return made;
  },
  'PATCH /hosts/:id': ({ params, body, user }) => {
    const known = byId(params.id);
    if (body.roles) known.roles = body.roles;
    if (body.transport)
      known.transport = { ...body.transport, enrolled_at: null, trusted_key: null, fingerprint: null };
    known.revision = change(user.username, 'hosts', 'changed', String(known.id));
    return known;
  },
  'DELETE /hosts/:id': ({ params, user }) => {
    state.hosts = state.hosts.filter(({ id }) => id !== Number(params.id));
    change(user.username, 'hosts', 'removed', params.id);
  },
  'POST /hosts/:id/enrolment': ({ params, user }) => {
    const known = byId(params.id);
    change(user.username, 'hosts', 'invited', params.id);
    setTimeout(() => {
      known.transport = agent(`${known.name}:7500`);
      Object.assign(known, { state: 'answers', since: now(), version: '0.1.0' });
      change('group', 'hosts', 'enrolled', params.id);
    }, 6000);
    return {
      token: 'once',
      expires_at: new Date(Date.now() + 3.6e6).toISOString(),
      command:
        'km agent enrol --config /etc/km/agent.toml --token 7Qm2Zk0vXb9LrT4s.c0ffee51.km1.example:7443,km2.example:7443',
    };
  },
  'GET /hosts/ssh-key': () => ({ public_key: state.sshKey }),
  'POST /hosts/ssh-key': ({ user }) => {
    state.sshKey = `${KEY} km@demo`;
    change(user.username, 'hosts', 'ssh_key_set', 'group');
    return { public_key: state.sshKey };
  },
  'GET /hosts/:id/ssh-host-key': ({ params }) => {
    const { transport } = byId(params.id);
    return {
      offered: KEY.replace('7zTq', 'New1'),
      fingerprint: 'SHA256:Zk0vXb9LrT4sQm2cNnJeHsPdRgAiCwEM5rWq2mQ9uLx',
      trusted: transport.trusted_key,
      matches: false,
    };
  },
  'POST /hosts/:id/trust': ({ params, body, user }) => {
    const known = byId(params.id);
    Object.assign(known.transport, { trusted_key: body.key, fingerprint: 'SHA256:Zk0vXb9LrT4sQm2c' });
    known.revision = change(user.username, 'hosts', 'trusted', params.id);
    return known;
  },
  'POST /hosts/:id/check': ({ params }) => byId(params.id),
  'GET /managers/eligible-hosts': () => ({
    items: state.hosts.map(({ id, name, roles, manager, state: seen }) => {
      const because = manager
        ? 'A Kyvos Manager is there already.'
        : !roles.includes('web_portal')
          ? 'The Kyvos Web Portal does not run there.'
          : seen !== 'answers'
            ? 'It does not answer.'
            : null;
      return { id, host: name, eligible: because === null, because };
    }),
  }),
  'GET /managers/dr-script': () => ({
    state: state.script.pushed ? 'pushed' : 'pending',
    version: state.script.version,
    hosts: state.hosts
      .filter(({ roles }) => roles.includes('web_portal'))
      .map(({ name }) => ({
        host: name,
        state: state.script.pushed ? 'pushed' : 'missing',
        path: state.script.pushed ? '/var/lib/km/km-disaster-recovery.sh' : null,
        sha256: state.script.pushed ? state.script.version : null,
        at: state.script.pushed ? ago(60) : null,
        detail: null,
      })),
  }),
  'POST /managers/push-dr-script': ({ user, body }) => {
    wrongPassword(no, user, body);
    return begin(
      user,
      'PUSH_DR_SCRIPT',
      'Push Disaster Recovery script',
      'all portal hosts',
      ['Write it to km1.example', 'Write it to km4.example'],
      () => {
        state.script.pushed = true;
      },
    );
  },
  'POST /managers': ({ user, body }) => {
    wrongPassword(no, user, body);
    return begin(user, 'ADD_MANAGER', `Add Kyvos Manager ${body.host}`, body.host, [
      'Prechecks',
      'Let it in and start it',
      'Wait until it has caught up',
      'Make it a voter',
    ]);
  },
  'POST /managers/:id/replace': ({ user, body }) => {
    wrongPassword(no, user, body);
    return begin(user, 'REPLACE_MANAGER', `Move to ${body.host}`, body.host, [
      'Add the new one',
      'Hand over',
      'Remove the old one',
    ]);
  },
  ...Object.fromEntries(
    [
      ['start', 'running'],
      ['restart', 'running'],
      ['stop', 'stopped'],
    ].map(([verb, after]) => [
      `POST /managers/:id/${verb}`,
      ({ params, user, body }) => {
        wrongPassword(no, user, body);
        const { host: name } = byManager(params.id);
        return begin(
          user,
          `${verb.toUpperCase()}_MANAGER`,
          `${verb} ${name}`,
          name,
          ['Tell it', 'Wait for it'],
          () => setState(params.id, after),
        );
      },
    ]),
  ),
  'GET /prechecks': ({ query }) => ({
    items: checksOf(query.get('host') ?? 'km4.example'),
    as_of: state.checked ?? ago(1800),
    running: state.checking ?? false,
    asked: 1,
    answered: state.checking ? null : 1,
  }),
  'POST /prechecks/run': () => {
    state.checking = true;
    setTimeout(() => {
      Object.assign(state, { checking: false, checked: now() });
      change('group', 'prechecks', 'finished', 'group');
    }, 2500);
    return { asked: 1 };
  },
  'GET /explain/:topic': () => ({
    verdict: 'It can be made Active.',
    rules: [{ rule: 'It has caught up', pass: true, detail: '0 entries behind' }],
  }),
  'GET /tenures': () => ({
    items: [
      {
        epoch: 121,
        manager: 1,
        host: 'km1.example',
        alias: 'Blue',
        since: ago(86_400),
        until: null,
        because: 'The one before did not answer any more.',
        term: 14,
      },
    ],
  }),
});
