// What the page does when the Manager that serves it is gone: ask the others, go to the first that answers.
// It cannot read their answers (another origin); that one answers at all is enough, the rest is found out there.
import type { Cluster, ClusterMember } from './types';

/** Long enough for a restarted connection, short enough that a failover feels like one. */
export const LOST_AFTER_MS = 1500;
/** The own Manager was just lost: if it is back, it answers at once. */
export const OWN_PROBE_MAX_MS = 1000;
/** A busy Manager needs time for a first handshake; all are asked at the same time. */
export const PROBE_MAX_MS = 4000;
const SWITCHED = 'switched';
const REMOVED = 'MANAGER_REMOVED';
const STAY_HERE = 'km_r';

/** Why a page left its Manager: that one fell silent, or was removed from the group. */
export type Parting = 'silent' | 'removed';

/** Whether the Manager that serves this page said that it is none any more. It ends soon, and does not come back. */
export const wasRemoved = (cluster: Cluster | undefined) =>
  cluster?.notices.some(({ code }) => code === REMOVED) ?? false;

const rank = (member: ClusterMember) => (member.reachable ? 0 : 2) + (member.role === 'voter' ? 0 : 1);

/** The other Managers' addresses, the likeliest first: reachable before unreachable, voters before learners.
 * A witness serves no pages. */
export function failoverTargets(cluster: Cluster | undefined, ownOrigin: string): string[] {
  const origins = (cluster?.members ?? [])
    .filter((member) => member.role !== 'witness' && member.api_url)
    .sort((a, b) => rank(a) - rank(b) || a.id - b.id)
    .map((member) => new URL(member.api_url as string).origin)
    .filter((origin) => origin !== ownOrigin);
  return [...new Set(origins)];
}

/** Where to go on the Manager that answered: the same page, asking it not to send us elsewhere. */
export function sameThere(
  origin: string,
  here: Pick<Location, 'pathname' | 'search'>,
  why: Parting = 'silent',
): string {
  const url = new URL(here.pathname, origin);
  url.search = here.search;
  url.searchParams.set(STAY_HERE, '1');
  url.searchParams.set(SWITCHED, why);
  return url.toString();
}

/** Why this page was switched to, once after a switch; takes the mark out of the address so that a reload does not claim it
 * again. */
export function takeSwitchedMark(location: Location, history: History): Parting | undefined {
  const url = new URL(location.href);
  const mark = url.searchParams.get(SWITCHED);
  if (mark === null) return undefined;
  url.searchParams.delete(SWITCHED);
  history.replaceState(history.state, '', url);
  return mark === 'removed' ? 'removed' : 'silent';
}

export async function answers(origin: string, maxMs: number): Promise<boolean> {
  try {
    await fetch(`${origin}/api/v1/openapi.json`, {
      mode: 'no-cors',
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(maxMs),
    });
    return true;
  } catch {
    return false;
  }
}

/** Asks all at once. Resolves to the first that answers, or to undefined when none does. */
export async function firstToAnswer(
  origins: string[],
  ask: (origin: string) => Promise<boolean>,
  onAnswer: (origin: string, answered: boolean) => void,
): Promise<string | undefined> {
  const asked = origins.map(async (origin) => {
    const answered = await ask(origin);
    onAnswer(origin, answered);
    if (!answered) throw new Error(origin);
    return origin;
  });
  return Promise.any(asked).catch(() => undefined);
}
