// How the evidence of a verdict reads: who looked, and what it said. Pure.
import type { ObserverSays, ServiceEvidence } from '../../live/types';
import type { Reading } from './reading';

const SAYS: Record<ObserverSays, Reading> = {
  there: { word: 'There', tone: 'ok', icon: 'check' },
  not_there: { word: 'Not there', tone: 'bad', icon: 'error' },
  nothing: { word: 'Says nothing', tone: 'idle', icon: 'info' },
};

export const saysReading = (says: ObserverSays) => SAYS[says];

/** Who looked, and how. */
export function observerOf(
  { observer, by }: Pick<ServiceEvidence, 'observer' | 'by'>,
  host: string,
): { who: string; how: string } {
  switch (observer) {
    case 'znode':
      return { who: 'ZooKeeper', how: 'by its znode' };
    case 'unit':
      return { who: `The host ${host}`, how: 'by its unit' };
    case 'probe':
      return { who: `The Kyvos Manager on ${by ?? 'a host that left'}`, how: 'by asking it' };
  }
}

/** Three voices: the Managers that ask are one together, because they ask the same thing. */
export const RULES = [
  'There are three voices: ZooKeeper, the host, and the Kyvos Managers that ask the service itself, which count as one.',
  'Up: somebody sees it, and nobody says otherwise.',
  'Down: two of the three say that it is not there. One word alone is never enough.',
  'Degraded: they disagree. It hangs, or not every Kyvos Manager reaches it.',
  'Unknown: nobody can say, or one alone says that it is not there.',
] as const;
