import { describe, expect, it, vi } from 'vitest';
import { aCluster } from '../testing/samples';
import { failoverTargets, firstToAnswer, sameThere, takeSwitchedMark } from './failover';

const OWN = 'https://km1.example:8443';

describe('failover targets', () => {
  it('are the others, never the one that is silent', () => {
    expect(failoverTargets(aCluster(), OWN)).toEqual([
      'https://km2.example:8443',
      'https://km3.example:8443',
    ]);
  });

  it('put the reachable first, and voters before learners', () => {
    const cluster = aCluster();
    const [, second, third] = cluster.members;
    Object.assign(second ?? {}, { reachable: false });
    Object.assign(third ?? {}, { role: 'learner' });
    expect(failoverTargets(cluster, OWN)).toEqual(['https://km3.example:8443', 'https://km2.example:8443']);
  });

  it('leave out a witness, which serves no pages', () => {
    const cluster = aCluster();
    Object.assign(cluster.members[1] ?? {}, { role: 'witness' });
    expect(failoverTargets(cluster, OWN)).toEqual(['https://km3.example:8443']);
  });

  it('are none while no group was ever seen', () => {
    expect(failoverTargets(undefined, OWN)).toEqual([]);
  });
});

describe('going to another Manager', () => {
  it('keeps the page and its choices, and asks not to be sent elsewhere', () => {
    const url = sameThere('https://km2.example:8443', {
      pathname: '/settings/properties',
      search: '?file=custom',
    });
    expect(url).toBe('https://km2.example:8443/settings/properties?file=custom&km_r=1&switched=silent');
  });

  it('goes to the first that answers, not to the first that was asked', async () => {
    const waits: Record<string, number> = { slow: 30, fast: 1 };
    const ask = (origin: string) =>
      new Promise<boolean>((done) => setTimeout(() => done(true), waits[origin]));
    expect(await firstToAnswer(['slow', 'fast'], ask, () => undefined)).toBe('fast');
  });

  it('goes nowhere when nobody answers, and says of each that it was silent', async () => {
    const told = vi.fn();
    expect(await firstToAnswer(['a', 'b'], () => Promise.resolve(false), told)).toBeUndefined();
    expect(told.mock.calls).toEqual([
      ['a', false],
      ['b', false],
    ]);
  });

  it('takes its mark out of the address, so that a reload does not claim a second switch', () => {
    for (const why of ['silent', 'removed']) {
      history.replaceState(null, '', `/audit?km_r=1&switched=${why}`);
      expect(takeSwitchedMark(location, history)).toBe(why);
      expect(location.search).toBe('?km_r=1');
      expect(takeSwitchedMark(location, history)).toBeUndefined();
    }
  });
});
