// What somebody fills in about a schedule: from facts to fields, from fields to what is sent, and what is wrong. Pure.
import type { ServiceSchedule, ServiceScheduleInput, ServiceType } from '../../../live/types';
import { DAYS } from './schedules';

export interface ScheduleDraft {
  name: string;
  state: ServiceSchedule['state'];
  /** Empty: all Kyvos services. */
  type: ServiceType | '';
  at: string;
  offset: string;
  days: string[];
  enabled: boolean;
}

export const NAME_MAX = 64;

const TWO = (n: number) => String(n).padStart(2, '0');

/** How far a browser's clock is from UTC, as the API writes it. `minutes` is the way `Date` tells it: positive is behind. */
export function offsetOf(minutes: number): string {
  if (minutes === 0) return 'Z';
  const distance = Math.abs(minutes);
  return `${minutes > 0 ? '-' : '+'}${TWO(Math.floor(distance / 60))}:${TWO(distance % 60)}`;
}

export const freshDraft = (offset: string): ScheduleDraft => ({
  name: '',
  state: 'stopped',
  type: '',
  at: '22:00',
  offset,
  days: [...DAYS],
  enabled: true,
});

export const draftOf = ({
  name,
  state,
  type,
  at,
  offset,
  days,
  enabled,
}: ServiceSchedule): ScheduleDraft => ({
  name,
  state,
  type: type ?? '',
  at,
  offset,
  days,
  enabled,
});

export function bodyOf({ type, name, days, ...rest }: ScheduleDraft): ServiceScheduleInput {
  const inOrder = DAYS.filter((day) => days.includes(day));
  return { ...rest, name: name.trim(), days: inOrder, ...(type === '' ? {} : { type }) };
}

const CLOCK = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/;
const OFFSET = /^([+-])(0\d|1[0-4]):([0-5]\d)$/;
const AHEAD_MAX_MINUTES = 14 * 60;
const BEHIND_MAX_MINUTES = 12 * 60;

function isOffset(text: string): boolean {
  if (text === 'Z') return true;
  const [, sign, hours, minutes] = OFFSET.exec(text) ?? [];
  if (sign === undefined) return false;
  const distance = 60 * Number(hours) + Number(minutes);
  return distance <= (sign === '+' ? AHEAD_MAX_MINUTES : BEHIND_MAX_MINUTES);
}

type Wrong = Partial<Record<keyof ScheduleDraft, string>>;

export function wrongWith({ name, at, offset, days }: ScheduleDraft): Wrong {
  const wrong: Wrong = {};
  const bytes = new TextEncoder().encode(name.trim()).length;
  if (bytes === 0 || bytes > NAME_MAX) wrong.name = `A name of at most ${NAME_MAX} bytes.`;
  if (!CLOCK.test(at)) wrong.at = 'A time of the day, such as 22:00.';
  if (!isOffset(offset)) wrong.offset = 'Z, or from -12:00 to +14:00.';
  if (days.length === 0) wrong.days = 'One day at least.';
  return wrong;
}
