import { describe, expect, it } from 'vitest';
import { aCluster, aManager } from '../../testing/samples';
import { placesOf, TOP } from './layout';
import { addressOf, aliasProblem, condition, quorumLine } from './status';

describe('the condition of a Manager', () => {
  // row 52, A17
  it.each([
    ['running', 'Running', 'ok'],
    ['stopped', 'Stopped', 'bad'],
    ['down', 'Down', 'bad'],
    ['starting', 'Starting', 'warn'],
    ['stopping', 'Stopping', 'warn'],
  ] as const)('%s reads %s and is %s', (state, word, tone) => {
    expect(condition(aManager({ state }))).toMatchObject({ word, tone });
  });

  it('far behind is amber, not red', () => {
    expect(condition(aManager({ lag: 5000 })).tone).toBe('warn');
  });

  it('running but long unheard of is not known to run', () => {
    expect(condition(aManager({ last_contact_ms: 60_000 })).word).toBe('Unknown');
    expect(condition(aManager({ last_contact_ms: 60_000, here: true })).word).toBe('Running');
  });
});

describe('words', () => {
  // section 5.2
  it('the footer says quorum, term and tolerance', () => {
    expect(quorumLine(aCluster())).toBe('Quorum 2 of 3 · term 14 · tolerates 1 failure');
    expect(quorumLine(aCluster({ voters: [1, 2], failure_tolerance: 0 }))).toBe(
      'Quorum 2 of 2 · term 14 · tolerates 0 failures',
    );
  });

  it('an address is read out of host and port', () => {
    expect(addressOf('10.0.0.2:7443')).toBe('10.0.0.2');
    expect(addressOf('[fe80::1]:7443')).toBe('fe80::1');
  });

  // A16
  it('an alias has letters of any script, digits, spaces and -_.', () => {
    for (const alias of ['', 'Blue', 'Münster 2', 'site_b-1.x', '東京', 'x'.repeat(64)])
      expect(aliasProblem(alias)).toBeUndefined();
    for (const alias of ['<b>', 'a/b', 'tab\there', 'x'.repeat(65)])
      expect(aliasProblem(alias)).toBeDefined();
  });
});

describe('the picture', () => {
  it('puts the Active on top and everyone else in a place of their own', () => {
    const places = placesOf([1, 2, 3, 4, 5], 3);
    expect(places.get(3)).toEqual(TOP);
    expect(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(5);
  });
  it('leaves the top empty while nobody is Active', () => {
    expect([...placesOf([1, 2, 3], undefined).values()]).not.toContainEqual(TOP);
  });
});
