// How a type of service is controlled: from facts to fields, from fields to what is sent, and what is wrong. Pure.
import type { ServiceControl, ServiceControlInput } from '../../live/types';

export type Probe = ServiceControl['probe']['kind'];

export interface ControlDraft {
  unit: string;
  probe: Probe;
  /** Empty: the one that is known of it. */
  port: number | string;
  path: string;
}

export const PROBES: { value: Probe; label: string; description: string }[] = [
  { value: 'tcp', label: 'By a connection', description: 'What every service answers.' },
  {
    value: 'http',
    label: 'By a page',
    description: 'A GET in the clear; any status below 500 is an answer.',
  },
  {
    value: 'none',
    label: 'Not at all',
    description: 'Only its host and its znode tell of it; fewer voices to agree.',
  },
];

const UNIT_MAX = 64;
const PATH_MAX = 256;

export function draftOf({ unit, probe }: Pick<ServiceControl, 'unit' | 'probe'>): ControlDraft {
  const port = probe.kind === 'none' ? '' : (probe.port ?? '');
  return { unit, probe: probe.kind, port, path: probe.kind === 'http' ? probe.path : '/' };
}

export function bodyOf({ unit, probe, port, path }: ControlDraft): ServiceControlInput {
  const at = port === '' ? {} : { port: Number(port) };
  switch (probe) {
    case 'none':
      return { unit, probe: { kind: 'none' } };
    case 'tcp':
      return { unit, probe: { kind: 'tcp', ...at } };
    case 'http':
      return { unit, probe: { kind: 'http', path, ...at } };
  }
}

type Wrong = Partial<Record<keyof ControlDraft, string>>;

export function wrongWith({ unit, probe, port, path }: ControlDraft): Wrong {
  const wrong: Wrong = {};
  if (!/^[A-Za-z0-9][A-Za-z0-9_@-]*$/.test(unit) || unit.length > UNIT_MAX)
    wrong.unit = `1 to ${UNIT_MAX} letters, digits, hyphens, underscores or @.`;
  const isPort = port === '' || (Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535);
  if (probe !== 'none' && !isPort) wrong.port = 'From 1 to 65535, or empty.';
  if (probe === 'http' && (!/^\/[\x21-\x7e]*$/.test(path) || path.length > PATH_MAX))
    wrong.path = 'It begins with / and has no blanks.';
  return wrong;
}

/** How the Managers ask one whether it serves, in a few words. */
export function probeWords({ probe }: Pick<ServiceControl, 'probe'>): string {
  if (probe.kind === 'none') return 'not asked';
  const port = probe.port == null ? 'the port that is known of it' : `port ${probe.port}`;
  return probe.kind === 'tcp' ? `a connection to ${port}` : `GET ${probe.path} at ${port}`;
}
