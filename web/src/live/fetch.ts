// The one way a request leaves the browser: a bound on its duration, and patience where patience is safe.
// A changing call carries an Idempotency-Key, so it may be sent again after a failover: the group gives the first answer.
import { takeEarly } from './early';

const REQUEST_MAX_MS = 15_000;
const TRIES_MAX = 4;
const WAIT_FIRST_MS = 400;
const WAIT_MAX_MS = 3000;

const changes = (method: string) => method !== 'GET' && method !== 'HEAD';

/** True when the same request may be sent again without any risk of doing it twice. */
export function mayRepeat(request: Request, response: Response | undefined): boolean {
  const safe = !changes(request.method) || request.headers.has('Idempotency-Key');
  return safe && (response === undefined || response.status === 503 || response.status === 504);
}

/** How long to wait before try number `attempt` (from 1), honouring Retry-After within reason. */
export function waitBefore(attempt: number, retryAfter: string | null): number {
  const asked = Number(retryAfter) * 1000;
  const own = WAIT_FIRST_MS * 2 ** (attempt - 1);
  return Math.min(Number.isFinite(asked) && asked > 0 ? asked : own, WAIT_MAX_MS);
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function sendOnce(request: Request): Promise<Response | undefined> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(REQUEST_MAX_MS)]);
  try {
    return await (takeEarly(request) ?? fetch(new Request(request.clone(), { signal })));
  } catch (error) {
    if (request.signal.aborted) throw error;
    return undefined;
  }
}

/** Sends a changing call until it is answered, at most a few times. Reads are sent once: TanStack Query repeats them. */
export async function send(request: Request): Promise<Response> {
  const tries = changes(request.method) ? TRIES_MAX : 1;
  for (let attempt = 1; ; attempt++) {
    const response = await sendOnce(request);
    if (attempt < tries && mayRepeat(request, response)) {
      await pause(waitBefore(attempt, response?.headers.get('Retry-After') ?? null));
      continue;
    }
    if (response === undefined) throw new TypeError('no answer');
    return response;
  }
}
