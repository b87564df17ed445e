import { describe, expect, it } from 'vitest';
import { aProperty } from '../../testing/samples';
import { conflictOf, type Drafts, edited, keyOf, rebased, shownValue, unsaveable } from './drafts';
import { matching } from './search';

const NONE: Drafts = new Map();
const greeting = aProperty({
  file: 'custom',
  name: 'greeting',
  value: 'hello',
  default: null,
  kind: { type: 'text', max_bytes: 4096 },
  revision: 41,
});
const changedByMira = {
  ...greeting,
  value: 'hi',
  revision: 57,
  modified: { by: 'mira', at: '2026-11-22T21:00:00Z', revision: 57, reason: null },
};
const draftOf = (drafts: Drafts) => drafts.get(keyOf(greeting));

describe('drafts', () => {
  it('typing the saved value again is no change', () => {
    const drafts = edited(edited(NONE, greeting, 'hey'), greeting, 'hello');
    expect(drafts.size).toBe(0);
  });

  it('going back to the default is a change only when it is not the default', () => {
    expect(edited(NONE, aProperty(), undefined).size).toBe(0);
    const set = aProperty({ value: 'yes', is_default: false, revision: 3 });
    const drafts = edited(NONE, set, undefined);
    expect(shownValue(drafts.get(keyOf(set)), set)).toBe('no');
  });

  it('a property changed by another after my edit began is a conflict with their value', () => {
    const drafts = edited(NONE, greeting, 'hey');
    expect(conflictOf(draftOf(drafts), greeting)).toBeUndefined();
    expect(conflictOf(draftOf(drafts), changedByMira)).toEqual({
      by: 'mira',
      revision: 57,
      before: 'hello',
      theirs: 'hi',
    });
  });

  it('a conflict must be decided before saving', () => {
    const drafts = edited(NONE, greeting, 'hey');
    expect(unsaveable(drafts, [greeting])).toBeUndefined();
    expect(unsaveable(drafts, [changedByMira])).toBe('Decide about the values that were changed meanwhile.');
  });

  it('keeping mine is then decided on their revision', () => {
    const drafts = rebased(edited(NONE, greeting, 'hey'), changedByMira);
    expect(draftOf(drafts)?.base.revision).toBe(57);
    expect(conflictOf(draftOf(drafts), changedByMira)).toBeUndefined();
  });

  it('typing on during a conflict does not decide it', () => {
    const drafts = edited(edited(NONE, greeting, 'hey'), changedByMira, 'hello');
    expect(conflictOf(draftOf(drafts), changedByMira)).toBeDefined();
  });

  it('a value that does not fit cannot be saved', () => {
    const drafts = edited(NONE, aProperty(), 'true');
    expect(unsaveable(drafts, [aProperty()])).toBe('A value does not fit yet.');
  });

  it('no change cannot be saved', () => {
    expect(unsaveable(NONE, [greeting])).toBe('Nothing is changed.');
  });
});

describe('search', () => {
  const all = [
    aProperty(),
    aProperty({ name: 'ZK_SERVICE_WATCH', description: 'auto follows ENABLE_KM_HA' }),
    greeting,
  ];
  const names = (search: string) => matching(all, search).map(({ name }) => name);

  // row 23
  it('typing ENABLE_KM_HA leaves one row, also where others mention it', () => {
    expect(names('ENABLE_KM_HA')).toEqual(['ENABLE_KM_HA']);
  });
  it('finds by a part of the name, the value or the description', () => {
    expect(names('zk_')).toEqual(['ZK_SERVICE_WATCH']);
    expect(names('hell')).toEqual(['greeting']);
    expect(names('follows')).toEqual(['ZK_SERVICE_WATCH']);
    expect(names(' ')).toHaveLength(3);
  });
});
