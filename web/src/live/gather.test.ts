import type { QueryKey } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { covering, gatherer } from './gather';

const services = ['services'];
const standings = ['services', 'standings'];
const audit = ['audit'];

describe('what changes made old', () => {
  it('is named once, and not beside what holds it', () => {
    expect(covering([services, audit, services])).toEqual([services, audit]);
    expect(covering([standings, services])).toEqual([services]);
    expect(covering([services, standings])).toEqual([services]);
    expect(covering([standings, audit])).toEqual([standings, audit]);
    expect(covering([audit, [], services])).toEqual([[]]);
    expect(
      covering([
        ['services', 1],
        ['services', '1'],
      ]),
    ).toEqual([
      ['services', 1],
      ['services', '1'],
    ]);
  });

  it('is the list when too much of it is named', () => {
    const rows = (many: number) => Array.from({ length: many }, (_, at) => ['services', 'list', `s${at}`]);
    expect(covering(rows(40))).toHaveLength(40);
    expect(covering([...rows(40), ...rows(40)])).toHaveLength(40);
    expect(covering([audit, ...rows(41)])).toEqual([audit, ['services', 'list']]);
    expect(covering([...rows(40), services])).toEqual([services]);
    // Rooms are no rows.
    const rooms = Array.from({ length: 50 }, (_, at) => [`room${at}`]);
    expect(covering(rooms)).toEqual(rooms);
  });
});

describe('a burst of changes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Who reads what was handed on for that long. */
  const listening = (readingMs: number) => {
    const handedOn = vi.fn((_: QueryKey[]) => new Promise((read) => setTimeout(read, readingMs)));
    return { ...gatherer(handedOn), handedOn };
  };

  it('has the first handed on at once, and the others together after a rest', async () => {
    const { add, handedOn } = listening(10);
    add([services]);
    expect(handedOn.mock.calls).toEqual([[[services]]]);
    add([audit]);
    add([standings, audit]);
    await vi.advanceTimersByTimeAsync(59);
    expect(handedOn).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1);
    expect(handedOn).toHaveBeenLastCalledWith([audit, standings]);
  });

  it.each([
    [10, 167],
    [100, 51],
    [400, 13],
    // What nobody answers is asked again every other second.
    [60_000, 6],
  ])(
    'of 500 a second that take %i ms to read leaves half of the time to others',
    async (readingMs, times) => {
      const { add, handedOn } = listening(readingMs);
      for (let n = 0; n < 5000; n++) {
        add([services, audit]);
        await vi.advanceTimersByTimeAsync(2);
      }
      expect(handedOn).toHaveBeenCalledTimes(times);
      const last = ['alerts'];
      add([last]);
      await vi.advanceTimersByTimeAsync(2000);
      expect(handedOn.mock.calls.flat(2)).toContainEqual(last);
    },
  );

  it('that is over leaves the next change as quick as the first', async () => {
    const { add, handedOn } = listening(400);
    for (let n = 0; n < 1000; n++) {
      add([services]);
      await vi.advanceTimersByTimeAsync(2);
    }
    await vi.advanceTimersByTimeAsync(2000);
    handedOn.mockClear();
    add([audit]);
    expect(handedOn).toHaveBeenCalledOnce();
  });

  it('that nobody listens to any more is forgotten', async () => {
    const { add, end, handedOn } = listening(10);
    add([services]);
    add([audit]);
    end();
    await vi.advanceTimersByTimeAsync(5000);
    expect(handedOn).toHaveBeenCalledOnce();
  });
});
