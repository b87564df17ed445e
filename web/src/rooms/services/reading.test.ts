import { describe, expect, it } from 'vitest';
import type { Service } from '../../live/types';
import { placed } from '../../shell/paging';
import { aService, aServiceCount } from '../../testing/samples';
import {
  byType,
  chosen,
  inOrder,
  questionOf,
  stateReading,
  tallyOf,
  tallyOfCount,
  underTypes,
  wantedReading,
} from './reading';

type Verdict = NonNullable<Service['verdict']>;

const judged = (verdict: Verdict['verdict'], change: Partial<Service> = {}, stale = false) =>
  aService({ verdict: { verdict, because: '', since: '2026-11-28T07:00:00Z', stale }, ...change });
const stopped: Partial<Service> = {
  wanted: { state: 'stopped', why: 'maintenance', by: 'ann', since: '2026-11-28T07:00:00Z' },
};

const none = aServiceCount();

describe('what is made of a service, beside what is wanted of it', () => {
  it.each([
    ['up', {}, 'Up', 'ok'],
    ['down', {}, 'Down', 'bad'],
    ['degraded', {}, 'Degraded', 'warn'],
    ['unknown', {}, 'Unknown', 'idle'],
    // A planned stop accuses nobody; what runs although it should not is to be looked at.
    ['down', stopped, 'Stopped', 'idle'],
    ['up', stopped, 'Still up', 'warn'],
    ['degraded', stopped, 'Degraded', 'warn'],
    ['unknown', stopped, 'Unknown', 'idle'],
  ] as const)('%s %o', (verdict, change, word, tone) => {
    expect(stateReading(judged(verdict, change))).toMatchObject({ word, tone });
  });

  it('is marked, and accuses nobody, when nobody has looked since', () => {
    expect(stateReading(judged('down', {}, true))).toMatchObject({ word: 'Down, stale', tone: 'idle' });
    expect(stateReading(judged('unknown', {}, true)).word).toBe('Unknown');
  });

  it('is nothing before anybody looked', () => {
    expect(stateReading(aService({ verdict: null, stale: true })).word).toBe('Not looked at yet');
  });

  it('is, of a Kyvos Manager, whether it answers the others', () => {
    const manager = (seen: Service['seen'], stale = false) =>
      stateReading(aService({ type: 'kyvos_manager', verdict: null, seen, stale }));
    expect(manager('present')).toMatchObject({ word: 'Seen', tone: 'ok' });
    expect(manager('absent')).toMatchObject({ word: 'Not seen', tone: 'bad' });
    expect(manager('absent', true)).toMatchObject({ word: 'Not seen, stale', tone: 'idle' });
  });

  it('is what is asked about', () => {
    expect(questionOf(judged('down'))).toBe('Why is BI Server on km4 down?');
    expect(questionOf(judged('up', stopped))).toBe('Why is BI Server on km4 still up?');
    expect(questionOf(aService({ verdict: null }))).toBe('Why is BI Server on km4 not looked at yet?');
  });
});

describe('what is wanted of it', () => {
  const wanted = (why: Service['wanted']['why'], state: Service['wanted']['state'] = 'stopped') =>
    wantedReading(aService({ wanted: { state, why, by: 'ann' } }));

  it('has its reason', () => {
    expect(wantedReading(aService())).toEqual({ word: 'Running', because: 'its host has the role' });
    expect(wantedReading(aService({ type: 'kyvos_manager' })).because).toBe('it is in the group');
    expect(wanted('operator')).toEqual({ word: 'Stopped', because: 'by ann' });
    expect(wanted('schedule').because).toBe('by schedule, ann');
    expect(wanted('maintenance').because).toBe('for maintenance, by ann');
    expect(wanted('services_ha', 'running')).toEqual({
      word: 'Running',
      because: 'by Services HA, in the place of another',
    });
  });
});

