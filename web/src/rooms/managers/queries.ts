// Reading the Managers and changing an alias.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { Manager } from '../../live/types';

export function useManagers() {
  return useQuery({
    queryKey: keys.managers,
    queryFn: () => takeAll<Manager>((query) => api.GET('/managers', { params: { query } })),
  });
}

interface AliasChange {
  manager: Pick<Manager, 'id' | 'revision'>;
  alias: string;
}

export function useSetAlias() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ manager, alias }: AliasChange) =>
      take(
        api.PATCH('/managers/{id}', {
          params: { path: { id: manager.id } },
          headers: ifMatch(manager.revision),
          body: { alias },
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.managers }),
  });
}
