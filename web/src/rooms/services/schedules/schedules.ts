// How a schedule reads: with what, when, and what came of the last time. Pure.
import type { ScheduleOutcome, ServiceSchedule } from '../../../live/types';
import { type Reading, titlesOfType } from '../reading';

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

export const dayLabel = (day: string) => day.charAt(0).toUpperCase() + day.slice(1);

type Known = Pick<ServiceSchedule, 'state' | 'type' | 'at' | 'offset' | 'days'>;

/** "Sleep of all BI Servers" */
export function subjectOf({ state, type }: Pick<Known, 'state' | 'type'>): string {
  const all = type ? `all ${titlesOfType(type)}` : 'all Kyvos services';
  return `${state === 'stopped' ? 'Sleep' : 'Wake'} of ${all}`;
}

/** "Mon to Fri", "Mon, Wed", "every day". Days that follow one another, three at least, are named by their ends. */
export function daysWords(days: string[]): string {
  const chosen = DAYS.map((day) => days.includes(day));
  if (chosen.every(Boolean)) return 'every day';
  const words: string[] = [];
  for (let from = 0; from < DAYS.length; from++) {
    if (!chosen[from]) continue;
    let to = from;
    while (chosen[to + 1]) to++;
    const names = DAYS.slice(from, to + 1).map(dayLabel);
    words.push(...(names.length > 2 ? [`${names[0]} to ${names.at(-1)}`] : names));
    from = to;
  }
  return words.join(', ');
}

export const clockWords = ({ at, offset }: Pick<Known, 'at' | 'offset'>) =>
  `${at} UTC${offset === 'Z' ? '' : offset}`;

const OUTCOMES: Record<ScheduleOutcome, Reading> = {
  waiting: { word: 'Waiting', tone: 'info', icon: 'refresh' },
  begun: { word: 'Begun', tone: 'ok', icon: 'check' },
  nothing_to_do: { word: 'Nothing to do', tone: 'idle', icon: 'check' },
  overtaken: { word: 'Overtaken', tone: 'idle', icon: 'info' },
  missed: { word: 'Missed', tone: 'warn', icon: 'warning' },
};

export const outcomeReading = (outcome: ScheduleOutcome): Reading => OUTCOMES[outcome];
