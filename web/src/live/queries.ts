// Query keys, and which of them a live event makes old. Pure, so that a test can read it like a table.
import { type Query, QueryClient, type QueryKey } from '@tanstack/react-query';
import { ProblemError } from './problem';
import type { ChangeEvent } from './types';

export const keys = {
  me: ['me'],
  cluster: ['cluster'],
  managers: ['managers'],
  explanations: ['managers', 'explain'],
  tenures: ['managers', 'tenures'],
  eligibleHosts: ['managers', 'eligible-hosts'],
  drScript: ['managers', 'dr-script'],
  hosts: ['hosts'],
  sshKey: ['hosts', 'ssh-key'],
  prechecks: ['prechecks'],
  properties: ['properties'],
  propertyHistory: (file: string, name: string) => ['properties', 'history', file, name],
  operations: ['operations'],
  operation: (id: number) => ['operations', id],
  services: ['services'],
  serviceWatch: ['services', 'watch'],
  serviceList: ['services', 'list'],
  serviceRow: (id: string) => ['services', 'list', id],
  serviceCounts: ['services', 'counts'],
  service: (id: string) => ['services', 'one', id],
  serviceControls: ['services', 'controls'],
  servicesHa: ['services', 'ha'],
  serviceStandings: ['services', 'standings'],
  maintenanceWindows: ['services', 'windows'],
  serviceSchedules: ['services', 'schedules'],
  alerts: ['alerts'],
  alertChannels: ['alerts', 'channels'],
  audit: ['audit'],
  access: ['access'],
  users: ['access', 'users'],
  tokens: ['access', 'tokens'],
  joinTokens: ['access', 'join-tokens'],
} as const satisfies Record<string, QueryKey | ((...args: never[]) => QueryKey)>;

const BY_ROOM: Record<string, QueryKey[]> = {
  // A host shows the Manager on it and goes by its alias.
  managers: [keys.managers, keys.cluster, keys.joinTokens, keys.hosts, keys.services],
  // Where a Manager may be added, and how it is reached, follows from its host.
  hosts: [keys.hosts, keys.managers, keys.services],
  installs: [keys.managers, keys.cluster],
  // Whether a Manager may come to a host depends on what was found there.
  prechecks: [keys.prechecks, keys.explanations],
  // What a service runs with may be older now.
  properties: [keys.properties, keys.services],
  // What is under way with an instance or a service decides what else can be done with it.
  operations: [keys.operations, keys.managers, keys.services],
  access: [keys.access, keys.me],
  services: [keys.services],
  alerts: [keys.alerts],
  audit: [],
};

/** The settings whose value is also a fact of the group. */
const GROUP_SETTINGS = new Set(['kyvos-manager/ENABLE_KM_HA', 'kyvos-manager/LOAD_BALANCER_URL']);

/** What tells of a few services is small, and read as a whole; of the list of all services only their rows are old. */
const ofServices = (ids: string[]): QueryKey[] => [
  keys.serviceWatch,
  keys.serviceCounts,
  keys.serviceStandings,
  ...ids.flatMap((id) => [keys.service(id), keys.serviceRow(id)]),
];

/** What to read again after a change. Every change also leaves an audit record. A room not known here is one newer than
 * this page: then everything may be old. */
export function queriesMadeOldBy(event: Pick<ChangeEvent, 'room' | 'subject' | 'data'>): QueryKey[] {
  const only = event.room === 'services' ? event.data?.only : undefined;
  if (only !== undefined) return [...ofServices(only), keys.audit];
  const ofRoom = BY_ROOM[event.room];
  if (ofRoom === undefined) return [[]];
  const ofGroup = event.room === 'properties' && GROUP_SETTINGS.has(event.subject) ? [keys.cluster] : [];
  return [...ofRoom, ...ofGroup, keys.audit];
}

const readAgain = new WeakSet<Query>();

/** Has what stands under a key read again. What is just being read is read to its end, and then once more: the answer under way may
 * be older than the change. Were it begun anew instead, a long list that keeps changing would never be shown. Ends once what is shown
 * was read. */
export async function makeOld(queries: QueryClient, queryKey: QueryKey): Promise<void> {
  const underWay = queries.getQueryCache().findAll({ queryKey, fetchStatus: 'fetching' });
  const toTheEnd = { cancelRefetch: false };
  const reading = [queries.invalidateQueries({ queryKey }, toTheEnd)];
  for (const query of underWay.filter((each) => !readAgain.has(each))) {
    const exactly = { queryKey: query.queryKey, exact: true };
    readAgain.add(query);
    const twice = queries.invalidateQueries(exactly, toTheEnd).then(() => {
      readAgain.delete(query);
      return queries.invalidateQueries(exactly, toTheEnd);
    });
    reading.push(twice);
  }
  await Promise.all(reading);
}

/** Reads are repeated when nobody answered or nobody was Active; a refusal is an answer. */
export function mayReadAgain(failures: number, error: Error): boolean {
  const transient = !(error instanceof ProblemError) || [0, 502, 503, 504].includes(error.status);
  return transient && failures < 3;
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // 'always': an operations network has no internet, and the browser may call that offline.
      queries: { staleTime: 30_000, retry: mayReadAgain, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
