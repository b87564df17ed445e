// How a service stands with Services HA: what is done about it by itself, or why nothing is. Pure.
import type { ServiceStanding, ServicesHa, ServicesHaReason } from '../../../live/types';
import type { Reading } from '../reading';

interface Standing extends Reading {
  /** What is done; why, the group says itself. */
  sentence: string;
}

const idle = (word: string, sentence: string): Standing => ({ word, sentence, tone: 'idle', icon: 'info' });
const look = (word: string, sentence: string): Standing => ({
  word,
  sentence,
  tone: 'warn',
  icon: 'warning',
});
const busy = (word: string, sentence: string): Standing => ({
  word,
  sentence,
  tone: 'info',
  icon: 'refresh',
});

const STANDINGS: Record<ServicesHaReason, Standing> = {
  up: { word: 'Up', sentence: 'Nothing is to be done.', tone: 'ok', icon: 'check' },
  planned: idle('Planned', 'Nothing is done.'),
  not_looked: idle('Not looked at', 'Nothing is done.'),
  stale: idle('Not looked at', 'Nothing is done.'),
  degraded: look('Degraded', 'Nothing is done: of one that hangs a person decides.'),
  unknown: idle('Unknown', 'Nothing is done.'),
  never_up: look('Never up', 'Nothing is done.'),
  operation: busy('Operation', 'Nothing is done by itself.'),
  recovering: busy('Recovering', 'It is being started again.'),
  automation_off: look('Automation off', 'Nothing is done.'),
  ha_off: look('Services HA off', 'Nothing is done.'),
  type_off: look('Off for its type', 'Nothing is done.'),
  window: idle('Maintenance', 'Nothing is done.'),
  called_off: look('Called off', 'Nothing is done.'),
  held: look('Held', 'Nothing is done.'),
  settling: busy('Settling', 'It is waited for a moment.'),
  pausing: busy('Pausing', 'It is waited before the next try.'),
  host_cannot_say: look('Unit not known', 'Nothing is done.'),
  host_silent: busy('Host silent', 'It is waited: the host may come back.'),
  host_gone: look('Host gone', 'Nothing can be done.'),
  stood_in: { word: 'Stood in', sentence: 'Nothing is to be done.', tone: 'info', icon: 'check' },
  turn: busy('Waiting', 'It is waited.'),
  due: busy('Due', 'It is about to be started again.'),
};

export const standingReading = (reason: ServicesHaReason): Standing => STANDINGS[reason];

/** Whether a person has to say that somebody has looked. */
export const isHeld = ({ reason }: Pick<ServiceStanding, 'reason'>) =>
  reason === 'held' || reason === 'called_off';

const URGENCY: Record<Reading['tone'], number> = { bad: 0, warn: 1, info: 2, idle: 3, ok: 4 };

/** Those that wait for a person first, then what is wrong, then what is under way. */
export function byUrgency<S extends Pick<ServiceStanding, 'reason'>>(standings: S[]): S[] {
  const rank = (standing: S) => (isHeld(standing) ? -1 : URGENCY[standingReading(standing.reason).tone]);
  return [...standings].sort((a, b) => rank(a) - rank(b));
}

/** How the whole stands. */
export function switchReading({ automation, enabled, types }: ServicesHa): Reading {
  if (!automation) return { word: 'Automation off', tone: 'warn', icon: 'warning' };
  if (!enabled) return { word: 'Off', tone: 'idle', icon: 'stop' };
  const off = types.filter((type) => !type.enabled).length;
  if (off > 0) return { word: `On, off for ${off} of ${types.length} types`, tone: 'ok', icon: 'check' };
  return { word: 'On', tone: 'ok', icon: 'check' };
}

/** How many stand in which way, the most first. */
export function counted(standings: Pick<ServiceStanding, 'reason'>[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { reason } of standings) {
    const { word } = standingReading(reason);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}
