// Who is signed in, and what they may do right now. A reason comes with every no, for the button that needs it.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, take } from './client';
import { useConnection } from './connection';
import { hasCode, ProblemError } from './problem';
import { keys } from './queries';
import type { Cluster, Me, Privilege } from './types';

async function whoAmI(): Promise<Me | null> {
  try {
    // Local: the question must also be answered by a Manager without a quorum.
    return await take(api.GET('/me', { params: { query: { consistency: 'local' } } }));
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) return null;
    throw error;
  }
}

export const me = queryOptions({ queryKey: keys.me, queryFn: whoAmI, staleTime: 60_000 });

export const cluster = queryOptions({
  queryKey: keys.cluster,
  queryFn: () => take(api.GET('/cluster')),
  staleTime: Number.POSITIVE_INFINITY,
});

/** null: nobody is signed in. undefined while not known. */
export const useMe = () => useQuery(me);

export const useCluster = () => useQuery(cluster);

export const NO_ACTIVE_REASON = 'No active Kyvos Manager: nothing can be changed until one is elected.';

/** Why a change cannot be made now, or undefined when it can. */
export function whyNot(
  privilege: Privilege,
  me: Me | null | undefined,
  cluster: Cluster | undefined,
  lost: boolean,
): string | undefined {
  if (lost) return 'The connection to this Manager is lost.';
  if (me && !me.privileges.includes(privilege)) return `Your role (${me.role}) may not do this.`;
  if (cluster !== undefined && cluster.active == null) return NO_ACTIVE_REASON;
  return undefined;
}

export function useWhyNot(privilege: Privilege): string | undefined {
  const me = useMe().data;
  const cluster = useCluster().data;
  return whyNot(privilege, me, cluster, useConnection().state === 'lost');
}

export async function signIn(username: string, password: string): Promise<void> {
  await take(api.POST('/login', { body: { username, password } }));
}

export async function signOut(): Promise<void> {
  // Signing out of a Manager that is gone must still leave the page.
  await take(api.POST('/logout')).catch((error) => {
    if (!hasCode(error, 'NO_ANSWER')) throw error;
  });
}
