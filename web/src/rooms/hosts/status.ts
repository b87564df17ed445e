// How a host reads: its state, its roles, the way to it. Pure.
import type { Host, HostRole } from '../../live/types';
import type { IconName } from '../../shell/icons';
import type { Tone } from '../../shell/parts';

interface Reading {
  word: string;
  tone: Tone;
  icon: IconName;
}

const STATES: Record<Host['state'], Reading> = {
  answers: { word: 'Answers', tone: 'ok', icon: 'check' },
  silent: { word: 'Silent', tone: 'bad', icon: 'close' },
  unknown: { word: 'Not looked at yet', tone: 'idle', icon: 'info' },
};

export const stateReading = ({ state }: Pick<Host, 'state'>) => STATES[state];

/** In the order in which they are shown everywhere. */
export const ROLES: readonly { role: HostRole; label: string }[] = [
  { role: 'web_portal', label: 'Kyvos Web Portal' },
  { role: 'bi_server', label: 'BI Server' },
  { role: 'query_engine', label: 'Query Engine' },
  { role: 'postgres', label: 'Postgres' },
  { role: 'zookeeper', label: 'ZooKeeper' },
];

export const roleLabel = (role: HostRole) => ROLES.find((one) => one.role === role)?.label ?? role;

export const transportLabel = ({ transport }: Pick<Host, 'transport'>) =>
  transport.kind === 'ssh' ? 'SSH' : 'Agent';

/** What is still missing before anything can be done on this host, or undefined. */
export function missingStep({ transport }: Pick<Host, 'transport'>): string | undefined {
  if (transport.kind === 'ssh')
    return transport.trusted_key == null ? 'Its SSH key is not trusted yet' : undefined;
  return transport.enrolled_at == null ? 'Its agent is not enrolled yet' : undefined;
}
