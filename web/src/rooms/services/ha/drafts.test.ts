import { describe, expect, it } from 'vitest';
import type { ServicesHa } from '../../../live/types';
import {
  bodyOf,
  FIELDS,
  freshWindow,
  inputOf,
  localTime,
  switchedType,
  type WindowDraft,
  wrongNumber,
  wrongWith,
} from './drafts';
import { windowReading, windowSubject } from './windows';

const HA: ServicesHa = {
  automation: true,
  enabled: false,
  types: [
    { type: 'bi_server', title: 'BI Server', enabled: true },
    { type: 'postgres', title: 'Postgres', enabled: false },
  ],
  settle_seconds: 20,
  restarts_max: 5,
  within_seconds: 600,
  pause_seconds: 15,
  host_gone_seconds: 90,
  standbys: ['bi_server.km5'],
  is_default: false,
  revision: 7,
};

describe('a switch', () => {
  it('sends everything else as it is: what is left out would be as by default', () => {
    expect({ ...inputOf(HA), enabled: true }).toEqual({
      automation: true,
      enabled: true,
      off_types: ['postgres'],
      settle_seconds: 20,
      restarts_max: 5,
      within_seconds: 600,
      pause_seconds: 15,
      host_gone_seconds: 90,
      standbys: ['bi_server.km5'],
    });
  });

  it('of a type takes it off the list, or puts it there once', () => {
    const input = inputOf(HA);
    expect(switchedType(input, 'postgres', true).off_types).toEqual([]);
    expect(switchedType(input, 'bi_server', false).off_types).toEqual(['postgres', 'bi_server']);
    expect(switchedType(input, 'postgres', false).off_types).toEqual(['postgres']);
  });
});

describe('a bound', () => {
  it.each(FIELDS)('$name is a whole number from $min to $max', (field) => {
    for (const good of [field.min, field.max]) expect(wrongNumber(field, good)).toBeUndefined();
    for (const bad of [field.min - 1, field.max + 1, field.min + 0.5, ''])
      expect(wrongNumber(field, bad)).toBe(`From ${field.min} to ${field.max}.`);
  });
});

const NOW = Date.parse('2026-11-28T20:00:00Z');

describe('a maintenance window', () => {
  const at = (hours: number) => localTime(NOW + hours * 3_600_000);
  const draft = (change: Partial<WindowDraft>): WindowDraft => ({ ...freshWindow(NOW), ...change });

  it('is for two hours from now, with everything, unless somebody says otherwise', () => {
    expect(wrongWith(draft({}), NOW)).toEqual({});
    expect(bodyOf(draft({}))).toEqual({ until: '2026-11-28T22:00:00.000Z' });
  });

  it('is with what was chosen', () => {
    expect(wrongWith(draft({ scope: 'host' }), NOW)).toEqual({ about: 'Say with which.' });
    const whole = draft({ scope: 'host', about: 'km4', from: at(1), note: ' disks ' });
    expect(wrongWith(whole, NOW)).toEqual({});
    expect(bodyOf(whole)).toEqual({
      host: 'km4',
      from: '2026-11-28T21:00:00.000Z',
      until: '2026-11-28T22:00:00.000Z',
      note: 'disks',
    });
    expect(bodyOf(draft({ scope: 'type', about: 'postgres' })).type).toBe('postgres');
    expect(bodyOf(draft({ scope: 'service', about: 'bi_server.km4' })).service).toBe('bi_server.km4');
  });

  it('ends, and not before it begins', () => {
    expect(wrongWith(draft({ until: '' }), NOW).until).toBe('Say until when.');
    expect(wrongWith(draft({ until: at(-1) }), NOW).until).toMatch(/over before it begins/);
    expect(wrongWith(draft({ from: at(3) }), NOW).until).toMatch(/over before it begins/);
    expect(wrongWith(draft({ until: at(31 * 24 + 1) }), NOW).until).toBe('At most 31 days.');
    expect(wrongWith(draft({ note: 'ä'.repeat(129) }), NOW).note).toBe('At most 256 bytes.');
  });

  it('reads as what the clock makes of it', () => {
    const window = { from: '2026-11-28T20:00:00Z', until: '2026-11-28T22:00:00Z' };
    expect(windowReading(window, NOW - 1).word).toBe('To come');
    expect(windowReading(window, NOW).word).toBe('Open');
    expect(windowReading(window, NOW + 7_200_000).word).toBe('Over');
  });

  it('is with everything when it is with nothing in particular', () => {
    expect(windowSubject({})).toBe('All Kyvos services');
    expect(windowSubject({ type: 'postgres' })).toBe('All Postgres servers');
    expect(windowSubject({ host: 'km4' })).toBe('Everything on km4');
    expect(windowSubject({ service: 'bi_server.km4' })).toBe('bi_server.km4');
  });
});
