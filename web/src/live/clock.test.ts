import { renderHook } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { correctClock, serverNow, useNow } from './clock';

describe("the server's clock", () => {
  afterEach(() => correctClock(new Date().toUTCString()));
  const headerAt = (offsetMs: number) => new Date(Date.now() + offsetMs).toUTCString();
  const offset = () => serverNow() - Date.now();

  it("replaces a laptop's that is minutes off", () => {
    correctClock(headerAt(-300_000));
    expect(offset()).toBeGreaterThan(-302_000);
    expect(offset()).toBeLessThan(-298_000);
  });

  it('is not corrected by the coarseness of a header, nor by a header that is none', () => {
    correctClock(headerAt(900));
    expect(offset()).toBe(0);
    correctClock(null);
    correctClock('yesterday');
    expect(offset()).toBe(0);
  });

  it('is not what it was when somebody last looked', () => {
    vi.useFakeTimers();
    try {
      vi.setSystemTime(Date.now() + 60_000);
      const { result, unmount } = renderHook(useNow);
      expect(result.current).toBe(serverNow());
      unmount();
    } finally {
      vi.useRealTimers();
    }
  });
});
