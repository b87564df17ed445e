import { describe, expect, it } from 'vitest';
import { aCluster } from '../testing/samples';
import { isRestarting } from './connection';
import { restartsThisOne } from './Live';
import type { ChangeEvent } from './types';

const begun = (kind: string, subject: string): ChangeEvent => ({
  revision: 9,
  at: '',
  by: 'admin',
  room: 'operations',
  kind: 'begun',
  subject,
  data: { kind },
});

describe('the page expects silence', () => {
  it.each([
    ['RESTART_ACTIVE_KM', 'km1.example', true],
    ['RESTART_PASSIVES', 'km2.example, km1.example', true],
    ['RESTART_MANAGER', 'km2.example', false],
    ['SWITCH_HA', 'km1.example', true],
    ['MAKE_ACTIVE', 'km1.example', false],
  ])('after %s of %s: %s', (kind, subject, expected) => {
    expect(restartsThisOne(begun(kind, subject), aCluster())).toBe(expected);
  });

  it('for a while only', () => {
    const connection = { state: 'lost', heardAt: 0, trials: [], restartBegunAt: 0 } as const;
    expect(isRestarting({ ...connection, trials: [], lostAt: 5_000 })).toBe(true);
    expect(isRestarting({ ...connection, trials: [], lostAt: 500_000 })).toBe(false);
    expect(isRestarting({ ...connection, trials: [], lostAt: undefined })).toBe(false);
  });
});
