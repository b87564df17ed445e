// How numbers and times read on screen. Pure; one word per idea, so that two pages never say it differently.

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** "just now", "12 s ago", "3 min ago", "2 h ago", "5 d ago"; "in 20 min" for what is to come. */
export function relative(iso: string, now: number): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 2) return 'just now';
  return seconds < 0 ? `in ${span(distance)}` : `${span(distance)} ago`;
}

function span(seconds: number): string {
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`;
  if (seconds < 2 * DAY_S) return `${Math.floor(seconds / HOUR_S)} h`;
  return `${Math.floor(seconds / DAY_S)} d`;
}

/** Local date and time to the second, with the zone: what one reads next to a log. */
export function absolute(iso: string): string {
  const at = new Date(iso);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const minutes = -at.getTimezoneOffset();
  const zone =
    minutes === 0
      ? 'UTC'
      : `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${day} ${time} ${zone}`;
}

/** "80 ms", "1.2 s", "42 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE_S) return `${whole} s`;
  if (whole < HOUR_S) return pair(Math.floor(whole / MINUTE_S), 'min', whole % MINUTE_S, 's');
  if (whole < DAY_S)
    return pair(Math.floor(whole / HOUR_S), 'h', Math.floor((whole % HOUR_S) / MINUTE_S), 'min');
  return pair(Math.floor(whole / DAY_S), 'd', Math.floor((whole % DAY_S) / HOUR_S), 'h');
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string) =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** 1,204. By hand: a browser takes longer to learn the ways of a country than to draw a page. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1 failure", "2 failures" */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** "0" when caught up, "1,204" entries behind; a dash when the Manager has never said. */
export function lag(entries: number | null | undefined): string {
  return entries == null ? '–' : count(entries);
}

/** "18.0 MiB" */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${n} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** What is said where a past ends before its beginning. */
export const forgotten = (keptFrom: number) => `Changes before index ${keptFrom} are not kept any more.`;
