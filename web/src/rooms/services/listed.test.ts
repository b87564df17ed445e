import { describe, expect, it } from 'vitest';
import type { Service } from '../../live/types';
import { aService } from '../../testing/samples';
import { type Listed, withAll, withSome } from './listed';

const service = (id: string, because = ''): Service => {
  const [type, host = ''] = id.split('.');
  return aService({ id, type: type as Service['type'], host, because });
};
const A = 'bi_server.a';
const B = 'bi_server.b';
const known: Listed = { services: [service(A), service(B)], revision: 10, single: new Map() };
const told = ({ services }: Listed) => services.map(({ id, because }) => `${id} ${because}`.trim());
const some = (of: Listed, id: string, because: string, revision: number) =>
  withSome(of, [id], { data: [service(id, because)], revision });

describe('services that are read by themselves', () => {
  it('come in the place of what was known of them, and leave the others the same objects', () => {
    const now = some(known, B, 'gone', 11);
    expect(told(now)).toEqual([A, `${B} gone`]);
    expect(now.services[0]).toBe(known.services[0]);
  });

  it('are put in order when they are new, and are no more when they were not found', () => {
    const data = [service('zookeeper.z'), service('bi_server.aa'), service('web_portal.a')];
    const ids = [...data.map(({ id }) => id), A];
    expect(told(withSome(known, ids, { data, revision: 11 }))).toEqual([
      'zookeeper.z',
      'bi_server.aa',
      B,
      'web_portal.a',
    ]);
  });

  it('change nothing when they are older than what is known, whether of all or of them alone', () => {
    expect(some(known, A, 'old', 9)).toBe(known);
    const newer = some(known, A, 'new', 12);
    expect(some(newer, A, 'old', 11)).toBe(newer);
    // Of the other nothing newer is known.
    expect(told(some(newer, B, 'new', 11))).toEqual([`${A} new`, `${B} new`]);
  });

  it('of the same revision are taken: who answers is no matter of revisions', () => {
    expect(told(some(known, A, 'now', 10))).toEqual([`${A} now`, B]);
  });
});

describe('all services', () => {
  const all = (revision: number) => ({ data: [service(A, 'all'), service(B, 'all')], revision });

  it('are what is known when nothing was read by itself', () => {
    expect(told(withAll(undefined, undefined, all(10)))).toEqual([`${A} all`, `${B} all`]);
    expect(told(withAll(known, known, all(11)))).toEqual([`${A} all`, `${B} all`]);
  });

  it('that were asked for before one was read by itself, and come after it, do not take it back', () => {
    const meanwhile = some(some(known, A, 'new', 12), B, 'between', 11);
    const now = withAll(meanwhile, known, all(11));
    expect(told(now)).toEqual([`${A} new`, `${B} all`]);
    // Nor does a later one that is older still.
    expect(some(now, A, 'old', 11)).toBe(now);
    // One that is as new as that is taken.
    expect(told(withAll(now, now, all(12)))).toEqual([`${A} all`, `${B} all`]);
  });

  it('do not bring back one that is no more', () => {
    const without = withSome(known, [B], { data: [], revision: 12 });
    expect(told(withAll(without, known, all(11)))).toEqual([`${A} all`]);
  });

  it('that were asked for afterwards are believed, whatever number they bear: the group may be another', () => {
    const before = some(known, A, 'new', 900);
    expect(told(withAll(before, before, all(3)))).toEqual([`${A} all`, `${B} all`]);
  });
});
