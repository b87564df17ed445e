// Why one finds oneself at the login, as one small observable value: what a page did that ended its own session is said there,
// because the page itself is gone by then. It is kept in this browser tab only, until somebody signed in.
import { useSyncExternalStore } from 'react';

let word: string | undefined;
const listeners = new Set<() => void>();

export function sayAtLogin(sentence: string | undefined): void {
  word = sentence;
  for (const listener of listeners) listener();
}

const farewell = () => word;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the login says before anybody typed anything. */
export const useFarewell = () => useSyncExternalStore(subscribe, farewell);
