// Which part of the logs is wanted: from presets or to the minute. Pure.
export interface Range {
  preset: Preset;
  /** As the browser's field writes a local time; only with 'between'. */
  from: string;
  until: string;
}

export type Preset = 'hour' | 'day' | 'week' | 'all' | 'between';

export const PRESETS: readonly { value: Preset; label: string }[] = [
  { value: 'hour', label: 'Last hour' },
  { value: 'day', label: 'Last 24 hours' },
  { value: 'week', label: 'Last 7 days' },
  { value: 'all', label: 'Everything' },
  { value: 'between', label: 'From … until …' },
];

const HOURS: Partial<Record<Preset, number>> = { hour: 1, day: 24, week: 7 * 24 };
const HOUR_MS = 3_600_000;

const instant = (local: string) => (local === '' ? undefined : new Date(local).toISOString());

/** The bounds as the API takes them; absent: none. */
export function boundsOf({ preset, from, until }: Range, now: number): { since?: string; until?: string } {
  const hours = HOURS[preset];
  if (hours !== undefined) return { since: new Date(now - hours * HOUR_MS).toISOString() };
  if (preset === 'all') return {};
  const [since, end] = [instant(from), instant(until)];
  return { ...(since ? { since } : {}), ...(end ? { until: end } : {}) };
}

/** Why this is no range, or undefined. */
export function rangeProblem({ preset, from, until }: Range): string | undefined {
  if (preset !== 'between') return undefined;
  if (from === '' && until === '') return 'Say from when, or until when.';
  if (from !== '' && until !== '' && from >= until) return 'It ends before it begins.';
  return undefined;
}

/** Where the logs of an instance are, cut to the range. */
export function pathOf(manager: number, range: Range, rotated: boolean, now: number): string {
  const query = new URLSearchParams({ ...boundsOf(range, now), rotated: String(rotated) });
  return `/managers/${manager}/logs?${query}`;
}
