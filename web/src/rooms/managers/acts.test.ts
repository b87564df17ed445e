import { describe, expect, it } from 'vitest';
import { aCluster, aManager } from '../../testing/samples';
import { hindranceOf, successorOf, verbsOf } from './acts';
import { consequencesOf, quorumOf } from './consequences';

const active = aManager({
  id: 1,
  alias: 'Blue',
  mode: 'active',
  lag: 0,
  blocked: { make_active: 'Not now: it is Active already.', restart: 'It is Active.' },
});
const near = aManager({ id: 2, alias: 'Green', lag: 0, blocked: { restart_active: 'It is not Active.' } });
const far = aManager({ id: 3, alias: 'Red', lag: 9, blocked: { restart_active: 'It is not Active.' } });
const down = aManager({
  ...far,
  state: 'down',
  blocked: { make_active: 'Not now: it does not answer.', restart: 'It does not answer.' },
});
const group = [active, near, far];

describe('the menu of an instance', () => {
  // section 5.5: what is not possible stands there with its reason; Restart Active is only of the Active
  it('offers what its mode allows to think of', () => {
    expect(verbsOf(active)).toContain('restart-active');
    expect(verbsOf(near)).toEqual(['restart', 'make-active', 'remove']);
    expect(verbsOf(aManager({ role: 'witness' }))).toEqual(['restart', 'remove']);
  });

  it('takes the reasons from the group', () => {
    expect(hindranceOf({ verb: 'restart', manager: 1 }, group)).toBe('It is Active.');
    expect(hindranceOf({ verb: 'make-active', manager: 2 }, group)).toBeUndefined();
    expect(hindranceOf({ verb: 'restart-active' }, group)).toBeUndefined();
  });

  it('needs somebody to act with', () => {
    expect(hindranceOf({ verb: 'restart-active' }, [near])).toBe('There is no active Kyvos Manager.');
    expect(hindranceOf({ verb: 'restart-passives' }, [active, down])).toBe('No Passive runs.');
    expect(hindranceOf({ verb: 'step-aside' }, [active, down])).toBe('No Passive can take over now.');
  });
});

describe('what follows', () => {
  const sentences = (...args: Parameters<typeof consequencesOf>) =>
    consequencesOf(...args).sentences.join(' ');

  // section 5.4
  it('of restarting the Active names who takes over, or says that nobody does', () => {
    expect(successorOf(group)).toBe(near);
    expect(sentences({ verb: 'restart-active' }, group, aCluster())).toMatch(/^Green takes over first\./);
    expect(sentences({ verb: 'restart-active' }, [active, down], aCluster())).toBe(
      'No healthy passive: Kyvos Manager will be unavailable during restart',
    );
  });

  it('of Make Active is that the current Active becomes Passive', () => {
    const text = sentences({ verb: 'make-active', manager: 3 }, group, aCluster());
    expect(text).toBe('Red becomes Active. It is 9 entries behind. Current active becomes Passive.');
  });

  // row 63
  it('of taking one down without which there is no quorum is a risk of its own', () => {
    const needed = { ...near, quorum_without: false };
    expect(consequencesOf({ verb: 'restart', manager: 2 }, [active, needed], aCluster()).risk).toBeDefined();
    expect(consequencesOf({ verb: 'restart', manager: 2 }, group, aCluster()).risk).toBeUndefined();
  });

  // row 87
  it('of deleting one is the new quorum, and a silent one has to be given up', () => {
    const plan = consequencesOf({ verb: 'remove', manager: 3 }, [active, near, down], aCluster());
    expect(plan.sentences.join(' ')).toMatch(/Quorum 2 of 2 · tolerates 0 failures/);
    expect([plan.lost, plan.risk]).toEqual([true, undefined]);
    expect(quorumOf(3)).toBe('Quorum 2 of 3 · tolerates 1 failure');
  });

  it('of deleting one is nothing to agree on when too few of the rest answer', () => {
    const cluster = aCluster();
    for (const member of cluster.members) member.reachable = member.id === 1;
    const { risk } = consequencesOf({ verb: 'remove', manager: 3 }, [active, near, down], cluster);
    expect(risk).toMatch(/^Of the 2 voters that would be left, 1 answer/);
  });
});
