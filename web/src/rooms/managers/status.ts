// How a Manager's condition reads: one word, one tone, one glyph. Pure.
import type { Cluster, Manager } from '../../live/types';
import type { Tone } from '../../shell/parts';

export type Glyph = 'check' | 'stop' | 'cross' | 'half' | 'question';

export interface Condition {
  word: string;
  tone: Tone;
  glyph: Glyph;
}

const BY_STATE: Record<Manager['state'], Condition> = {
  running: { word: 'Running', tone: 'ok', glyph: 'check' },
  stopped: { word: 'Stopped', tone: 'bad', glyph: 'stop' },
  down: { word: 'Down', tone: 'bad', glyph: 'cross' },
  starting: { word: 'Starting', tone: 'warn', glyph: 'half' },
  stopping: { word: 'Stopping', tone: 'warn', glyph: 'half' },
};

const UNKNOWN: Condition = { word: 'Unknown', tone: 'idle', glyph: 'question' };

/** Beyond this the entries behind are shown as lagging, not as the noise of replication. */
const LAG_NOTABLE = 1000;
/** A running Manager nobody has heard of for this long is not known to run. */
const SILENT_MS = 30_000;

export function condition(manager: Pick<Manager, 'state' | 'lag' | 'last_contact_ms' | 'here'>): Condition {
  const known = BY_STATE[manager.state] ?? UNKNOWN;
  if (manager.state !== 'running') return known;
  if (!manager.here && (manager.last_contact_ms ?? 0) > SILENT_MS) return UNKNOWN;
  if ((manager.lag ?? 0) > LAG_NOTABLE) return { word: 'Running', tone: 'warn', glyph: 'half' };
  return known;
}

/** The alias where there is one, else the host. */
export const displayName = (manager: Pick<Manager, 'alias' | 'host'>) => manager.alias || manager.host;

/** The address part of "host:port", also for "[v6]:port". */
export function addressOf(hostAndPort: string): string {
  const end = hostAndPort.lastIndexOf(':');
  return (end < 0 ? hostAndPort : hostAndPort.slice(0, end)).replace(/^\[|\]$/g, '');
}

/** "Quorum 2 of 3 · term 14 · tolerates 1 failure" */
export function quorumLine(
  cluster: Pick<Cluster, 'quorum' | 'voters' | 'term' | 'failure_tolerance'>,
): string {
  const failures = cluster.failure_tolerance === 1 ? 'failure' : 'failures';
  return `Quorum ${cluster.quorum} of ${cluster.voters.length} · term ${cluster.term} · tolerates ${cluster.failure_tolerance} ${failures}`;
}

const ALIAS_MAX = 64;
const ALIAS = /^[\p{L}\p{N} \-_.]*$/u;

/** Why this cannot be an alias, or undefined. Empty clears the alias. */
export function aliasProblem(alias: string): string | undefined {
  if ([...alias].length > ALIAS_MAX) return `At most ${ALIAS_MAX} characters.`;
  if (!ALIAS.test(alias)) return 'Only letters, digits, spaces, hyphen, underscore and full stop.';
  return undefined;
}
