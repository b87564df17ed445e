import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openStream, reopenAfterMs, type StreamListener } from './stream';

class FakeSource extends EventTarget {
  static opened: FakeSource[] = [];
  onopen: (() => void) | undefined;
  onerror: (() => void) | undefined;
  closed = false;
  constructor(readonly url: string) {
    super();
    FakeSource.opened.push(this);
  }
  close() {
    this.closed = true;
  }
  say(name: string, data: unknown, lastEventId = '') {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId }));
  }
}

const listener = () =>
  ({
    onOpen: vi.fn(),
    onBroken: vi.fn(),
    onHeard: vi.fn(),
    onChange: vi.fn(),
    onStatus: vi.fn(),
    onResync: vi.fn(),
  }) satisfies StreamListener;

const last = () => FakeSource.opened.at(-1) as FakeSource;

describe('the event stream', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSource.opened = [];
    vi.stubGlobal('EventSource', FakeSource);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('goes on from the last revision it saw', () => {
    const close = openStream(listener());
    last().say('change', { revision: 120 }, '120');
    last().onerror?.();
    vi.advanceTimersByTime(reopenAfterMs(0));
    expect(last().url).toBe('/api/v1/events?after=120');
    close();
  });

  it('goes on from the last bookmark, when nothing that it may see came after it', () => {
    const close = openStream(listener());
    last().say('change', { revision: 120 }, '120');
    last().say('bookmark', { revision: 131 }, '131');
    last().onerror?.();
    vi.advanceTimersByTime(reopenAfterMs(0));
    expect(last().url).toBe('/api/v1/events?after=131');
    close();
  });

  it('begins with what came after what was read first', () => {
    const close = openStream(listener(), 117);
    expect(last().url).toBe('/api/v1/events?after=117');
    last().say('change', { revision: 120 }, '120');
    last().onerror?.();
    vi.advanceTimersByTime(reopenAfterMs(0));
    expect(last().url).toBe('/api/v1/events?after=120');
    close();
  });

  it('is broken when it is silent for longer than the server ever is', () => {
    const heard = listener();
    const close = openStream(heard);
    last().onopen?.();
    last().say('status', {});
    vi.advanceTimersByTime(11_000);
    expect(heard.onBroken).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2000);
    expect(heard.onBroken).toHaveBeenCalledOnce();
    close();
  });

  it('is reopened with growing pauses, and at once eager again after a success', () => {
    expect([0, 1, 2, 3, 4, 9].map(reopenAfterMs)).toEqual([250, 500, 1000, 2000, 4000, 4000]);
    const close = openStream(listener());
    last().onerror?.();
    vi.advanceTimersByTime(250);
    last().onopen?.();
    last().onerror?.();
    vi.advanceTimersByTime(250);
    expect(FakeSource.opened).toHaveLength(3);
    close();
  });

  it('ends for good when told so', () => {
    const close = openStream(listener());
    close();
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.opened).toHaveLength(1);
    expect(last().closed).toBe(true);
  });
});
