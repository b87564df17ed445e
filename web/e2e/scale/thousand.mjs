// A made-up cluster of a thousand hosts and five thousand services, as the API would list it: for a look at how the dashboard
// bears it, not at what a Manager says. Nothing of it is random.
export const HOSTS = 1000;

const ROLES = ['bi_server', 'query_engine', 'web_portal', 'postgres', 'zookeeper'];
const TITLES = {
  zookeeper: 'ZooKeeper',
  postgres: 'Postgres',
  bi_server: 'BI Server',
  query_engine: 'Query Engine',
  web_portal: 'Kyvos Web Portal',
};
const TYPES = Object.keys(TITLES);
const SINCE = '2026-11-28T10:00:00Z';
const PAGE_USUAL = 100;

export const nameOf = (at) => `node${String(at).padStart(4, '0')}`;

const aHost = (at) => ({
  id: at + 1,
  name: nameOf(at),
  roles: ROLES,
  transport: { kind: 'agent', address: `10.1.${at >> 8}.${at & 255}:7500`, enrolled_at: SINCE },
  state: at % 100 === 7 ? 'silent' : 'answers',
  because: at % 100 === 7 ? 'Its agent does not answer within 2 s.' : null,
  since: SINCE,
  version: '0.1.0',
  manager: null,
  alias: '',
  registered_at: SINCE,
  revision: at + 1,
});

function aService(type, at) {
  const down = at % 97 === 5;
  return {
    id: `${type}.${nameOf(at)}`,
    type,
    title: TITLES[type],
    host: nameOf(at),
    host_id: at + 1,
    seen: down ? 'absent' : 'present',
    because: 'Its znode is there: /kyvos/services/of/this/type.',
    since: SINCE,
    stale: false,
    coordination_master: type === 'bi_server' && at === 0,
    wanted: { state: 'running', why: 'declared', by: null, since: null },
    verdict: {
      verdict: down ? 'down' : 'up',
      because: down
        ? `Its znode is not there, and ${nameOf(at)} says that its unit does not run.`
        : 'It is there: its znode is there, its unit runs, and two Managers were answered.',
      since: SINCE,
      stale: false,
    },
    unit: `kyvos-${type.replaceAll('_', '-')}`,
    operation: null,
    stale_properties: [],
    revision: 0,
  };
}

const aStanding = ({ id, type, host, host_id, verdict }) => ({
  id,
  type,
  host,
  host_id,
  reason: verdict.verdict === 'up' ? 'up' : 'ha_off',
  because: verdict.verdict === 'up' ? verdict.because : 'Services HA is switched off.',
  until: null,
  restarts: 0,
  last_restart: null,
  held: false,
  operation: null,
});

/** `items` from where `after` says, as many as were asked for. */
function page(items, query) {
  const from = Number(query.get('after') ?? 0);
  const to = from + Number(query.get('limit') ?? PAGE_USUAL);
  return { items: items.slice(from, to), next: to < items.length ? String(to) : null };
}

/** The lists of such a cluster. `answerTo` is undefined for what it knows nothing of; `goDown` has a service go down. */
export function aThousand(hostsMax = HOSTS) {
  const hosts = Array.from({ length: hostsMax }, (_, at) => aHost(at));
  const services = TYPES.flatMap((type) => hosts.map((_, at) => aService(type, at)));
  const count = (type) => {
    const of = services.filter((service) => service.type === type);
    const judged = (verdict) => of.filter((service) => service.verdict.verdict === verdict).length;
    const seen = (word) => of.filter((service) => service.seen === word).length;
    return {
      type,
      title: TITLES[type],
      expected: of.length,
      present: seen('present'),
      absent: seen('absent'),
      wanted_running: of.length,
      missing: judged('down'),
      missing_first: of
        .filter((service) => service.verdict.verdict === 'down')
        .slice(0, 5)
        .map(({ id }) => id),
      still_up: 0,
      with_stale_properties: 0,
      stale: false,
      up: judged('up'),
      down: judged('down'),
      degraded: 0,
      unknown: 0,
      coordination_master: of.find((service) => service.coordination_master)?.id ?? null,
    };
  };
  const cluster = () => {
    const engines = ['bi_server', 'query_engine'].map(count);
    const sum = (field) => engines.reduce((all, one) => all + one[field], 0);
    const down = engines.map(({ type, missing }) => `${missing} ${TITLES[type]}s`).join(' and ');
    const because = `${sum('up')} of ${sum('wanted_running')} that are to run are up. Down: ${down}.`;
    return { state: 'partly_running', because, operation: null, stale: false };
  };
  const answers = {
    '/hosts': (query) => page(hosts, query),
    '/services': (query) => {
      const type = query.get('type');
      const ids = query.get('id')?.split(',');
      const fits = (one) => (!type || one.type === type) && (!ids || ids.includes(one.id));
      return page(services.filter(fits), query);
    },
    '/services/counts': () => ({ cluster: cluster(), types: TYPES.map(count) }),
    '/services/mapping': () => ({
      cluster: cluster(),
      types: TYPES.map(count),
      hosts: hosts.map(({ name, id }, at) => ({
        name,
        id,
        services: TYPES.map((_, type) => services[type * hosts.length + at]),
      })),
    }),
    '/services/ha/services': (query) => {
      const on = services.filter(({ host }) => (query.get('host') ?? host) === host).map(aStanding);
      return page(query.get('notable') ? on.filter(({ reason }) => reason !== 'up') : on, query);
    },
  };
  return {
    hosts,
    services,
    answerTo: (path, query) => answers[path]?.(query),
    goDown(id) {
      const service = services.find((one) => one.id === id);
      const since = new Date().toISOString();
      service.verdict = { ...service.verdict, verdict: 'down', because: 'It is gone.', since };
    },
  };
}
