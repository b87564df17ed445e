import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useReadAtLeisure } from './leisure';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

describe('a file that is read at leisure', () => {
  // row 49: the Manager of a page may die before all of the page was read
  it('is asked for again while its Manager does not answer, and the page stays as it is', async () => {
    const read = vi.fn(() => Promise.resolve());
    read.mockRejectedValueOnce(new TypeError('no answer'));
    const { result } = renderHook(() => useReadAtLeisure(read));
    await passes(0);
    expect([read.mock.calls.length, result.current]).toEqual([1, false]);
    await passes(2000);
    expect([read.mock.calls.length, result.current]).toEqual([2, true]);
  });

  it('is not asked for any more once nobody shows it', async () => {
    const read = vi.fn(() => Promise.reject(new TypeError('no answer')));
    const { unmount } = renderHook(() => useReadAtLeisure(read));
    await passes(0);
    unmount();
    await passes(10_000);
    expect(read).toHaveBeenCalledOnce();
  });
});
