import { describe, expect, it } from 'vitest';
import { aCluster, aManager } from '../../testing/samples';
import { concernedBy, hindranceOf, successorOf, verbsOf } from './acts';
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
    expect(verbsOf(near)).toEqual(['start', 'restart', 'stop', 'make-active', 'remove']);
    expect(verbsOf(aManager({ role: 'witness' }))).toEqual(['start', 'restart', 'stop', 'remove']);
  });

  it('takes the reasons from the group', () => {
    expect(hindranceOf({ verb: 'restart', manager: 1 }, group)).toBe('It is Active.');
    expect(hindranceOf({ verb: 'make-active', manager: 2 }, group)).toBeUndefined();
    expect(hindranceOf({ verb: 'restart-active' }, group)).toBeUndefined();
  });

  it('needs somebody to act with', () => {
    expect(hindranceOf({ verb: 'restart-active' }, [near])).toBe('There is no active Kyvos Manager.');
    expect(hindranceOf({ verb: 'restart-passives' }, [active, down])).toBe('No Passive runs.');
    expect(hindranceOf({ verb: 'stop-passives' }, [active, down])).toBe('No Passive runs.');
    expect(hindranceOf({ verb: 'start-passives' }, group)).toBe('Every Passive runs.');
    expect(hindranceOf({ verb: 'step-aside' }, [active, down])).toBe('No Passive can take over now.');
  });

  // rows 61, 62
  it('is about Passives that run, or for Start about those that do not; never about the Active', () => {
    expect(concernedBy('stop-passives', [active, near, down])).toEqual([near]);
    expect(concernedBy('start-passives', [active, near, down])).toEqual([down]);
  });

  it('starts those it can, whatever holds back the others', () => {
    const stuck = aManager({ ...down, id: 4, blocked: { start: 'There is no way to its host.' } });
    expect(hindranceOf({ verb: 'start-passives' }, [active, stuck])).toBe('There is no way to its host.');
    expect(hindranceOf({ verb: 'start-passives' }, [active, stuck, down])).toBeUndefined();
  });

  // row 73: while HA is off they stand there as ever; the one that serves the page cannot be started or stopped by it
  it('keeps Start and Stop of the only server where they were, with the reason', () => {
    expect(hindranceOf({ verb: 'start-server' }, [active])).toMatch(/^It runs/);
    expect(hindranceOf({ verb: 'stop-server' }, [active])).toMatch(/systemctl stop/);
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
    expect(consequencesOf({ verb: 'stop', manager: 2 }, [active, needed], aCluster()).risk).toMatch(
      /delete it instead/,
    );
    expect(consequencesOf({ verb: 'stop', manager: 2 }, group, aCluster()).risk).toBeUndefined();
  });

  // rows 61, 63: stopping all is allowed, after agreeing to what it means
  it('of stopping all Passives is a risk when the rest is no majority', () => {
    const { risk } = consequencesOf({ verb: 'stop-passives' }, group, aCluster());
    expect(risk).toMatch(/^Of 3 voters, 1 would be left and 2 are needed: the quorum is lost\./);
    const five = aCluster({ voters: [1, 2, 3, 4, 5], quorum: 3 });
    const members = [...five.members, ...five.members.map((one) => ({ ...one, id: one.id + 3 }))].slice(0, 5);
    const oneStopped = consequencesOf({ verb: 'stop-passives' }, [active, near, down], { ...five, members });
    expect(oneStopped.risk).toBeUndefined();
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
