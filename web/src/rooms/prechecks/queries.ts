// Reading the prechecks, and asking for them anew.
import { useQuery } from '@tanstack/react-query';
import { useChange } from '../../live/change';
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

export const useRunPrechecks = () =>
  useChange(keys.prechecks, (hosts: string[]) =>
    take(api.POST('/prechecks/run', { body: hosts.length === 0 ? {} : { hosts } })),
  );
