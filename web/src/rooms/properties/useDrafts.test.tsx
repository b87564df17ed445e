import { QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keys, newQueryClient } from '../../live/queries';
import type { Property } from '../../live/types';
import { useProperties } from './queries';
import { useDrafts } from './useDrafts';

const property = (name: string, value: string, revision: number) =>
  ({ file: 'custom', name, value, revision, is_default: false }) as Property;

const json = (body: unknown) =>
  new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });

/** A Manager that answers reads, and changes, only when told to. */
function slowManager() {
  const waiting: Record<string, (() => void)[]> = { GET: [], PUT: [] };
  let stored: Property[] = [property('a', 'old', 1), property('b', 'old', 1)];
  const put = async (request: Request) => {
    const name = new URL(request.url).pathname.split('/').at(-1);
    const { value } = await request.json();
    stored = stored.map((each) =>
      each.name === name ? property(each.name, value, each.revision + 1) : each,
    );
    return stored.find((each) => each.name === name);
  };
  const take = async (request: Request) => {
    const answer = request.method === 'GET' ? () => ({ items: stored }) : () => put(request);
    await new Promise<void>((goOn) => waiting[request.method]?.push(goOn));
    return json(await answer());
  };
  vi.stubGlobal('fetch', take);
  return async (method: 'GET' | 'PUT') => {
    await waitFor(() => expect(waiting[method]).not.toEqual([]));
    for (const goOn of waiting[method]?.splice(0) ?? []) goOn();
  };
}

function open() {
  const queries = newQueryClient();
  queries.setQueryData(keys.properties, [property('a', 'old', 1), property('b', 'old', 1)]);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const page = () => renderHook(() => ({ handle: useDrafts(), query: useProperties() }), { wrapper });
  return { page: page().result, another: () => page().result };
}

const shown = (page: { query: ReturnType<typeof useProperties> }, name: string) =>
  page.query.data?.find((each) => each.name === name)?.value;

describe('edits that are saved', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('are what the page shows though nothing can be read yet, also after leaving and coming back', async () => {
    const answer = slowManager();
    const { page, another } = open();
    act(() => page.current.handle.edit(property('a', 'old', 1), 'new'));
    act(() => page.current.handle.save(''));
    await answer('PUT');
    await waitFor(() => expect(page.current.handle.drafts.size).toBe(0));
    expect(shown(page.current, 'a')).toBe('new');
    const later = another();
    expect(shown(later.current, 'a')).toBe('new');
    // Back to what it was is a change of its own.
    const now = later.current.query.data?.find(({ name }) => name === 'a') as Property;
    act(() => later.current.handle.edit(now, 'old'));
    expect(later.current.handle.drafts.get('custom/a')).toMatchObject({
      value: 'old',
      base: { revision: 2 },
    });
    await answer('GET');
    await waitFor(() => expect(later.current.query.isFetching).toBe(false));
    expect(shown(later.current, 'a')).toBe('new');
  });

  it('leave those made meanwhile, each on what is stored now', async () => {
    const answer = slowManager();
    const { page } = open();
    act(() => page.current.handle.edit(property('a', 'old', 1), 'new'));
    act(() => page.current.handle.save(''));
    await waitFor(() => expect(page.current.handle.saving.isPending).toBe(true));
    act(() => {
      page.current.handle.edit(property('a', 'old', 1), 'newer');
      page.current.handle.edit(property('b', 'old', 1), 'mine');
    });
    // Back to what it was is a wish too, now that something else is on its way.
    act(() => page.current.handle.edit(property('a', 'old', 1), 'old'));
    expect(page.current.handle.drafts.get('custom/a')?.value).toBe('old');
    await answer('PUT');
    await waitFor(() => expect(page.current.handle.saving.isSuccess).toBe(true));
    expect([...page.current.handle.drafts.keys()]).toEqual(['custom/a', 'custom/b']);
    expect(page.current.handle.drafts.get('custom/a')?.base).toEqual({ revision: 2, value: 'new' });
  });
});
