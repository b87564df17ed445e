import { describe, expect, it } from 'vitest';
import { aServiceCount } from '../../testing/samples';
import { downMark, hostOf, marksOf, moreMissing, sectionsOf, sharesOf } from './sections';

const words = (...given: Parameters<typeof aServiceCount>) =>
  marksOf(aServiceCount(...given)).map(({ words, tone }) => `${words} (${tone})`);

describe('the sections of the Dashboard', () => {
  const types = (['zookeeper', 'postgres', 'bi_server', 'query_engine', 'kyvos_manager'] as const).map(
    (type) => aServiceCount({ type, expected: type === 'postgres' ? 0 : 2 }),
  );
  const shown = (ha: boolean) => sectionsOf(types, ha).map(({ type }) => type);

  it('begin with what a cluster is there for, and leave out what there is none of', () => {
    expect(shown(true)).toEqual(['bi_server', 'query_engine', 'zookeeper', 'kyvos_manager']);
  });

  it('do not tell where Kyvos Manager runs while it works alone', () => {
    expect(shown(false)).toEqual(['bi_server', 'query_engine', 'zookeeper']);
  });
});

describe('what is marked in a section', () => {
  it('is nothing when all are as they are wanted', () => {
    expect(words({ expected: 2, wanted_running: 2, up: 2 })).toEqual([]);
  });

  it('is how many are not, the gravest first, beside those that rest as planned', () => {
    const some = { expected: 9, wanted_running: 7, up: 4, still_up: 1, missing: 2, degraded: 1, unknown: 1 };
    expect(words({ ...some, with_stale_properties: 1200 })).toEqual([
      '1 degraded (warn)',
      '1 still up (warn)',
      '1 unknown (idle)',
      '2 wanted stopped (idle)',
      '1,200 with an older configuration (warn)',
    ]);
  });

  it('accuses nobody when nobody has looked since', () => {
    const old = { expected: 3, wanted_running: 3, missing: 2, degraded: 1, stale: true };
    expect(words(old)).toEqual(['Stale (idle)', '1 degraded (idle)']);
    expect(downMark(aServiceCount(old))).toEqual({ words: '2 down', tone: 'idle' });
  });

  it('is, of Kyvos Managers, which are not seen', () => {
    const some = { type: 'kyvos_manager', expected: 3, wanted_running: 3, present: 2, absent: 1 } as const;
    expect(words(some)).toEqual(['1 not seen (bad)']);
    expect(sharesOf(aServiceCount(some))).toEqual([
      { tone: 'ok', many: 2 },
      { tone: 'bad', many: 1 },
    ]);
  });
});

describe('the shares of those that are to run', () => {
  const shares = (...given: Parameters<typeof aServiceCount>) =>
    sharesOf(aServiceCount(...given)).map(({ tone, many }) => `${many} ${tone}`);

  it('add up to all of them', () => {
    const some = { expected: 10, wanted_running: 8, up: 5, still_up: 1, missing: 1, degraded: 1, unknown: 3 };
    expect(shares(some)).toEqual(['4 ok', '1 warn', '2 idle', '1 bad']);
    // Those of which the observers disagree may be among those that are to rest.
    expect(shares({ expected: 4, wanted_running: 2, up: 1, missing: 1, degraded: 2 })).toEqual([
      '1 ok',
      '1 bad',
    ]);
  });

  it('are grey while nobody has looked since, and none when none is to run', () => {
    expect(shares({ expected: 2, wanted_running: 2, missing: 2, stale: true })).toEqual(['2 idle']);
    expect(shares({ expected: 2 })).toEqual([]);
  });
});

describe('those that are missing', () => {
  it('are named by their hosts, the rest counted', () => {
    const many = aServiceCount({ missing: 14, missing_first: ['query_engine.q1.site', 'query_engine.q2'] });
    expect(many.missing_first.map(hostOf)).toEqual(['q1.site', 'q2']);
    expect(downMark(many)).toEqual({ words: '14 down', tone: 'bad' });
    expect(moreMissing(many)).toBe(12);
  });
});
