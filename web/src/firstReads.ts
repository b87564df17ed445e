// What somebody who opens the dashboard is to see first, asked for while the files of the page are read: so it is drawn once, and
// not anew with each answer. Most of it is on its way before this is read (public/early.js). Whatever else a page reads it asks
// for itself.
import type { FetchQueryOptions, QueryClient, QueryKey } from '@tanstack/react-query';
import { forgetEarly } from './live/early';
import { keys } from './live/queries';
import { cluster, me } from './live/session';
import { openAlerts } from './rooms/alerts/queries';
import { hosts } from './rooms/hosts/queries';
import { managers } from './rooms/managers/queries';
import { operations } from './rooms/operations/queries';
import { servicesHa } from './rooms/services/ha/queries';
import { notableStandings, serviceCounts, services, serviceWatch } from './rooms/services/queries';

type Read = (queries: QueryClient) => Promise<void>;

const read =
  <Data, Key extends QueryKey>(options: FetchQueryOptions<Data, Error, Data, Key>): Read =>
  (queries) =>
    queries.prefetchQuery(options);

const ON_EVERY_PAGE = [read(cluster), read(openAlerts), read(managers)];

const BY_PAGE: Record<string, Read[]> = {
  '/': [read(serviceCounts), read(serviceWatch), read(operations)],
  '/nodes-and-services': [read(hosts)],
  '/nodes-and-services/services': [read(services), read(serviceWatch)],
  '/nodes-and-services/services-ha': [read(servicesHa), read(notableStandings)],
  '/nodes-and-services/mapping': [read(hosts), read(services)],
};

/** Asks who is signed in, and if somebody is, for what the page of this address shows. */
export async function readFirst(queries: QueryClient, path: string): Promise<void> {
  await queries.prefetchQuery(me);
  const reads = queries.getQueryData(keys.me) ? [...ON_EVERY_PAGE, ...(BY_PAGE[path] ?? [])] : [];
  await Promise.all(reads.map((begin) => begin(queries)));
  forgetEarly();
}
