import { describe, expect, it } from 'vitest';
import type { ServiceSchedule } from '../../../live/types';
import { bodyOf, draftOf, freshDraft, offsetOf, wrongWith } from './drafts';
import { clockWords, DAYS, daysWords, outcomeReading, subjectOf } from './schedules';

const night: ServiceSchedule = {
  id: 120,
  name: 'night',
  state: 'stopped',
  type: null,
  at: '22:00',
  offset: '+05:30',
  days: ['mon', 'tue'],
  enabled: true,
  next: '2026-11-28T16:30:00Z',
  last: null,
  revision: 121,
};

describe('a schedule', () => {
  it('says with what it is done', () => {
    expect(subjectOf(night)).toBe('Sleep of all Kyvos services');
    expect(subjectOf({ state: 'running', type: 'bi_server' })).toBe('Wake of all BI Servers');
  });

  it.each([
    [[...DAYS], 'every day'],
    [['mon', 'tue', 'wed', 'thu', 'fri'], 'Mon to Fri'],
    [['sun', 'sat'], 'Sat, Sun'],
    [['mon', 'wed', 'thu', 'fri', 'sun'], 'Mon, Wed to Fri, Sun'],
    [['tue'], 'Tue'],
  ])('on %o reads %s', (days, words) => {
    expect(daysWords(days)).toBe(words);
  });

  it('says its time with its distance from UTC', () => {
    expect(clockWords(night)).toBe('22:00 UTC+05:30');
    expect(clockWords({ at: '06:00:30', offset: 'Z' })).toBe('06:00:30 UTC');
  });

  it('accuses nobody unless it was missed', () => {
    expect(outcomeReading('missed').tone).toBe('warn');
    expect(outcomeReading('begun').tone).toBe('ok');
    expect(outcomeReading('overtaken').tone).toBe('idle');
  });
});

describe('what is filled in', () => {
  const wrong = (change: Partial<ReturnType<typeof draftOf>>) =>
    Object.keys(wrongWith({ ...draftOf(night), ...change }));

  it('is sent as it is shown, all that is not chosen left out', () => {
    expect(bodyOf(draftOf(night))).toEqual({
      name: 'night',
      state: 'stopped',
      at: '22:00',
      offset: '+05:30',
      days: ['mon', 'tue'],
      enabled: true,
    });
    const engines = { ...freshDraft('Z'), name: ' e ', type: 'query_engine' as const, days: ['sun', 'mon'] };
    expect(bodyOf(engines)).toMatchObject({ name: 'e', type: 'query_engine', days: ['mon', 'sun'] });
  });

  it('begins with the distance of this browser from UTC', () => {
    expect(offsetOf(0)).toBe('Z');
    expect(offsetOf(-330)).toBe('+05:30');
    expect(offsetOf(480)).toBe('-08:00');
  });

  it('is refused before it is sent where the group would refuse it', () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ name: ' ' })).toEqual(['name']);
    expect(wrong({ name: 'ä'.repeat(33) })).toEqual(['name']);
    for (const at of ['', '24:00', '9:00', '22:60', '22:00:60']) expect(wrong({ at })).toEqual(['at']);
    expect(wrong({ at: '22:00:30' })).toEqual([]);
    for (const offset of ['', 'UTC', '05:30', '+14:01', '-12:01', '+1:00'])
      expect(wrong({ offset })).toEqual(['offset']);
    for (const offset of ['Z', '+14:00', '-12:00']) expect(wrong({ offset })).toEqual([]);
    expect(wrong({ days: [] })).toEqual(['days']);
  });
});
