import { describe, expect, it } from 'vitest';
import { absolute, bytes, duration, lag, plural, relative } from './format';

const NOW = Date.parse('2026-11-22T21:00:00Z');
const before = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe('times', () => {
  it.each([
    [0, 'just now'],
    [1, 'just now'],
    [12, '12 s ago'],
    [59, '59 s ago'],
    [60, '1 min ago'],
    [3599, '59 min ago'],
    [7200, '2 h ago'],
    [86_400, '24 h ago'],
    [5 * 86_400, '5 d ago'],
    [-1200, 'in 20 min'],
  ])('%d seconds back read "%s"', (seconds, words) => {
    expect(relative(before(seconds), NOW)).toBe(words);
  });

  it('the exact time names its zone', () => {
    expect(absolute('2026-11-22T21:00:00Z')).toMatch(/^2026-11-2[123] \d\d:\d\d:00 UTC([+−]\d\d:\d\d)?$/);
  });

  it.each([
    [0, '0 ms'],
    [80.4, '80 ms'],
    [1234, '1.2 s'],
    [42_000, '42 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms last "%s"', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});

describe('numbers', () => {
  it('a lag never reported is not zero', () => {
    expect(lag(null)).toBe('–');
    expect(lag(0)).toBe('0');
    expect(lag(1204)).toBe('1,204');
  });

  it('one is not many', () => {
    expect(plural(1, 'failure')).toBe('1 failure');
    expect(plural(0, 'failure')).toBe('0 failures');
    expect(plural(2, 'entry', 'entries')).toBe('2 entries');
  });

  it('sizes grow their unit', () => {
    expect(bytes(512)).toBe('512 B');
    expect(bytes(18_874_368)).toBe('18.0 MiB');
  });
});
