// The only HTTP client of the dashboard, typed by the server's OpenAPI document.
// It knows headers, sessions and problems; it does not know any room.
import createClient from 'openapi-fetch';
import { correctClock, serverNow } from './clock';
import { send } from './fetch';
import { noAnswer, problemOf } from './problem';
import type { paths } from './schema';
import type { Page } from './types';

const SIGNING_IN = /\/(login|logout)$/;
/** Served from what a Manager knows anyway; the others need a leader unless asked for local. */
const ALWAYS_LOCAL = /\/(cluster|managers(\/\d+)?)$/;

interface LocalReads {
  wanted: boolean;
  /** Server time up to which the last local answer was known to be current. */
  knownUntil: number | undefined;
}
const local: LocalReads = { wanted: false, knownUntil: undefined };

/** While nobody is Active, reads are answered from this Manager's own copy, and labelled so on screen. */
export function readLocally(wanted: boolean): void {
  local.wanted = wanted;
  if (!wanted) local.knownUntil = undefined;
}
export const localReadsKnownUntil = () => local.knownUntil;

let firstRevision: number | undefined;
/** The revision of the first answer: whatever was read here is as new, so that who hears what came after it has missed nothing. */
export const readSince = () => firstRevision;

let onSignedOut = () => {};
/** Called on any 401 outside of signing in. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

const BASE = '/api/v1';

/** The paths of the API without what they all begin with. */
type Paths = {
  [Path in keyof paths as Path extends `${typeof BASE}${infer Rest}` ? Rest : never]: paths[Path];
};

const revisionOf = (response: Response) => Number(response.headers.get('X-KM-Revision'));

export const api = createClient<Paths>({ baseUrl: location.origin + BASE, fetch: send });

api.use({
  onRequest({ request, schemaPath }) {
    request.headers.set('X-KM-Client', 'web');
    if (request.method !== 'GET') {
      if (!SIGNING_IN.test(schemaPath) && !request.headers.has('Idempotency-Key'))
        request.headers.set('Idempotency-Key', crypto.randomUUID());
      return request;
    }
    if (!local.wanted || ALWAYS_LOCAL.test(schemaPath)) return request;
    const url = new URL(request.url);
    url.searchParams.set('consistency', 'local');
    return new Request(url, request);
  },
  onResponse({ response, schemaPath }) {
    correctClock(response.headers.get('Date'));
    const revision = revisionOf(response);
    if (revision > 0) firstRevision ??= revision;
    const age = response.headers.get('X-KM-Age-Ms');
    if (age !== null && local.wanted) local.knownUntil = serverNow() - Number(age);
    if (response.status === 401 && !SIGNING_IN.test(schemaPath)) onSignedOut();
  },
});

/** Header for "change only if the last change is still this one". */
export const ifMatch = (revision: number) => ({ 'If-Match': `"${revision}"` });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was answered, and the revision of the group it tells of: of two answers about the same the greater is the newer one. */
export interface At<T> {
  data: T;
  revision: number;
}

/** An answer with its revision, or a ProblemError. */
export async function takeAt<T>(call: Promise<Answer<T>>): Promise<At<T>> {
  const { data, error, response } = await call.catch(() => {
    throw noAnswer();
  });
  if (!response.ok) throw problemOf(error, response);
  return { data: data as T, revision: revisionOf(response) };
}

/** The data of an answer, or a ProblemError. */
export const take = async <T>(call: Promise<Answer<T>>): Promise<T> => (await takeAt(call)).data;

const PAGE_MAX = 500;
const PAGES_MAX = 20;

/** All items of a list that is known to be small (settings, users), page by page; or as many as are enough. */
export async function takeAll<T>(
  page: (query: { limit: string; after?: string }) => Promise<Answer<Page<T>>>,
  isEnough = (_: T[]) => false,
) {
  const limit = String(PAGE_MAX);
  const items: T[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const answer = await take(page(after === undefined ? { limit } : { limit, after }));
    items.push(...answer.items);
    if (!answer.next || isEnough(items)) return items;
    after = answer.next;
  }
  return items;
}
