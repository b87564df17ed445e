// Whether this page hears its Manager, as one small observable value. Written by stream.ts and failover.ts only.
import { useSyncExternalStore } from 'react';

/** One other Manager that was asked whether it answers. */
export interface Trial {
  url: string;
  outcome: 'asking' | 'answered' | 'no answer';
}

export interface Connection {
  state: 'connecting' | 'live' | 'lost';
  /** Browser time at which the connection broke; only while lost. */
  lostAt: number | undefined;
  trials: Trial[];
}

let current: Connection = {
  state: 'connecting',
  lostAt: undefined,
  trials: [],
};
const listeners = new Set<() => void>();

export function setConnection(change: Partial<Connection>): void {
  current = { ...current, ...change };
  for (const listener of listeners) listener();
}

export const connection = () => current;

let heardAt: number | undefined;

/** A sign of life. Hundreds come in a second, and nothing on screen is about a single one: nobody is told. */
export function noteHeard(): void {
  heardAt = Date.now();
}

/** Browser time of the last sign of life. */
export const lastHeardAt = () => heardAt;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, connection);
}
