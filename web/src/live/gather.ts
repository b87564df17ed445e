// What was made old by many changes within a moment is read again together: the first change at once, so that one alone is on
// screen at once; those that follow in its wake at the end of a rest, which grows while they keep coming.
import type { QueryKey } from '@tanstack/react-query';

const REST_FIRST_MS = 250;
const REST_MAX_MS = 1000;

const isUnder = (key: QueryKey, above: QueryKey) =>
  above.length <= key.length && above.every((part, at) => JSON.stringify(part) === JSON.stringify(key[at]));

/** Each once, without those that stand under another of them: that one has them read again too. */
export function covering(keys: QueryKey[]): QueryKey[] {
  return keys.filter(
    (key, at) =>
      !keys.some((other, n) => n !== at && isUnder(key, other) && (n < at || !isUnder(other, key))),
  );
}

export interface Gatherer {
  add(keys: QueryKey[]): void;
  /** Forgets what waits. */
  end(): void;
}

/** Hands on what was added. Between two times it rests. */
export function gatherer(handOn: (keys: QueryKey[]) => void): Gatherer {
  let waiting: QueryKey[] = [];
  let restMs = REST_FIRST_MS;
  let resting: ReturnType<typeof setTimeout> | undefined;
  const send = () => {
    const keys = waiting;
    waiting = [];
    resting = setTimeout(wake, restMs);
    handOn(keys);
  };
  const wake = () => {
    resting = undefined;
    if (waiting.length === 0) {
      restMs = REST_FIRST_MS;
      return;
    }
    restMs = Math.min(2 * restMs, REST_MAX_MS);
    send();
  };
  return {
    add(keys) {
      waiting = covering([...waiting, ...keys]);
      if (resting === undefined) send();
    },
    end() {
      clearTimeout(resting);
      resting = undefined;
      waiting = [];
    },
  };
}