describe('the services of a type', () => {
  it('are counted against what is wanted', () => {
    expect(tallyOf([judged('up'), judged('up')])).toEqual({
      words: '2/2',
      tone: 'ok',
      stopped: 0,
      behind: 0,
    });
    expect(tallyOf([judged('up'), judged('down', stopped)])).toEqual({
      words: '1/1',
      tone: 'ok',
      stopped: 1,
      behind: 0,
    });
    expect(tallyOf([judged('up'), judged('unknown')])).toMatchObject({ words: '1/2', tone: 'idle' });
  });

  it('are red as soon as one is down that should not be, though another runs that should not', () => {
    expect(tallyOf([judged('up', stopped), judged('down')])).toEqual({
      words: '0/1',
      tone: 'bad',
      stopped: 1,
      behind: 0,
    });
    expect(tallyOf([judged('up'), judged('degraded')]).tone).toBe('warn');
  });

  it('come in the order in which a cluster is started, without types of which there are none', () => {
    const all = [aService({ type: 'web_portal' }), aService(), aService({ type: 'zookeeper' })];
    expect(byType(all).map(({ type }) => type)).toEqual(['zookeeper', 'bi_server', 'web_portal']);
    const hosts = [{ services: [aService({ type: 'web_portal' }), aService()] }, { services: [aService()] }];
    expect(inOrder(hosts).map(({ type }) => type)).toEqual(['bi_server', 'bi_server', 'web_portal']);
  });

  it('are counted by the group as they are here', () => {
    const all = [judged('up'), judged('up'), judged('down'), judged('up', stopped), judged('degraded')];
    const ups = { ...none, expected: 2, wanted_running: 2, up: 2 };
    expect(tallyOfCount(ups)).toEqual(tallyOf(all.slice(0, 2)));
    const down = { ...ups, expected: 3, wanted_running: 3, down: 1, missing: 1 };
    expect(tallyOfCount(down)).toEqual(tallyOf(all.slice(0, 3)));
    const still = { ...down, expected: 4, up: 3, still_up: 1 };
    expect(tallyOfCount(still)).toEqual(tallyOf(all.slice(0, 4)));
    const every = { ...still, expected: 5, wanted_running: 4, degraded: 1 };
    expect(tallyOfCount(every)).toEqual(tallyOf(all));
    expect(tallyOfCount({ ...ups, down: 1, degraded: 1 }).tone).toBe('warn');
    const old = judged('down', { verdict: { verdict: 'down', because: '', since: '', stale: true } });
    expect(tallyOfCount({ ...none, expected: 1, wanted_running: 1, missing: 1, stale: true })).toEqual(
      tallyOf([old]),
    );
    const manager = aService({ type: 'kyvos_manager', verdict: null });
    expect(
      tallyOfCount({ ...none, type: 'kyvos_manager', expected: 1, wanted_running: 1, present: 1 }),
    ).toEqual(tallyOf([manager]));
    expect(
      tallyOfCount({ ...none, type: 'kyvos_manager', expected: 1, wanted_running: 1, absent: 1 }),
    ).toEqual(tallyOf([{ ...manager, seen: 'absent' }]));
  });
});

describe('a page of the services', () => {
  const of = (type: Service['type'], hosts: string[]) =>
    hosts.map((host) => aService({ id: `${type}.${host}`, type, host }));
  const found = [...of('zookeeper', ['a', 'b', 'c']), ...of('bi_server', ['a', 'b'])];
  const page = (from: number, to: number) =>
    underTypes(found, placed(found, { page: 0, pages: 1, from, to })).map(({ type, place, services }) => [
      type,
      place,
      services.map((service) => service.place),
    ]);

  it('has each under the line of its type, and every row its place in the whole table', () => {
    expect(page(0, 5)).toEqual([
      ['zookeeper', 2, [3, 4, 5]],
      ['bi_server', 6, [7, 8]],
    ]);
  });

  it('that begins amid a type names it again', () => {
    expect(page(2, 4)).toEqual([
      ['zookeeper', 2, [5]],
      ['bi_server', 6, [7]],
    ]);
    expect(page(4, 5)).toEqual([['bi_server', 6, [8]]]);
  });
});

describe('what somebody wants to see', () => {
  const all = [judged('up'), judged('down', { id: 'x', host: 'km5' }), judged('down', stopped)];
  const shown = (show: 'all' | 'look' | 'stopped', text = '') =>
    chosen(all, { type: undefined, show, text }).map((service) => all.indexOf(service));

  it('is found by state, type and name', () => {
    expect(shown('all')).toEqual([0, 1, 2]);
    expect(shown('look')).toEqual([1]);
    expect(shown('stopped')).toEqual([2]);
    expect(shown('all', ' KM5 ')).toEqual([1]);
    expect(shown('all', 'bi server on km')).toEqual([0, 1, 2]);
    expect(chosen(all, { type: 'postgres', show: 'all', text: '' })).toEqual([]);
  });
});
