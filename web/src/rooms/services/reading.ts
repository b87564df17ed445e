// How a service reads: what is made of it beside what is wanted of it, as a word, a colour, a shape. Pure. Red is only what is
// down although it is wanted running; what nobody has looked at since is marked stale and loses its colour: it is remembered,
// not known.
import type { Service, ServiceCount, ServiceType, ServiceWhy } from '../../live/types';
import type { IconName } from '../../shell/icons';
import type { Placed } from '../../shell/paging';
import type { Tone } from '../../shell/parts';

export interface Reading {
  word: string;
  tone: Tone;
  icon: IconName;
}

/** In the order in which a cluster is started; the Kyvos Managers are outside of it. */
const TITLES: Record<ServiceType, { one: string; many: string }> = {
  zookeeper: { one: 'ZooKeeper', many: 'ZooKeeper servers' },
  postgres: { one: 'Postgres', many: 'Postgres servers' },
  bi_server: { one: 'BI Server', many: 'BI Servers' },
  query_engine: { one: 'Query Engine', many: 'Query Engines' },
  web_portal: { one: 'Kyvos Web Portal', many: 'Kyvos Web Portals' },
  kyvos_manager: { one: 'Kyvos Manager', many: 'Kyvos Managers' },
};

export const TYPES = Object.keys(TITLES) as ServiceType[];
export const titleOfType = (type: ServiceType) => TITLES[type].one;
export const titlesOfType = (type: ServiceType) => TITLES[type].many;

/** "BI Server on km4": how a service is called wherever a person reads of it. */
export const nameOf = ({ title, host }: Pick<Service, 'title' | 'host'>) => `${title} on ${host}`;

const SEEN: Record<Service['seen'], Reading> = {
  present: { word: 'Seen', tone: 'ok', icon: 'check' },
  absent: { word: 'Not seen', tone: 'bad', icon: 'error' },
  unknown: { word: 'Unknown', tone: 'idle', icon: 'info' },
};

type Verdict = NonNullable<Service['verdict']>['verdict'];

const VERDICTS: Record<Service['wanted']['state'], Record<Verdict, Reading>> = {
  running: {
    up: { word: 'Up', tone: 'ok', icon: 'check' },
    down: { word: 'Down', tone: 'bad', icon: 'error' },
    degraded: { word: 'Degraded', tone: 'warn', icon: 'warning' },
    unknown: { word: 'Unknown', tone: 'idle', icon: 'info' },
  },
  stopped: {
    up: { word: 'Still up', tone: 'warn', icon: 'warning' },
    down: { word: 'Stopped', tone: 'idle', icon: 'stop' },
    degraded: { word: 'Degraded', tone: 'warn', icon: 'warning' },
    unknown: { word: 'Unknown', tone: 'idle', icon: 'info' },
  },
};

const NOT_LOOKED: Reading = { word: 'Not looked at yet', tone: 'idle', icon: 'info' };

type Known = Pick<Service, 'seen' | 'stale' | 'wanted' | 'verdict' | 'type'>;

function fresh(service: Known): Reading {
  if (service.verdict) return VERDICTS[service.wanted.state][service.verdict.verdict];
  // Nobody judges a Kyvos Manager: whether it answers the others is all there is to say.
  return service.type === 'kyvos_manager' ? SEEN[service.seen] : NOT_LOOKED;
}

const isStale = ({ verdict, stale }: Pick<Service, 'verdict' | 'stale'>) => verdict?.stale ?? stale;

export function stateReading(service: Known): Reading {
  const reading = fresh(service);
  const isWord = reading.word !== 'Unknown' && reading !== NOT_LOOKED;
  return isStale(service) && isWord ? { ...reading, word: `${reading.word}, stale`, tone: 'idle' } : reading;
}

/** The question that its evidence answers. */
export function questionOf(service: Known & Pick<Service, 'title' | 'host'>): string {
  const { word } = stateReading(service);
  return `Why is ${nameOf(service)} ${word.charAt(0).toLowerCase()}${word.slice(1)}?`;
}

const WHYS: Record<ServiceWhy, (by: string) => string> = {
  declared: () => 'its host has the role',
  operator: (by) => `by ${by}`,
  schedule: (by) => `by schedule, ${by}`,
  maintenance: (by) => `for maintenance, by ${by}`,
  services_ha: () => 'by Services HA, in the place of another',
};

