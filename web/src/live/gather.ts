// What was made old by many changes within a moment is read again together: the first change at once, so that one alone is on
// screen at once; those that follow in its wake once that was read and a rest is over. The rest is as long as the reading took: a
// single row is read often, a long list seldom, and half of the time is left to who uses the page.
import type { QueryKey } from '@tanstack/react-query';

const REST_MIN_MS = 50;
/** A reading that takes longer is not waited for: what changed meanwhile may be answered sooner. */
const READING_MAX_MS = 1000;
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

/** Hands on what was added, to be read; `handOn` tells when it was. Between two times it rests. */
export function gatherer(handOn: (keys: QueryKey[]) => Promise<unknown>): Gatherer {
  let waiting: QueryKey[] = [];
  let isBusy = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    const keys = waiting;
    waiting = [];
    isBusy = true;
    const began = performance.now();
    await new Promise((over) => {
      timer = setTimeout(over, READING_MAX_MS);
      // What could not be read says so where it is shown.
      void handOn(keys).then(over, over);
    });
    clearTimeout(timer);
    timer = setTimeout(wake, Math.max(performance.now() - began, REST_MIN_MS));
  };
  const wake = () => {
    isBusy = false;
    if (waiting.length > 0) void read();
  };
  return {
    add(keys) {
      waiting = covering([...waiting, ...keys]);
      if (!isBusy) void read();
    },
    end() {
      clearTimeout(timer);
      waiting = [];
    },
  };
}
