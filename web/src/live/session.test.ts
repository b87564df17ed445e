import { describe, expect, it } from 'vitest';
import { aCluster } from '../testing/samples';
import { NO_ACTIVE_REASON, whyNot } from './session';
import type { Me } from './types';

const me = (privileges: Me['privileges']): Me => ({
  username: 'mira',
  role: 'maintainer',
  privileges,
  kind: 'session',
  expires_at: null,
});

describe('why a change cannot be made', () => {
  it('there is no reason when all is well', () => {
    expect(whyNot('properties.change', me(['properties.change']), aCluster(), false)).toBeUndefined();
  });

  it('the role does not allow it', () => {
    expect(whyNot('users.manage', me(['view']), aCluster(), false)).toBe(
      'Your role (maintainer) may not do this.',
    );
  });

  it('nobody is Active', () => {
    expect(whyNot('view', me(['view']), aCluster({ active: null }), false)).toBe(NO_ACTIVE_REASON);
  });

  it('the connection is lost', () => {
    expect(whyNot('view', me(['view']), aCluster(), true)).toBe('The connection to this Manager is lost.');
  });
});
