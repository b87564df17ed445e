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
    queryFn: () =>
      takeAll<PropertyChange>((query) =>
        api.GET('/properties/{file}/{name}/history', { params: { path: { file, name }, query } }),
      ),
  });
}

/** A reason is optional; an empty one is none. */
const why = (reason: string) => (reason.trim() === '' ? {} : { reason: reason.trim() });

export function commit(draft: Draft, reason: string): Promise<unknown> {
  const params = { path: { file: draft.file, name: draft.name } };
  const headers = ifMatch(draft.base.revision);
  if (draft.value === undefined)
    return take(api.DELETE('/properties/{file}/{name}', { params, headers, body: why(reason) }));
  return take(
    api.PUT('/properties/{file}/{name}', { params, headers, body: { value: draft.value, ...why(reason) } }),
  );
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
