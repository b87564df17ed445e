import { describe, expect, it } from 'vitest';
import type { Precheck } from '../../live/types';
import { failed, isFresh, summaryOf } from './status';

const check = (result: Precheck['result']): Precheck => ({
  check: 'cli',
  title: 'Command of the cloud',
  host: 'km4',
  result,
  code: null,
  detail: '',
  at: '2026-11-22T20:00:00Z',
});

describe('prechecks together', () => {
  it('are told in one line, the worst deciding its colour', () => {
    expect(summaryOf([check('pass'), check('pass')])).toEqual({ words: 'All 2 checks passed', tone: 'ok' });
    expect(summaryOf([check('pass'), check('warn')])).toEqual({ words: '1 warning', tone: 'warn' });
    expect(summaryOf([check('fail'), check('warn'), check('fail')])).toEqual({
      words: '2 checks failed, 1 warning',
      tone: 'bad',
    });
  });

  it('only what failed has to be accepted', () => {
    expect(failed([check('pass'), check('warn')])).toEqual([]);
  });

  it('a host that was never looked at, or long ago, is looked at anew', () => {
    const at = (minutes: number) => Date.parse('2026-11-22T20:00:00Z') + minutes * 60_000;
    expect(isFresh([check('pass')], at(5))).toBe(true);
    expect(isFresh([check('pass')], at(6))).toBe(false);
    expect(isFresh([], at(0))).toBe(false);
  });
});
