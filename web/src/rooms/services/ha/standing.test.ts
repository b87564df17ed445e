import { describe, expect, it } from 'vitest';
import type { ServicesHa } from '../../../live/types';
import { aStanding } from '../../../testing/samples';
import { byUrgency, counted, isHeld, standingReading, switchReading } from './standing';

const ha = (change: Partial<ServicesHa> = {}): ServicesHa => ({
  automation: true,
  enabled: true,
  types: [
    { type: 'bi_server', title: 'BI Server', enabled: true },
    { type: 'postgres', title: 'Postgres', enabled: true },
  ],
  settle_seconds: 10,
  restarts_max: 3,
  within_seconds: 1800,
  pause_seconds: 10,
  host_gone_seconds: 60,
  standbys: [],
  is_default: false,
  revision: 7,
  ...change,
});

describe('how a service stands with Services HA', () => {
  it('says what is done about it', () => {
    expect(standingReading('up')).toMatchObject({ tone: 'ok', sentence: 'Nothing is to be done.' });
    expect(standingReading('ha_off').sentence).toBe('Nothing is done.');
    expect(standingReading('due').sentence).toBe('It is about to be started again.');
    expect(standingReading('host_gone').sentence).toBe('Nothing can be done.');
  });

  it('waits for a person where one has to look, and only there', () => {
    expect(['held', 'called_off'].every((reason) => isHeld(aStanding({ reason: reason as 'held' })))).toBe(
      true,
    );
    expect(isHeld({ reason: 'pausing' })).toBe(false);
  });

  it('comes first when it waits for a person, then by what is wrong and under way', () => {
    const reasons = ['unknown', 'settling', 'host_gone', 'held', 'not_looked'] as const;
    const sorted = byUrgency(reasons.map((reason) => aStanding({ reason })));
    expect(sorted.map(({ reason }) => reason)).toEqual([
      'held',
      'host_gone',
      'settling',
      'unknown',
      'not_looked',
    ]);
  });

  it('is counted, the most first', () => {
    const reasons = ['held', 'up', 'up', 'stale', 'not_looked'] as const;
    expect(counted(reasons.map((reason) => aStanding({ reason })))).toEqual([
      ['Not looked at', 2],
      ['Up', 2],
      ['Held', 1],
    ]);
  });
});

describe('the switches', () => {
  it('read as one word: the wider one wins', () => {
    expect(switchReading(ha()).word).toBe('On');
    expect(switchReading(ha({ enabled: false })).word).toBe('Off');
    expect(switchReading(ha({ automation: false })).word).toBe('Automation off');
    const [first, second] = ha().types;
    const types = [{ ...first, enabled: false }, second] as ServicesHa['types'];
    expect(switchReading(ha({ types })).word).toBe('On, off for 1 of 2 types');
  });
});
