// Reading which services there are, what is made of them and why; starting, stopping and restarting them.
import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type ChangeOf, useChange } from '../../live/change';
import { api, ifMatch, take, takeAll, takeAt } from '../../live/client';
import { serverNow } from '../../live/clock';
import { keys } from '../../live/queries';
import { useCluster } from '../../live/session';
import type { ServiceControl, ServiceControlInput, ServiceStanding, ServiceWhy } from '../../live/types';
import type { Act } from './acts';
import { type Listed, withAll, withSome } from './listed';
import { inOrder } from './reading';

export const serviceWatch = queryOptions({
  queryKey: keys.serviceWatch,
  queryFn: () => take(api.GET('/services/watch')),
});

export const useServiceWatch = () => useQuery(serviceWatch);

const listed = (queries: QueryClient) => queries.getQueryData<Listed>(keys.serviceList);

/** All of them in one answer: page by page, each would wait for the one before, and thousands be counted anew for each. */
async function readAll(queries: QueryClient): Promise<Listed> {
  const before = listed(queries);
  const { data, revision } = await takeAt(api.GET('/services/mapping'));
  return withAll(listed(queries), before, { data: inOrder(data.hosts), revision });
}

/** Of thousands only those of which something was heard. */
async function readSome(queries: QueryClient, ids: string[]): Promise<void> {
  const query = { id: ids.join(), limit: String(ids.length) };
  const { data, revision } = await takeAt(api.GET('/services', { params: { query } }));
  const all = queries.getQueryCache().find<Listed>({ queryKey: keys.serviceList });
  const known = all?.state.data;
  if (all === undefined || known === undefined) return;
  // The others stay as old as they are.
  const { isInvalidated, dataUpdatedAt } = all.state;
  all.setData(withSome(known, ids, { data: data.items, revision }), {
    manual: true,
    updatedAt: dataUpdatedAt,
  });
  if (isInvalidated) all.invalidate();
}

/** All of them. Of which an event tells, those are read by themselves and put among the others. */
export const services = queryOptions({
  queryKey: keys.serviceList,
  queryFn: ({ client }) => readAll(client),
  meta: { readRows: readSome },
});
const servicesOf = (all: Listed) => all.services;

export const useServices = () => useQuery({ ...services, select: servicesOf });

/** Those that are shown: without HA, nothing of them tells where Kyvos Manager runs. */
export function useShownServices() {
  const query = useServices();
  const ha = useCluster().data?.ha_enabled ?? false;
  const { data } = query;
  const all = useMemo(() => data?.filter(({ type }) => ha || type !== 'kyvos_manager'), [data, ha]);
  return { query, all };
}

/** One, with the evidence of its verdict. */
export const useService = (id: string) =>
  useQuery({
    queryKey: keys.service(id),
    queryFn: () => take(api.GET('/services/{id}', { params: { path: { id } } })),
  });

/** How many there are of each type, wanted and up, and how the cluster stands: all that an overview reads. */
export const serviceCounts = queryOptions({
  queryKey: keys.serviceCounts,
  queryFn: () => take(api.GET('/services/counts')),
});

export const useServiceCounts = () => useQuery(serviceCounts);

/** When some of it ends by the clock, nobody tells: it is looked at again. */
const AGAIN_MS = 5000;
const endsSoon = ({ until }: ServiceStanding) => until != null && Date.parse(until) < serverNow() + AGAIN_MS;

/** Why something or nothing is done by itself: about everything on a host, or about all of which there is something to be known. */
const standings = (which: { host: string } | { notable: true }) =>
  queryOptions({
    queryKey: [...keys.serviceStandings, which],
    queryFn: () =>
      takeAll<ServiceStanding>((query) =>
        api.GET('/services/ha/services', { params: { query: { ...query, ...which } } }),
      ),
    refetchInterval: ({ state }) => (state.data?.some(endsSoon) ? AGAIN_MS : false),
  });

/** Those of which there is something to be known. */
export const notableStandings = standings({ notable: true });

export const useStandings = (...which: Parameters<typeof standings>) => useQuery(standings(...which));

/** How each type is controlled. */
export const useControls = () =>
  useQuery({
    queryKey: keys.serviceControls,
    queryFn: () => takeAll<ServiceControl>((query) => api.GET('/services/types', { params: { query } })),
  });

type Controlled = Pick<ServiceControl, 'type' | 'revision'>;

/** Only if nobody changed it meanwhile. */
export const setControl = ({ control, input }: { control: Controlled; input: ServiceControlInput }) =>
  take(
    api.PUT('/services/types/{type}', {
      params: { path: { type: control.type } },
      headers: ifMatch(control.revision),
      body: input,
    }),
  );

export const resetControl = ({ type, revision }: Controlled) =>
  take(api.DELETE('/services/types/{type}', { params: { path: { type } }, headers: ifMatch(revision) }));

/** Anything that changes this room; afterwards it is read again, whatever came of it. */
export const useServiceChange = <Sent, Answer>(...change: ChangeOf<Sent, Answer>) =>
  useChange(keys.services, ...change);

interface How {
  act: Act;
  why: ServiceWhy;
  /** How many of a type are restarted side by side. */
  atOnce: number;
}

/** Has an act done; it goes on as an operation. */
export function operate({ act: { verb, service, type, onlyStale }, why, atOnce }: How) {
  const body = { why };
  const restart = { why, at_once: atOnce, only_stale: onlyStale ?? false };
  if (service !== undefined) {
    const params = { path: { id: service } };
    switch (verb) {
      case 'start':
        return take(api.POST('/services/{id}/start', { params, body }));
      case 'stop':
        return take(api.POST('/services/{id}/stop', { params, body }));
      case 'restart':
        return take(api.POST('/services/{id}/restart', { params, body }));
    }
  }
  if (type !== undefined) {
    const params = { path: { type } };
    switch (verb) {
      case 'start':
        return take(api.POST('/services/types/{type}/start', { params, body }));
      case 'stop':
        return take(api.POST('/services/types/{type}/stop', { params, body }));
      case 'restart':
        return take(api.POST('/services/types/{type}/restart', { params, body: restart }));
    }
  }
  switch (verb) {
    case 'start':
      return take(api.POST('/services/start', { body }));
    case 'stop':
      return take(api.POST('/services/stop', { body }));
    case 'restart':
      return take(api.POST('/services/restart', { body: restart }));
  }
}
