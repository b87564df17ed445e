// Reading the audit, page by page, newest first.
import { useInfiniteQuery } from '@tanstack/react-query';
import { api, take } from '../../live/client';
import { keys } from '../../live/queries';

export interface AuditFilter {
  user: string;
  room: string;
}

export const ROOMS = [
  'access',
  'alerts',
  'hosts',
  'managers',
  'operations',
  'prechecks',
  'properties',
  'services',
] as const;

const PAGE = '100';

export function useAudit({ user, room }: AuditFilter) {
  return useInfiniteQuery({
    queryKey: [...keys.audit, user, room],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const filter = { ...(user ? { user } : {}), ...(room ? { room } : {}) };
      const after = pageParam ? { after: pageParam } : {};
      return take(api.GET('/audit', { params: { query: { limit: PAGE, ...filter, ...after } } }));
    },
    getNextPageParam: (page) => page.next ?? undefined,
  });
}
