import { describe, expect, it } from 'vitest';
import { aHost } from '../../../testing/samples';
import { choicesOf, inOrder, nowhere } from './choices';

const eligible = [
  { id: 1, host: 'bi1', eligible: false, because: 'The Web Portal does not run there.' },
  { id: 2, host: 'km5', eligible: true, because: null },
  { id: 3, host: 'km4', eligible: true, because: null },
];

// row 11
describe('where a Manager may come', () => {
  it('is told of every host, the possible ones first, the others with their reason', () => {
    expect(inOrder(choicesOf('manager', eligible, []))).toEqual([
      { host: 'km4', whyNot: undefined },
      { host: 'km5', whyNot: undefined },
      { host: 'bi1', whyNot: 'The Web Portal does not run there.' },
    ]);
  });

  it('is anywhere without a Manager when it is a witness', () => {
    const hosts = [aHost({ name: 'bi1', roles: ['bi_server'] }), aHost({ name: 'km1', manager: 1 })];
    expect(choicesOf('witness', [], hosts).map(({ whyNot }) => whyNot === undefined)).toEqual([true, false]);
  });

  it('may be nowhere, which has its reason too', () => {
    expect(nowhere(choicesOf('manager', eligible, []))).toBeUndefined();
    expect(nowhere([])).toMatch(/^No node is registered/);
    expect(nowhere([{ host: 'bi1', whyNot: 'No.' }])).toBe('No.');
  });
});
