// Small complete objects for unit tests; each test changes what it is about.
import type {
  Cluster,
  ClusterMember,
  Host,
  Manager,
  Property,
  Service,
  ServiceCount,
  ServiceStanding,
} from '../live/types';

const member = (id: number, alias: string): ClusterMember => ({
  id,
  host: `km${id}.example`,
  alias,
  role: 'voter',
  reachable: true,
  last_contact_ms: 50,
  api_url: `https://km${id}.example:8443`,
});

export function aCluster(change: Partial<Cluster> = {}): Cluster {
  return {
    cluster_id: 'c',
    name: 'demo',
    here: 1,
    mode_here: 'active',
    term: 14,
    epoch: 12,
    active: 1,
    leader: 1,
    revision: 120,
    applied: 120,
    voters: [1, 2, 3],
    quorum: 2,
    failure_tolerance: 1,
    ha_enabled: true,
    load_balancer_url: null,
    digest: { revision: 120, value: '9c1d44e0' },
    members: [member(1, 'Blue'), member(2, 'Green'), member(3, '')],
    notices: [],
    ...change,
  };
}

export function aManager(change: Partial<Manager> = {}): Manager {
  return {
    id: 2,
    host: 'km2.example',
    alias: 'Green',
    mode: 'passive',
    role: 'voter',
    state: 'running',
    since: '2026-11-22T20:00:00Z',
    version: '0.1.0',
    api_url: 'https://km2.example:8443',
    peer_addr: '10.0.0.2:7443',
    health_url: 'http://km2.example:8080',
    lag: 0,
    last_contact_ms: 40,
    as_of: '2026-11-22T20:59:59Z',
    here: false,
    blocked: {},
    quorum_without: true,
    operation: null,
    pid: 4711,
    started_at: '2026-11-22T20:00:00Z',
    install_path: '/usr/bin/km',
    data_dir: '/var/lib/kyvos-manager',
    term: 14,
    last_log: 120,
    applied: 120,
    checkpoint: 100,
    data_bytes: 1_048_576,
    certificate_expires_at: '2027-11-22T20:00:00Z',
    disk_id: 'd2',
    revision: 57,
    ...change,
  };
}

export function aProperty(change: Partial<Property> = {}): Property {
  return {
    file: 'kyvos-manager',
    name: 'ENABLE_KM_HA',
    value: 'no',
    default: 'no',
    is_default: true,
    description: 'Kyvos Manager High Availability.',
    kind: { type: 'yes_no' },
    scope: 'global',
    restart: ['kyvos-manager'],
    revision: 0,
    modified: null,
    ...change,
  };
}

export function aHost(change: Partial<Host> = {}): Host {
  return {
    id: 12,
    name: 'km4.example',
    roles: ['web_portal'],
    transport: { kind: 'agent', address: 'km4.example:7500', enrolled_at: '2026-11-22T20:00:00Z' },
    state: 'answers',
    because: null,
    since: '2026-11-22T20:00:00Z',
    version: '0.1.0',
    manager: null,
    alias: '',
    registered_at: '2026-11-22T19:00:00Z',
    revision: 57,
    ...change,
  };
}

export function aService(change: Partial<Service> = {}): Service {
  return {
    id: 'bi_server.km4',
    type: 'bi_server',
    title: 'BI Server',
    host: 'km4',
    host_id: 12,
    seen: 'present',
    because: 'its znode is there',
    since: '2026-11-22T20:00:00Z',
    stale: false,
    coordination_master: false,
    wanted: { state: 'running', why: 'declared', by: null, since: null },
    verdict: {
      verdict: 'up',
      because: 'It is there: its unit runs.',
      since: '2026-11-22T20:00:00Z',
      stale: false,
    },
    unit: 'kyvos-bi-server',
    operation: null,
    stale_properties: [],
    revision: 0,
    ...change,
  };
}

/** None of a type, until a test says how many. */
export function aServiceCount(change: Partial<ServiceCount> = {}): ServiceCount {
  return {
    type: 'bi_server',
    title: 'BI Server',
    expected: 0,
    present: 0,
    absent: 0,
    wanted_running: 0,
    missing: 0,
    missing_first: [],
    still_up: 0,
    with_stale_properties: 0,
    stale: false,
    up: 0,
    down: 0,
    degraded: 0,
    unknown: 0,
    coordination_master: null,
    ...change,
  };
}

export function aStanding(change: Partial<ServiceStanding> = {}): ServiceStanding {
  return {
    id: 'bi_server.km4',
    type: 'bi_server',
    host: 'km4',
    host_id: 12,
    reason: 'up',
    because: 'It is there: its unit runs.',
    until: null,
    restarts: 0,
    last_restart: null,
    held: false,
    operation: null,
    ...change,
  };
}
