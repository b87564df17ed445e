// Reading operations and steering them.
import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useChange } from '../../live/change';
import { api, take } from '../../live/client';
import { keys } from '../../live/queries';
import type { OperationStatus } from '../../live/types';

const PAGE = '100';

/** The newest operations. */
export const operations = queryOptions({
  queryKey: keys.operations,
  queryFn: async () => (await take(api.GET('/operations', { params: { query: { limit: PAGE } } }))).items,
});

export const useOperations = () => useQuery(operations);

/** The operations page by page, of one status or of all. */
export function useOperationPages(status: OperationStatus | undefined) {
  return useInfiniteQuery({
    queryKey: [...keys.operations, 'pages', status ?? 'all'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      take(
        api.GET('/operations', {
          params: {
            query: { limit: PAGE, ...(status ? { status } : {}), ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export function useOperation(id: number) {
  return useQuery({
    queryKey: keys.operation(id),
    queryFn: () => take(api.GET('/operations/{id}', { params: { path: { id } } })),
  });
}

export const useSteer = (id: number) =>
  useChange(keys.operations, (verb: 'cancel' | 'retry') => {
    const params = { path: { id } };
    return take(
      verb === 'cancel'
        ? api.POST('/operations/{id}/cancel', { params })
        : api.POST('/operations/{id}/retry', { params }),
    );
  });
