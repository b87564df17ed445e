// Joins the event stream to the query cache: what changed is read again, what was said is shown at once.
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { api, readLocally, readSince } from './client';
import { connection, noteHeard, setConnection } from './connection';
import { wasRemoved } from './failover';
import { gatherer } from './gather';
import { keys, makeOld, queriesMadeOldBy } from './queries';
import { makeAllOld } from './rows';
import { searchForAnother } from './search';
import { openStream, type StreamListener } from './stream';
import type { Cluster } from './types';

/** Who of the group answers. The list of services counts the Kyvos Managers by it, and no event tells of it. */
const whoAnswers = (cluster: Cluster | undefined) =>
  cluster?.members.map(({ id, reachable }) => `${id} ${reachable}`).join();

/** The group's status as it came with an event. While nobody is Active, reads turn to this Manager's own copy. */
function takeStatus(queries: QueryClient, cluster: Cluster) {
  const before = queries.getQueryData<Cluster>(keys.cluster);
  queries.setQueryData(keys.cluster, cluster);
  void makeOld(queries, keys.managers);
  if (whoAnswers(before) !== whoAnswers(cluster)) void makeOld(queries, keys.services);
  const nobody = (of: Cluster | undefined) => of !== undefined && of.active == null;
  if (nobody(before) === nobody(cluster) && before !== undefined) return;
  readLocally(nobody(cluster));
  if (before !== undefined || nobody(cluster)) void makeOld(queries, []);
}

/** What is done about what the stream tells. `search` is given by tests; `unheard`: something may have changed between what was read
 * first and what the stream begins with. */
export function liveListener(
  queries: QueryClient,
  search = searchForAnother,
  unheard = true,
): StreamListener & { end(): void } {
  let mayHaveMissed = unheard;
  const cluster = () => queries.getQueryData<Cluster>(keys.cluster);
  let stopSearch: (() => void) | undefined;
  const stop = () => {
    stopSearch?.();
    stopSearch = undefined;
  };
  const begin = () => {
    stopSearch ??= search(cluster);
  };
  const old = gatherer((queryKeys) => makeAllOld(queries, queryKeys));
  return {
    end() {
      stop();
      old.end();
    },
    onOpen() {
      if (!wasRemoved(cluster())) stop();
      setConnection({ state: 'live', lostAt: undefined, trials: [] });
      // What was read before the stream stood may have been changed unheard.
      if (mayHaveMissed) void makeOld(queries, []);
      mayHaveMissed = true;
    },
    onBroken() {
      if (connection().lostAt === undefined) setConnection({ lostAt: Date.now() });
      // It said that it goes.
      if (wasRemoved(cluster())) setConnection({ state: 'lost' });
      if (stopSearch) return;
      begin();
      // A stream refused with 401 looks like any other break; asking who we are tells, and signs out.
      void api.GET('/me').catch(() => undefined);
    },
    onHeard: noteHeard,
    onChange: (event) => old.add(queriesMadeOldBy(event)),
    onStatus(status) {
      takeStatus(queries, status);
      // It says itself that it goes: nobody waits for its silence.
      if (wasRemoved(status)) begin();
      else stop();
    },
    onResync: () => void makeOld(queries, []),
  };
}

/** Keeps everything below it live. Mounted while someone is signed in. */
export function Live({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  useEffect(() => {
    const since = readSince();
    const listener = liveListener(queries, searchForAnother, since === undefined);
    const close = openStream(listener, since);
    return () => {
      close();
      listener.end();
    };
  }, [queries]);
  return children;
}