/** What is wanted of it, and why. */
export function wantedReading({ type, wanted: { state, why, by } }: Pick<Service, 'type' | 'wanted'>): {
  word: string;
  because: string;
} {
  if (type === 'kyvos_manager') return { word: 'Running', because: 'it is in the group' };
  return { word: state === 'running' ? 'Running' : 'Stopped', because: WHYS[why](by ?? 'nobody known') };
}

type Behind = Pick<Service, 'stale_properties'>;

/** Whether it runs with an older configuration than it would read now. */
export const isBehind = ({ stale_properties }: Behind) => stale_properties.length > 0;

export interface Tally {
  /** Those that are wanted running and are up, of those that are wanted running. */
  words: string;
  tone: Tone;
  /** How many are wanted stopped. */
  stopped: number;
  /** How many run with an older configuration. */
  behind: number;
}

/** Of services of a type: how many are as they should be, red only where one is down that should not be. */
export function tallyOf(services: (Known & Behind)[]): Tally {
  const running = services.filter(({ wanted }) => wanted.state === 'running');
  const tones = new Set(services.map((service) => stateReading(service).tone));
  const up = running.filter((service) => stateReading(service).tone === 'ok').length;
  const worst = (['bad', 'warn'] as const).find((tone) => tones.has(tone));
  const tone = worst ?? (running.length > 0 && up === running.length ? 'ok' : 'idle');
  const behind = services.filter(isBehind).length;
  return { words: `${up}/${running.length}`, tone, stopped: services.length - running.length, behind };
}

/** The same from counts alone. Nobody judges a Kyvos Manager: what is seen of them is counted. */
export function tallyOfCount(count: ServiceCount): Tally {
  const { type, wanted_running: wanted, present, absent, up, missing, still_up, degraded, stale } = count;
  const isManager = type === 'kyvos_manager';
  const known = stale ? 0 : isManager ? present : up - still_up;
  const bad = isManager ? absent : missing;
  const worst = bad > 0 ? 'bad' : degraded + still_up > 0 ? 'warn' : undefined;
  const tone = (stale ? undefined : worst) ?? (wanted > 0 && known === wanted ? 'ok' : 'idle');
  const behind = count.with_stale_properties;
  return { words: `${known}/${wanted}`, tone, stopped: count.expected - wanted, behind };
}

export interface OfType<S extends Known> {
  type: ServiceType;
  services: S[];
}

/** Those of all hosts in one list: by type, in the order in which a cluster is started, then by host. */
export const inOrder = (hosts: { services: Service[] }[]): Service[] =>
  byType(hosts.flatMap(({ services }) => services)).flatMap(({ services }) => services);

/** By type, in the order in which a cluster is started; types of which there are none are left out. */
export function byType<S extends Known>(services: S[]): OfType<S>[] {
  const ofType = new Map<ServiceType, S[]>();
  for (const service of services) {
    const same = ofType.get(service.type);
    if (same) same.push(service);
    else ofType.set(service.type, [service]);
  }
  return TYPES.flatMap((type) => {
    const of = ofType.get(type);
    return of ? { type, services: of } : [];
  });
}

/** A type on a page of the table, under the line that names it. */
export interface Drawn {
  type: ServiceType;
  place: number;
  services: Placed<Service>[];
}

/** Those of a page under the lines of their types. `found`: all of them, in order; each line of a type is a row as well. */
export function underTypes(found: Service[], shown: Placed<Service>[]): Drawn[] {
  let before = 0;
  const drawn = byType(found).map(({ type, services }, lines) => {
    const place = before + lines + 2;
    before += services.length;
    const of = shown.filter(({ row }) => row.type === type);
    return { type, place, services: of.map((each) => ({ ...each, place: each.place + lines + 1 })) };
  });
  return drawn.filter(({ services }) => services.length > 0);
}

export type Show = 'all' | 'look' | 'stopped';

export interface Wish {
  type: ServiceType | undefined;
  show: Show;
  text: string;
}

const SHOWN: Record<Show, (service: Service) => boolean> = {
  all: () => true,
  look: (service) => ['bad', 'warn'].includes(stateReading(service).tone),
  stopped: ({ wanted }) => wanted.state === 'stopped',
};

/** Those that somebody wants to see. */
export function chosen(services: Service[], { type, show, text }: Wish): Service[] {
  const sought = text.trim().toLowerCase();
  const fits = (service: Service) =>
    (type === undefined || service.type === type) &&
    SHOWN[show](service) &&
    (sought === '' || nameOf(service).toLowerCase().includes(sought));
  return services.filter(fits);
}
