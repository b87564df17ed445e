import { describe, expect, it } from 'vitest';
import type { Service } from '../../live/types';
import { aHost, aService } from '../../testing/samples';
import {
  type Act,
  concernedBy,
  hindranceOf,
  labelOf,
  named,
  risksOf,
  sentencesOf,
  type Verb,
  wavesOf,
} from './acts';

const service = (type: Service['type'], host: string, change: Partial<Service> = {}) =>
  aService({
    id: `${type}.${host}`,
    type,
    host,
    title: type === 'bi_server' ? 'BI Server' : type,
    ...change,
  });
const down: Partial<Service> = { verdict: { verdict: 'down', because: '', since: '', stale: false } };
const stopped: Partial<Service> = {
  ...down,
  wanted: { state: 'stopped', why: 'operator', by: 'ann', since: null },
};

const all = [
  service('bi_server', 'km4'),
  service('bi_server', 'km5', down),
  service('zookeeper', 'zk1'),
  service('kyvos_manager', 'km1', { verdict: null, unit: null }),
];
const one = (verb: Verb, id = 'bi_server.km4'): Act => ({ verb, service: id });

describe('an act on services', () => {
  it('is about one, all of a type, or all but the Kyvos Managers', () => {
    const about = (act: Act) => concernedBy(act, all).map(({ id }) => id);
    expect(about(one('stop'))).toEqual(['bi_server.km4']);
    expect(about({ verb: 'stop', type: 'bi_server' })).toEqual(['bi_server.km4', 'bi_server.km5']);
    expect(about({ verb: 'stop' })).toEqual(['bi_server.km4', 'bi_server.km5', 'zookeeper.zk1']);
  });

  it('is only about those with an older configuration, if that is asked', () => {
    const behind = service('bi_server', 'km6', { stale_properties: ['olapengine/BLOCK_CACHE_LIFETIME'] });
    const restart: Act = { verb: 'restart', onlyStale: true };
    expect(concernedBy(restart, [...all, behind])).toEqual([behind]);
    expect(hindranceOf(restart, [...all, behind])).toBeUndefined();
    expect(hindranceOf(restart, all)).toBe('None of them runs with an older configuration.');
  });

  it('is called so', () => {
    expect(labelOf(one('restart'), all)).toBe('Restart BI Server on km4');
    expect(labelOf({ verb: 'start', type: 'bi_server' }, all)).toBe('Start all BI Servers');
    expect(labelOf({ verb: 'stop' }, all)).toBe('Stop all Kyvos services');
  });

  it('goes in the order in which they need each other, and stopping the other way about', () => {
    const order = (verb: Verb) => wavesOf({ verb }, all).map(({ type }) => type);
    expect(order('start')).toEqual(['zookeeper', 'bi_server']);
    expect(order('stop')).toEqual(['bi_server', 'zookeeper']);
    expect(wavesOf({ verb: 'restart', type: 'bi_server' }, all)).toEqual([
      { type: 'bi_server', hosts: ['km4', 'km5'] },
    ]);
  });
});

describe('why something cannot be done', () => {
  it('is that it is so already', () => {
    expect(hindranceOf(one('start'), all)).toBe('It is up.');
    expect(hindranceOf(one('start', 'bi_server.km5'), all)).toBeUndefined();
    expect(hindranceOf(one('stop', 'bi_server.km5'), all)).toBeUndefined();
    const planned = [service('bi_server', 'km4', stopped)];
    expect(hindranceOf(one('stop'), planned)).toBe('It is stopped, as it is wanted.');
    expect(hindranceOf({ verb: 'stop' }, planned)).toBe('All of them are stopped.');
    expect(hindranceOf(one('restart'), planned)).toBeUndefined();
  });

  it('is not that it was so when somebody last looked', () => {
    const stale = { verdict: { verdict: 'up', because: '', since: '', stale: true } } as const;
    expect(hindranceOf(one('start'), [service('bi_server', 'km4', stale)])).toBeUndefined();
  });

  it('is an operation that is about one of them', () => {
    const busy = [service('bi_server', 'km4', { operation: 120 }), ...all.slice(1)];
    expect(hindranceOf(one('stop'), busy)).toBe('Operation 120 is about it.');
    expect(hindranceOf({ verb: 'stop' }, busy)).toBe('Operation 120 is about BI Server on km4.');
    expect(hindranceOf(one('start', 'bi_server.km5'), busy)).toBeUndefined();
  });

  it('is what it is about', () => {
    expect(hindranceOf(one('stop', 'kyvos_manager.km1'), all)).toMatch(/under Kyvos Manager Nodes\.$/);
    expect(hindranceOf({ verb: 'stop', type: 'kyvos_manager' }, all)).toMatch(/under Kyvos Manager Nodes/);
    expect(hindranceOf({ verb: 'stop', type: 'postgres' }, all)).toBe('There is no such service.');
    expect(hindranceOf(one('stop', 'bi_server.gone'), all)).toBe('It is no longer there.');
  });
});

describe('what follows from it', () => {
  it('is said before anybody agrees', () => {
    expect(sentencesOf(one('stop'), all, 1)).toEqual([
      'It ends in good order on km4 (unit kyvos-bi-server), and stays stopped until somebody starts it.',
    ]);
    expect(sentencesOf({ verb: 'restart', type: 'bi_server' }, all, 1)[0]).toMatch(/^One after the other,/);
    expect(sentencesOf({ verb: 'restart', type: 'bi_server' }, all, 2)[0]).toMatch(/^2 of a type at a time,/);
  });

  it('names that what is wanted stopped runs again', () => {
    const planned = [service('bi_server', 'km4', stopped), service('bi_server', 'km5')];
    expect(sentencesOf(one('start'), planned, 1)[1]).toMatch(/^It is wanted stopped now/);
    expect(sentencesOf({ verb: 'restart' }, planned, 1)[1]).toBe(
      'Wanted stopped now, and running from then on: those on km4.',
    );
    expect(sentencesOf({ verb: 'stop' }, planned, 1)).toHaveLength(1);
  });

  it('names what the others miss meanwhile', () => {
    expect(sentencesOf({ verb: 'stop' }, all, 1).at(-1)).toMatch(/Kyvos Manager HA is not affected\.$/);
    expect(sentencesOf({ verb: 'start' }, all, 1)).toHaveLength(1);
  });
});

describe('what may go wrong', () => {
  it('is a host of which nothing is heard, and a type of which none is left', () => {
    const hosts = [aHost({ name: 'km5', state: 'silent' }), aHost({ name: 'km4' })];
    expect(risksOf({ verb: 'start', type: 'bi_server' }, all, hosts, 1)).toEqual([
      'Of km5 nothing is heard: there it cannot be done now.',
    ]);
    expect(risksOf(one('start'), all, hosts, 1)).toEqual([]);
    expect(risksOf({ verb: 'restart' }, all, [], 2)).toEqual(['All at the same time: BI Servers.']);
    expect(risksOf({ verb: 'restart' }, all, [], 1)).toEqual([]);
  });
});

describe('many hosts', () => {
  it('are named as far as a person reads, and counted', () => {
    expect(named(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c, d, e');
    expect(named(['a', 'b', 'c', 'd', 'e', 'f'])).toBe('a, b, c, d and 2 more');
  });
});
