import { describe, expect, it } from 'vitest';
import type { AlertChannel } from '../../live/types';
import { bellOf, channelReading, serviceOf, severityReading } from './status';

const warning = { severity: 'warning' } as const;

describe('the bell', () => {
  it('is silent when nobody has to look', () => {
    expect(bellOf([], false)).toEqual({ shown: '', label: 'No open alerts', tone: 'idle' });
  });

  it('counts, and is red as soon as one of them is an error', () => {
    expect(bellOf([warning], false)).toEqual({ shown: '1', label: '1 open alert', tone: 'warn' });
    expect(bellOf([warning, { severity: 'error' }], false)).toEqual({
      shown: '2',
      label: '2 open alerts',
      tone: 'bad',
    });
  });

  it('stops counting at 99', () => {
    const many = Array.from({ length: 100 }, () => warning);
    expect(bellOf(many, true).label).toBe('99+ open alerts');
  });
});

describe('a resolved alert', () => {
  it('keeps its word and loses its colour', () => {
    expect(severityReading({ severity: 'error', state: 'resolved' })).toMatchObject({
      word: 'Error',
      tone: 'idle',
    });
    expect(severityReading({ severity: 'error', state: 'acknowledged' }).tone).toBe('bad');
  });
});

describe('an alert about a service', () => {
  it('leads to why, unless it is about many at once', () => {
    expect(serviceOf({ code: 'SERVICE_DOWN', subject: 'bi_server.km4' })).toBe('bi_server.km4');
    expect(serviceOf({ code: 'SERVICE_DOWN', subject: '' })).toBeUndefined();
    expect(serviceOf({ code: 'HOST_SILENT', subject: 'km4' })).toBeUndefined();
  });
});

describe('a channel', () => {
  const channel = (change: Partial<AlertChannel>) =>
    channelReading({ failed_tries: 0, waiting: 0, last_try: null, ...change } as AlertChannel).word;
  const at = '2026-11-28T07:00:00Z';

  it('says how the telling goes', () => {
    expect(channel({})).toBe('Not tried yet');
    expect(channel({ last_try: { at, ok: true, detail: 'it answered 204' } })).toBe('Works');
    expect(channel({ waiting: 2, last_try: { at, ok: true, detail: '' } })).toBe('Telling');
    expect(channel({ last_try: { at, ok: false, detail: 'it answered 500' } })).toBe('Failing');
    expect(channel({ failed_tries: 1, last_try: { at, ok: true, detail: '' } })).toBe('Failing');
  });
});
