import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readFirst } from './firstReads';
import { newQueryClient } from './live/queries';

const EARLY = readFileSync('public/early.js', 'utf8');
const NODES = '/nodes-and-services';
const PAGES = ['/', NODES, `${NODES}/services`, `${NODES}/services-ha`, `${NODES}/mapping`];
const ANYTHING = { username: 'admin', privileges: [], items: [], hosts: [], types: [], next: null };

/** The page of an address begins to be read: what was asked for before its code was there, and after. */
async function opened(path: string, me = 200) {
  const [before, after]: [string[], string[]] = [[], []];
  vi.stubGlobal('fetch', async (asked: string | Request) => {
    const { pathname, search } = new URL(asked instanceof Request ? asked.url : asked, location.origin);
    (asked instanceof Request ? after : before).push(pathname + search);
    return Response.json(ANYTHING, { status: pathname.endsWith('/me') ? me : 200 });
  });
  history.replaceState(null, '', path);
  new Function(EARLY)();
  const early = window.kmEarly;
  await readFirst(newQueryClient(), path);
  return { before, after, left: [...(early?.keys() ?? [])] };
}

afterEach(() => vi.unstubAllGlobals());

describe('the first view', () => {
  // issue 6, point 8
  it.each(PAGES)('of %s is asked for before the code is there, and only once', async (path) => {
    const { before, after, left } = await opened(path);
    expect(before.length).toBeGreaterThan(4);
    expect(new Set(before).size).toBe(before.length);
    expect({ after, left }).toEqual({ after: [], left: [] });
  });

  it('asks for nothing else where nobody is signed in', async () => {
    const { before, after } = await opened('/', 401);
    expect([before, after]).toEqual([['/api/v1/me?consistency=local'], []]);
  });

  it('leaves nothing for whoever reads later', async () => {
    await opened('/');
    expect(window.kmEarly).toBeUndefined();
  });

  it('asks again where nobody answered', async () => {
    const answers = [Promise.reject(new TypeError('cut')), Promise.resolve(Response.json(ANYTHING))];
    const fetched = vi.fn(() => answers.shift());
    vi.stubGlobal('fetch', fetched);
    history.replaceState(null, '', '/login');
    new Function(EARLY)();
    const queries = newQueryClient();
    queries.setDefaultOptions({ queries: { retry: 1, retryDelay: 0 } });
    await readFirst(queries, '/login');
    expect(queries.getQueryData(['me'])).toMatchObject({ username: 'admin' });
  });
});
