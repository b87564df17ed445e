// How the watch of ZooKeeper reads: a word, a colour, a shape, and what to know beside it. Pure.
import type { ServiceWatch } from '../../live/types';
import type { IconName } from '../../shell/icons';
import type { Tone } from '../../shell/parts';

export interface WatchReading {
  word: string;
  tone: Tone;
  icon: IconName;
  /** Since when what is shown may not be so any more; undefined while it is so. */
  staleSince: string | undefined;
}

type Known = Pick<ServiceWatch, 'state' | 'servers' | 'serving' | 'stale' | 'stale_since' | 'troubles'>;

const AWAY: Record<Exclude<ServiceWatch['state'], 'watching'>, Omit<WatchReading, 'staleSince'>> = {
  never: { word: 'ZooKeeper not looked at yet', tone: 'idle', icon: 'info' },
  off: { word: 'ZooKeeper not watched', tone: 'idle', icon: 'info' },
  away: { word: 'ZooKeeper unavailable', tone: 'warn', icon: 'warning' },
};

export function watchReading({
  state,
  servers,
  serving,
  stale,
  stale_since: since,
  troubles,
}: Known): WatchReading {
  // What is wanted by nobody is not stale: nothing is shown of it.
  const staleSince = stale && state !== 'off' ? (since ?? undefined) : undefined;
  if (state !== 'watching') return { ...AWAY[state], staleSince };
  const all = servers.length;
  // It serves, and yet services may be there that are not seen.
  const degraded = serving < all || troubles.length > 0;
  const word = `ZooKeeper ${serving}/${all}`;
  return { word, tone: degraded ? 'warn' : 'ok', icon: degraded ? 'warning' : 'check', staleSince };
}
