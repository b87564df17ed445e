// Reading the prechecks, and asking for them anew.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, take } from '../../live/client';
import { keys } from '../../live/queries';

const LIMIT = '500';

/** Those about one host and about the group; without a host, all. */
export function usePrechecks(host?: string) {
  return useQuery({
    queryKey: [...keys.prechecks, host ?? 'all'],
    queryFn: () =>
      take(api.GET('/prechecks', { params: { query: { limit: LIMIT, ...(host ? { host } : {}) } } })),
  });
}

export function useRunPrechecks() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (hosts: string[]) =>
      take(api.POST('/prechecks/run', { body: hosts.length === 0 ? {} : { hosts } })),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.prechecks }),
  });
}
