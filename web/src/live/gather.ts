// What was made old by many changes within a moment is read again together: the first change at once, so that one alone is on
// screen at once; those that follow in its wake at the end of a rest, which grows while they keep coming.
import type { QueryKey } from '@tanstack/react-query';

const REST_FIRST_MS = 50;
const REST_MAX_MS = 1000;
/** More than so many rows of a list are the list. */
const ROWS_MAX = 40;

const textOf = (key: QueryKey) => JSON.stringify(key);
const parentOf = (key: QueryKey) => key.slice(0, -1);

/** Those of which too many lie beneath the same one are that one. */
function uncrowded(keys: QueryKey[]): QueryKey[] {
  const rows = new Map<string, number>();
  const parents = keys.map((key) => (key.length > 1 ? textOf(parentOf(key)) : ''));
  for (const parent of parents) rows.set(parent, (rows.get(parent) ?? 0) + 1);
  const isCrowded = (parent: string) => parent !== '' && (rows.get(parent) ?? 0) > ROWS_MAX;
  return keys.map((key, at) => (isCrowded(parents[at] ?? '') ? parentOf(key) : key));
}

/** Each once, without those that stand under another of them: that one has them read again too. */
export function covering(keys: QueryKey[]): QueryKey[] {
  const once = (of: QueryKey[]) => new Map(of.map((key) => [textOf(key), key]));
  const all = once(uncrowded([...once(keys).values()]));
  const isCovered = (key: QueryKey) => key.some((_, length) => all.has(textOf(key.slice(0, length))));
  return [...all.values()].filter((key) => !isCovered(key));
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
