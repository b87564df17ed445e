import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  api,
  ifMatch,
  localReadsKnownUntil,
  readLocally,
  readSince,
  take,
  takeAll,
  takeAt,
  whenSignedOut,
} from './client';

let sent: Request[];
let answers: Response[];

const json = (body: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(body), {
    ...init,
    headers: { 'Content-Type': 'application/json', ...init.headers },
  });
const last = () => sent.at(-1) as Request;

beforeEach(() => {
  sent = [];
  answers = [];
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(request);
    return Promise.resolve(answers.shift() ?? json({ items: [] }));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  readLocally(false);
  whenSignedOut(() => undefined);
});

describe('a change', () => {
  it('names its client, its one key and the revision it was decided on', async () => {
    await api.PUT('/properties/{file}/{name}', {
      params: { path: { file: 'custom', name: 'a' } },
      headers: ifMatch(41),
      body: { value: 'b' },
    });
    expect(last().headers.get('X-KM-Client')).toBe('web');
    expect(last().headers.get('If-Match')).toBe('"41"');
    expect(last().headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('signing in carries no key: its answer holds a secret', async () => {
    await api.POST('/login', { body: { username: 'a', password: 'b' } });
    expect(last().headers.get('Idempotency-Key')).toBeNull();
  });
});

describe('a read', () => {
  it('is linearizable by default, and local only while nobody is Active', async () => {
    await api.GET('/audit');
    expect(new URL(last().url).searchParams.has('consistency')).toBe(false);
    readLocally(true);
    await api.GET('/audit', { params: { query: { user: 'mira' } } });
    expect(new URL(last().url).search).toBe('?user=mira&consistency=local');
    await api.GET('/cluster');
    expect(new URL(last().url).search).toBe('');
  });

  it('tells the revision of its answer; that of the first is remembered', async () => {
    answers = ['117', '121'].map((revision) =>
      json({ items: [] }, { headers: { 'X-KM-Revision': revision } }),
    );
    expect(await takeAt(api.GET('/audit'))).toEqual({ data: { items: [] }, revision: 117 });
    expect((await takeAt(api.GET('/audit'))).revision).toBe(121);
    expect(readSince()).toBe(117);
  });

  it('of a list ends where it is enough', async () => {
    answers = [1, 2, 3].map((item) => json({ items: [item], next: String(item) }));
    const list = (isEnough: (items: number[]) => boolean) =>
      takeAll(() => api.GET('/audit') as never, isEnough as never);
    expect(await list((items) => items.includes(2))).toEqual([1, 2]);
    expect(sent).toHaveLength(2);
  });

  it('remembers how old a local answer is, and forgets it with the need', async () => {
    readLocally(true);
    answers = [json({ items: [] }, { headers: { 'X-KM-Age-Ms': '4000' } })];
    await api.GET('/audit');
    expect(Date.now() - (localReadsKnownUntil() ?? 0)).toBeGreaterThanOrEqual(4000);
    readLocally(false);
    expect(localReadsKnownUntil()).toBeUndefined();
  });
});

describe('an answer', () => {
  it('of 401 signs out, but not while signing in', async () => {
    const signedOut = vi.fn();
    whenSignedOut(signedOut);
    answers = [json({}, { status: 401 }), json({}, { status: 401 })];
    await api.POST('/login', { body: { username: 'a', password: 'b' } });
    expect(signedOut).not.toHaveBeenCalled();
    await api.GET('/audit');
    expect(signedOut).toHaveBeenCalledOnce();
  });

  it('that refuses is thrown in the words of the server', async () => {
    const problem = {
      status: 412,
      code: 'CHANGED',
      title: 'Changed meanwhile',
      detail: 'At 57.',
      request_id: 'r',
    };
    answers = [json(problem, { status: 412 })];
    await expect(take(api.GET('/audit'))).rejects.toMatchObject({
      code: 'CHANGED',
      message: 'At 57.',
      requestId: 'r',
    });
  });

  it('that is no problem document keeps its status', async () => {
    answers = [new Response('<html>', { status: 502, statusText: 'Bad Gateway' })];
    await expect(take(api.GET('/audit'))).rejects.toMatchObject({ status: 502, code: 'HTTP_502' });
  });

  it('that never comes says so', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('gone')));
    await expect(take(api.GET('/audit'))).rejects.toMatchObject({ status: 0, code: 'NO_ANSWER' });
  });

  it('of many pages is put together in order', async () => {
    answers = [json({ items: ['a', 'b'], next: 'c1' }), json({ items: ['c'] })];
    const items = await takeAll<string>((query) => api.GET('/users', { params: { query } }) as never);
    expect(items).toEqual(['a', 'b', 'c']);
    expect(new URL(last().url).search).toBe('?limit=500&after=c1');
  });
});
