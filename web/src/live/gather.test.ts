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

  const listening = () => {
    const handedOn = vi.fn();
    return { ...gatherer(handedOn), handedOn };
  };

  it('has the first handed on at once, and the others together after a rest', () => {
    const { add, handedOn } = listening();
    add([services]);
    expect(handedOn.mock.calls).toEqual([[[services]]]);
    add([audit]);
    add([standings, audit]);
    vi.advanceTimersByTime(49);
    expect(handedOn).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1);
    expect(handedOn).toHaveBeenLastCalledWith([audit, standings]);
  });

  it('of 500 a second is handed on a few times, the last of them too', () => {
    const { add, handedOn } = listening();
    for (let n = 0; n < 5000; n++) {
      add([services, audit]);
      vi.advanceTimersByTime(2);
    }
    // 0, 50, 150, 350, 750, 1,550 ms, then once a second.
    expect(handedOn.mock.calls.length).toBeLessThanOrEqual(15);
    add([standings]);
    vi.advanceTimersByTime(1000);
    expect(handedOn.mock.lastCall?.[0]).toContainEqual(services);
  });

  it('that is over leaves the next change as quick as the first', () => {
    const { add, handedOn } = listening();
    for (let n = 0; n < 1000; n++) {
      add([services]);
      vi.advanceTimersByTime(2);
    }
    vi.advanceTimersByTime(2000);
    handedOn.mockClear();
    add([audit]);
    expect(handedOn).toHaveBeenCalledOnce();
    add([services]);
    vi.advanceTimersByTime(50);
    expect(handedOn).toHaveBeenCalledTimes(2);
  });

  it('that nobody listens to any more is forgotten', () => {
    const { add, end, handedOn } = listening();
    add([services]);
    add([audit]);
    end();
    vi.advanceTimersByTime(5000);
    expect(handedOn).toHaveBeenCalledOnce();
  });
});
