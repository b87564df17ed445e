import { describe, expect, it } from 'vitest';
import { boundsOf, pathOf, rangeProblem } from './range';

const NOW = Date.parse('2026-11-22T21:00:00Z');
const between = (from: string, until: string) => ({ preset: 'between', from, until }) as const;
const preset = (value: 'hour' | 'all') => ({ preset: value, from: '', until: '' }) as const;

describe('a range of logs', () => {
  it('is counted from now, or has no bounds', () => {
    expect(boundsOf(preset('hour'), NOW)).toEqual({ since: '2026-11-22T20:00:00.000Z' });
    expect(boundsOf(preset('all'), NOW)).toEqual({});
  });

  it('typed in local time is told in UTC, each end by itself', () => {
    const from = '2026-11-22T10:30';
    expect(boundsOf(between(from, ''), NOW)).toEqual({ since: new Date(from).toISOString() });
    expect(Object.keys(boundsOf(between('', from), NOW))).toEqual(['until']);
  });

  it('has to be one', () => {
    expect(rangeProblem(between('', ''))).toMatch(/^Say/);
    expect(rangeProblem(between('2026-11-22T10:30', '2026-11-22T10:30'))).toMatch(/^It ends/);
    expect(rangeProblem(between('2026-11-22T10:30', '2026-11-22T10:31'))).toBeUndefined();
    expect(rangeProblem(preset('all'))).toBeUndefined();
  });

  it('is part of the address the logs are at', () => {
    expect(pathOf(3, preset('all'), false, NOW)).toBe('/managers/3/logs?rotated=false');
    expect(pathOf(3, preset('hour'), true, NOW)).toMatch(/since=2026-11-22T20%3A00%3A00\.000Z&rotated=true$/);
  });
});
