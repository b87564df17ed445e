// How the state of the cluster reads: a word, a colour, a shape. Pure. The group decides the state and says why.
import type { KyvosCluster } from '../../live/types';
import type { Reading } from './reading';

const WORDS: Record<KyvosCluster['state'], Reading> = {
  running: { word: 'Running', tone: 'ok', icon: 'check' },
  suspended: { word: 'Suspended', tone: 'idle', icon: 'stop' },
  starting: { word: 'Starting', tone: 'info', icon: 'play' },
  stopping: { word: 'Stopping', tone: 'info', icon: 'stop' },
  partly_running: { word: 'Partly running', tone: 'warn', icon: 'warning' },
  down: { word: 'Down', tone: 'bad', icon: 'error' },
  unknown: { word: 'Unknown', tone: 'idle', icon: 'info' },
};

/** What nobody has looked at since keeps its word and loses its colour: it is remembered, not known. */
export function clusterReading({ state, stale }: Pick<KyvosCluster, 'state' | 'stale'>): Reading {
  const reading = WORDS[state];
  return stale && state !== 'unknown'
    ? { ...reading, word: `${reading.word}, stale`, tone: 'idle' }
    : reading;
}
