// The search for another Manager while the own one is silent, or is none any more. Runs until somebody answers or the
// stream is back.
import { connection, setConnection, type Trial } from './connection';
import {
  answers,
  failoverTargets,
  firstToAnswer,
  LOST_AFTER_MS,
  OWN_PROBE_MAX_MS,
  PROBE_MAX_MS,
  sameThere,
  wasRemoved,
} from './failover';
import type { Cluster } from './types';

const ROUND_MS = 1500;
/** Shown before anything is done about it, so that nobody is moved without having read why. */
const SHOWN_AFTER_MS = 700;
/** How long a Manager that answered may take for its first page. Sent there again meanwhile, the browser begins anew, and
 * never arrives at one that is busy. */
export const ARRIVAL_MAX_MS = 20_000;

/** What the search needs of the browser. */
export interface Surroundings {
  answers(origin: string, maxMs: number): Promise<boolean>;
  goTo(url: string): void;
}

const BROWSER: Surroundings = { answers, goTo: (url) => location.assign(url) };

function outcome(origin: string, answered: boolean) {
  const trials = connection().trials.map(
    (trial): Trial =>
      trial.url === origin ? { ...trial, outcome: answered ? 'answered' : 'no answer' } : trial,
  );
  setConnection({ trials });
}

/** Asks all at once. Resolves to where to go; to undefined when nobody answers, or there is no reason to leave. */
async function round(cluster: Cluster | undefined, { answers }: Surroundings): Promise<string | undefined> {
  const origins = failoverTargets(cluster, location.origin);
  setConnection({ trials: origins.map((url) => ({ url, outcome: 'asking' })) });
  const removed = wasRemoved(cluster);
  // One that was removed answers for a moment, and is no reason to stay.
  const own = removed ? Promise.resolve(false) : answers(location.origin, OWN_PROBE_MAX_MS);
  const other = firstToAnswer(origins, (origin) => answers(origin, PROBE_MAX_MS), outcome);
  // Only the stream broke (a proxy, a restart of our own Manager): then there is no reason to leave.
  if (await own) return undefined;
  const found = await other;
  return found === undefined ? undefined : sameThere(found, location, removed ? 'removed' : 'silent');
}

/** The stream broke, and is not back. A removed Manager may still be heard meanwhile. */
function tellWhenLost() {
  if (connection().lostAt !== undefined) setConnection({ state: 'lost' });
}

/** Starts searching once the connection has been broken for a moment. Returns how to stop. */
export function searchForAnother(
  cluster: () => Cluster | undefined,
  surroundings: Surroundings = BROWSER,
): () => void {
  let over = false;
  let next: ReturnType<typeof setTimeout>;
  const search = async () => {
    tellWhenLost();
    const url = await round(cluster(), surroundings);
    if (over) return;
    if (url !== undefined) surroundings.goTo(url);
    next = setTimeout(search, url === undefined ? ROUND_MS : ARRIVAL_MAX_MS);
  };
  next = setTimeout(() => {
    tellWhenLost();
    next = setTimeout(search, LOST_AFTER_MS - SHOWN_AFTER_MS);
  }, SHOWN_AFTER_MS);
  return () => {
    over = true;
    clearTimeout(next);
  };
}
