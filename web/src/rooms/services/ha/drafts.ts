// What somebody fills in about Services HA and about a maintenance window: from facts to fields, from fields to what is sent,
// and what is wrong. Pure.
import type { OpenWindow, ServicesHa, ServicesHaInput, ServiceType } from '../../../live/types';

/** Everything as it is, to be sent back with one thing changed: what is left out would be as by default. */
export function inputOf(ha: ServicesHa): ServicesHaInput {
  const { automation, enabled, settle_seconds, restarts_max, within_seconds, pause_seconds } = ha;
  const { host_gone_seconds, standbys, types } = ha;
  const off_types = types.filter((type) => !type.enabled).map(({ type }) => type);
  return {
    automation,
    enabled,
    off_types,
    settle_seconds,
    restarts_max,
    within_seconds,
    pause_seconds,
    host_gone_seconds,
    standbys,
  };
}

export const switchedType = (input: ServicesHaInput, type: ServiceType, on: boolean): ServicesHaInput => {
  const others = (input.off_types ?? []).filter((one) => one !== type);
  return { ...input, off_types: on ? others : [...others, type] };
};

export type NumberField =
  | 'settle_seconds'
  | 'restarts_max'
  | 'within_seconds'
  | 'pause_seconds'
  | 'host_gone_seconds';

interface Field {
  name: NumberField;
  label: string;
  description: string;
  min: number;
  max: number;
}

export const FIELDS: readonly Field[] = [
  {
    name: 'settle_seconds',
    label: 'Down before anything is done (s)',
    description: 'Whoever restarts it himself, and the session of ZooKeeper, go first.',
    min: 0,
    max: 3600,
  },
  {
    name: 'restarts_max',
    label: 'Restarts before it is held',
    description: 'What these did not bring back, a further one does not either.',
    min: 1,
    max: 20,
  },
  {
    name: 'within_seconds',
    label: 'Counted within (s)',
    description: 'Restarts longer ago do not count.',
    min: 60,
    max: 86_400,
  },
  {
    name: 'pause_seconds',
    label: 'Pause between the first two (s)',
    description: 'Twice as long each time, at most 5 minutes.',
    min: 1,
    max: 300,
  },
  {
    name: 'host_gone_seconds',
    label: 'Silence before a host is gone (s)',
    description: 'Longer than a lost network, shorter than a reboot.',
    min: 10,
    max: 86_400,
  },
];

export type NumberDraft = Record<NumberField, number | string>;

/** What is wrong with a number, or undefined. */
export function wrongNumber({ min, max }: Field, value: number | string): string | undefined {
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  return isWhole && value >= min && value <= max ? undefined : `From ${min} to ${max}.`;
}

/** About what a window is. */
export type Scope = 'all' | 'type' | 'host' | 'service';

export interface WindowDraft {
  scope: Scope;
  /** Of that scope: the type, the host's name, the service's id. */
  about: string;
  /** Local times as the browser's own field writes them; from: empty is now. */
  from: string;
  until: string;
  note: string;
}

const TWO = (n: number) => String(n).padStart(2, '0');

/** A moment as the browser's own field writes it: local, to the minute. */
export function localTime(at: number): string {
  const time = new Date(at);
  const day = `${time.getFullYear()}-${TWO(time.getMonth() + 1)}-${TWO(time.getDate())}`;
  return `${day}T${TWO(time.getHours())}:${TWO(time.getMinutes())}`;
}

const HOUR_MS = 3_600_000;
const WINDOW_MAX_MS = 31 * 24 * HOUR_MS;
const USUAL_MS = 2 * HOUR_MS;
export const NOTE_MAX = 256;

export const freshWindow = (now: number): WindowDraft => ({
  scope: 'all',
  about: '',
  from: '',
  until: localTime(now + USUAL_MS),
  note: '',
});

type Wrong = Partial<Record<keyof WindowDraft, string>>;

export function wrongWith({ scope, about, from, until, note }: WindowDraft, now: number): Wrong {
  const wrong: Wrong = {};
  const begins = from === '' ? now : Date.parse(from);
  const ends = Date.parse(until);
  if (scope !== 'all' && about === '') wrong.about = 'Say with which.';
  if (Number.isNaN(begins)) wrong.from = 'Not a time.';
  if (Number.isNaN(ends)) wrong.until = 'Say until when.';
  else if (ends <= Math.max(begins, now)) wrong.until = 'It would be over before it begins.';
  else if (ends - begins > WINDOW_MAX_MS) wrong.until = 'At most 31 days.';
  if (new TextEncoder().encode(note.trim()).length > NOTE_MAX) wrong.note = `At most ${NOTE_MAX} bytes.`;
  return wrong;
}

export function bodyOf({ scope, about, from, until, note }: WindowDraft): OpenWindow {
  const of = {
    all: {},
    type: { type: about as ServiceType },
    host: { host: about },
    service: { service: about },
  }[scope];
  return {
    ...of,
    ...(from === '' ? {} : { from: new Date(from).toISOString() }),
    until: new Date(until).toISOString(),
    ...(note.trim() === '' ? {} : { note: note.trim() }),
  };
}
