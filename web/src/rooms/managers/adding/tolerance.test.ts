import { describe, expect, it } from 'vitest';
import { outlookOf } from './tolerance';

// section 3.3: before anybody agrees to it
describe('what one more voter changes', () => {
  it('from one to two is nothing gained, and said to be a risk', () => {
    const { now, afterwards, remark } = outlookOf(1, 1);
    expect([now, afterwards]).toEqual([
      'Quorum 1 of 1 · tolerates 0 failures',
      'Quorum 2 of 2 · tolerates 0 failures',
    ]);
    expect(remark).toMatch(/^Two voters tolerate no failure/);
  });

  it('from two to three is a failure that is tolerated', () => {
    expect(outlookOf(2, 1)).toEqual({
      now: 'Quorum 2 of 2 · tolerates 0 failures',
      afterwards: 'Quorum 2 of 3 · tolerates 1 failure',
      remark: undefined,
    });
  });

  it('from three to four is none more', () => {
    expect(outlookOf(3, 1).remark).toBe('4 voters tolerate no more failures than 3; one more would.');
  });

  it('of a move is the same number', () => {
    const { now, afterwards } = outlookOf(3, 0);
    expect(now).toBe(afterwards);
  });
});
