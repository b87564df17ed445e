// One ticking clock for every age on screen, corrected to the server's: an operator's laptop may be minutes off,
// and "3 s ago" must not become "in 2 min". The correction comes from the Date header, so it is good to a second.
import { useSyncExternalStore } from 'react';

const TICK_MS = 1000;

let offsetMs = 0;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** Takes the server's clock from an answer. Differences below two seconds are the header's own coarseness. */
export function correctClock(dateHeader: string | null, receivedAt = Date.now()): void {
  const server = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
  if (Number.isNaN(server)) return;
  const difference = server - receivedAt;
  offsetMs = Math.abs(difference) < 2000 ? 0 : difference;
}

/** The server's time now, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

function tick() {
  now = serverNow();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Nobody looked, so nothing ticked: whoever looks first must not see the time of the last look. */
function lookAtClock(): number {
  if (timer === undefined && serverNow() - now >= TICK_MS) now = serverNow();
  return now;
}

/** The server's time, renewed every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, lookAtClock);
}
