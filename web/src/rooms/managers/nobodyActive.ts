// Whether nobody is Active as far as this Manager knows, and how many voters are missing for that. Pure.
import { wasRemoved } from '../../live/failover';
import type { Cluster } from '../../live/types';

export interface NobodyActive {
  answering: number;
  /** How many more voters have to answer; 0 when enough do, or when this Manager is none any more. */
  missing: number;
  removed: boolean;
}

/** undefined while somebody is Active, or is about to be: an election among those that hear each other is over soon. */
export function nobodyActive(cluster: Cluster | undefined): NobodyActive | undefined {
  if (cluster === undefined || cluster.active != null || cluster.mode_here !== 'no_quorum') return undefined;
  const answers = cluster.members.filter(
    ({ id, reachable }) => cluster.voters.includes(id) && (reachable || id === cluster.here),
  );
  const removed = wasRemoved(cluster);
  const missing = removed ? 0 : Math.max(0, cluster.quorum - answers.length);
  return { answering: answers.length, missing, removed };
}
