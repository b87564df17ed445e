// The search for another Manager while the own one is silent. Runs until someone answers or the stream is back.
import { connection, setConnection, type Trial } from './connection';
import {
  answers,
  failoverTargets,
  firstToAnswer,
  LOST_AFTER_MS,
  OWN_PROBE_MAX_MS,
  sameThere,
} from './failover';
import type { Cluster } from './types';

const ROUND_MS = 1500;
/** Shown before anything is done about it, so that nobody is moved without having read why. */
const SHOWN_AFTER_MS = 700;

function outcome(origin: string, answered: boolean) {
  const trials = connection().trials.map(
    (trial): Trial =>
      trial.url === origin ? { ...trial, outcome: answered ? 'answered' : 'no answer' } : trial,
  );
  setConnection({ trials });
}

async function round(cluster: Cluster | undefined, stillLost: () => boolean): Promise<void> {
  const origins = failoverTargets(cluster, location.origin);
  setConnection({ trials: origins.map((url) => ({ url, outcome: 'asking' })) });
  const own = answers(location.origin, OWN_PROBE_MAX_MS);
  const other = firstToAnswer(origins, (origin) => answers(origin), outcome);
  // Only the stream broke (a proxy, a restart of our own Manager): then there is no reason to leave.
  if (await own) return;
  const found = await other;
  if (found !== undefined && stillLost()) location.assign(sameThere(found, location));
}

/** Starts searching once the connection has been broken for a moment. Returns how to stop. */
export function searchForAnother(cluster: () => Cluster | undefined): () => void {
  let over = false;
  let next: ReturnType<typeof setTimeout>;
  const search = async () => {
    await round(cluster(), () => !over);
    if (!over) next = setTimeout(search, ROUND_MS);
  };
  next = setTimeout(() => {
    setConnection({ state: 'lost' });
    next = setTimeout(search, LOST_AFTER_MS - SHOWN_AFTER_MS);
  }, SHOWN_AFTER_MS);
  return () => {
    over = true;
    clearTimeout(next);
  };
}
