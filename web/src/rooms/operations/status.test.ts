import { describe, expect, it } from 'vitest';
import { elapsedMs, mayCancel, mayRetry, operationReading } from './status';

describe('an operation', () => {
  // row 88, section 5.7
  it('says that it survived a failover while it runs', () => {
    expect(operationReading({ status: 'running', resumed: 1 }).word).toBe('Resumed after failover');
    expect(operationReading({ status: 'succeeded', resumed: 1 }).word).toBe('Succeeded');
  });
  it('can be cancelled until it ends, retried when it failed or waits for a decision', () => {
    expect(
      ['queued', 'running', 'succeeded', 'failed', 'needs_decision', 'cancelled'].map((status) => [
        mayCancel({ status } as never),
        mayRetry({ status } as never),
      ]),
    ).toEqual([
      [true, false],
      [true, false],
      [false, false],
      [false, true],
      [true, true],
      [false, false],
    ]);
  });
  it('takes no time before it starts, and no more after it ended', () => {
    const at = (seconds: number) => new Date(seconds * 1000).toISOString();
    expect(elapsedMs({ started_at: null, finished_at: null }, 9000)).toBeUndefined();
    expect(elapsedMs({ started_at: at(1), finished_at: null }, 9000)).toBe(8000);
    expect(elapsedMs({ started_at: at(1), finished_at: at(3) }, 9000)).toBe(2000);
  });
});
