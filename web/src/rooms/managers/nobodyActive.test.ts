import { describe, expect, it } from 'vitest';
import { aCluster } from '../../testing/samples';
import { nobodyActive } from './nobodyActive';

const alone = (reachable: boolean) => {
  const cluster = aCluster({ active: null, mode_here: 'no_quorum' });
  for (const member of cluster.members.slice(1)) member.reachable = reachable;
  return cluster;
};

describe('that nobody is Active', () => {
  it('is not said while somebody is, or while one follows a leader that takes office', () => {
    expect(nobodyActive(undefined)).toBeUndefined();
    expect(nobodyActive(aCluster())).toBeUndefined();
    expect(nobodyActive(aCluster({ active: null, mode_here: 'passive' }))).toBeUndefined();
  });

  it('tells how many voters are missing', () => {
    expect(nobodyActive(alone(false))).toEqual({ answering: 1, missing: 1, removed: false });
  });

  it('asks nobody to start what runs: enough answer, and only no Active was elected', () => {
    expect(nobodyActive(alone(true))).toEqual({ answering: 3, missing: 0, removed: false });
  });

  it('asks nobody to start others for one that was removed', () => {
    const notices = [{ code: 'MANAGER_REMOVED', severity: 'error', text: 'It was deleted.' } as const];
    expect(nobodyActive({ ...alone(false), notices })).toMatchObject({ missing: 0, removed: true });
  });
});
