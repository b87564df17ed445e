// Reading and changing properties. Every change says which revision it was decided on.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { Property, PropertyChange } from '../../live/types';
import type { Draft } from './drafts';

export const FILES = ['kyvos-manager', 'kyvos', 'olapengine', 'kyvosclient', 'custom'] as const;
export type File = (typeof FILES)[number];

export function useProperties() {
  return useQuery({
    queryKey: keys.properties,
    queryFn: () => takeAll<Property>((query) => api.GET('/properties', { params: { query } })),
  });
}

export function useHistory({ file, name }: Pick<Property, 'file' | 'name'>) {
  return useQuery({
    queryKey: keys.propertyHistory(file, name),
    queryFn: async () => {
      let keptFrom = 0;
      const changes = await takeAll<PropertyChange>(async (query) => {
        const page = await api.GET('/properties/{file}/{name}/history', {
          params: { path: { file, name }, query },
        });
        keptFrom = page.data?.kept_from ?? keptFrom;
        return page;
      });
      return { changes, keptFrom };
    },
  });
}

/** A reason is optional; an empty one is none. */
const why = (reason: string) => (reason.trim() === '' ? {} : { reason: reason.trim() });

/** A property as a change of ours left it. */
export type Saved = Pick<Property, 'file' | 'name' | 'revision'> & Partial<Property>;

export async function commit(draft: Draft, reason: string): Promise<Saved> {
  const { file, name } = draft;
  const params = { path: { file, name } };
  const headers = ifMatch(draft.base.revision);
  if (draft.value !== undefined)
    return take(
      api.PUT('/properties/{file}/{name}', { params, headers, body: { value: draft.value, ...why(reason) } }),
    );
  const { revision } = await take(
    api.DELETE('/properties/{file}/{name}', { params, headers, body: why(reason) }),
  );
  return { file, name, revision, is_default: true };
}

export function add(name: string, value: string, reason: string): Promise<unknown> {
  const path = { file: 'custom', name };
  return take(
    api.PUT('/properties/{file}/{name}', {
      params: { path },
      headers: ifMatch(0),
      body: { value, ...why(reason) },
    }),
  );
}

export function remove({ file, name, revision }: Property): Promise<unknown> {
  return take(
    api.DELETE('/properties/{file}/{name}', {
      params: { path: { file, name } },
      headers: ifMatch(revision),
      body: {},
    }),
  );
}

export function revertTo({ file, name, revision }: Property, to: number): Promise<unknown> {
  return take(
    api.POST('/properties/{file}/{name}/revert', {
      params: { path: { file, name } },
      headers: ifMatch(revision),
      body: { revision: to },
    }),
  );
}

export function useRefreshProperties() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: keys.properties });
}

/** The list with what was saved in it, where it does not hold something newer. */
export function withSaved(properties: Property[], saved: Saved[]): Property[] {
  return properties.flatMap((property) => {
    const mine = saved.find(({ file, name }) => file === property.file && name === property.name);
    if (!mine || mine.revision <= property.revision) return property;
    const now = { ...property, ...mine };
    if (!now.is_default) return now;
    // Back to its default; one without a default is gone.
    return now.default == null ? [] : { ...now, value: now.default };
  });
}

/** What we saved we know, whether or not it can be read: a change may restart the Manager that serves this page. */
export function useKeepSaved() {
  const queries = useQueryClient();
  return async (saved: Saved[]) => {
    // A read begun before the change must not come after it.
    await queries.cancelQueries({ queryKey: keys.properties });
    queries.setQueryData<Property[]>(keys.properties, (list) => list && withSaved(list, saved));
    void queries.invalidateQueries({ queryKey: keys.properties });
  };
}
