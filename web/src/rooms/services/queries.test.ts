import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { liveListener } from '../../live/Live';
import { keys, newQueryClient } from '../../live/queries';
import { aService } from '../../testing/samples';
import type { Listed } from './listed';
import { services } from './queries';

const service = (host: string, because: string) =>
  aService({ id: `bi_server.${host}`, type: 'bi_server', host, because });

/** A Manager whose answers are given by hand, in any order. */
function aManagerThatIsSlow() {
  const asked: { path: string; answer: (revision: number, because: string) => void }[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    const url = new URL(request.url);
    return new Promise<Response>((done) => {
      const answer = (revision: number, because: string) => {
        const named = url.searchParams
          .get('id')
          ?.split(',')
          .map((id) => id.slice('bi_server.'.length));
        const found = (named ?? ['a', 'b']).map((host) => service(host, because));
        const body = named ? { items: found } : { hosts: [{ services: found }] };
        done(Response.json(body, { headers: { 'X-KM-Revision': String(revision) } }));
      };
      asked.push({ path: url.pathname.slice('/api/v1'.length) + url.search, answer });
    });
  });
  return asked;
}

describe('the services on screen', () => {
  beforeEach(() => void vi.useFakeTimers({ shouldAdvanceTime: true }));
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  async function onScreen() {
    const asked = aManagerThatIsSlow();
    const queries = newQueryClient();
    new QueryObserver(queries, services).subscribe(() => undefined);
    const { onChange, onResync } = liveListener(queries, () => vi.fn());
    const hear = (data: { only?: string[] }) =>
      onChange({ revision: 0, at: '', by: 'km', room: 'services', kind: 'x', subject: '', data });
    const asks = async (nth: number) => {
      // What is not answered is asked once more after two seconds.
      await vi.waitFor(() => expect(asked.length).toBeGreaterThan(nth), { timeout: 10_000 });
      const { path, answer } = asked[nth] ?? { path: '', answer: () => undefined };
      return { path, answer };
    };
    const shows = (...becauses: string[]) =>
      vi.waitFor(() => {
        const known = queries.getQueryData<Listed>(keys.serviceList);
        expect(known?.services.map(({ because }) => because)).toEqual(becauses);
      });
    (await asks(0)).answer(10, 'first');
    await shows('first', 'first');
    return { asks, hear, onResync, shows };
  }

  it('are read by name when an event names them', async () => {
    const { asks, hear, shows } = await onScreen();
    hear({ only: ['bi_server.b'] });
    const { path, answer } = await asks(1);
    expect(decodeURIComponent(path)).toBe('/services?id=bi_server.b&limit=1');
    answer(11, 'gone');
    await shows('first', 'gone');
  });

  it('are all read when an event names none, or when something was missed', async () => {
    const { asks, hear, onResync, shows } = await onScreen();
    hear({});
    const first = await asks(1);
    expect(first.path).toBe('/services/mapping');
    first.answer(11, 'second');
    await shows('second', 'second');
    onResync();
    const second = await asks(2);
    expect(second.path).toBe('/services/mapping');
    second.answer(12, 'third');
    await shows('third', 'third');
  });

  it('show no older answer that comes after a newer one', async () => {
    const { asks, hear, shows } = await onScreen();
    hear({ only: ['bi_server.a'] });
    const slow = await asks(1);
    hear({ only: ['bi_server.a'] });
    const quick = await asks(2);
    quick.answer(12, 'back');
    await shows('back', 'first');
    slow.answer(11, 'gone');
    hear({});
    const all = await asks(3);
    await shows('back', 'first');
    // All were read before one was read by itself, and are told after it.
    hear({ only: ['bi_server.b'] });
    (await asks(4)).answer(14, 'newest');
    await shows('back', 'newest');
    all.answer(13, 'all');
    await shows('all', 'newest');
  });
});
