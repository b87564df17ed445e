// Where a Manager may come, and having one added there or moved there.
import { useQuery } from '@tanstack/react-query';
import { api, take, takeAll } from '../../../live/client';
import { keys } from '../../../live/queries';
import type { EligibleHost } from '../../../live/types';
import { useHosts } from '../../hosts/queries';
import { useBegin } from '../queries';
import { choicesOf, inOrder, type Kind } from './choices';

function useEligibleHosts() {
  return useQuery({
    queryKey: keys.eligibleHosts,
    queryFn: () =>
      takeAll<EligibleHost>((query) => api.GET('/managers/eligible-hosts', { params: { query } })),
  });
}

/** Every host as a choice; undefined while it is not known. */
export function useChoices(kind: Kind) {
  const eligible = useEligibleHosts();
  const hosts = useHosts();
  const query = kind === 'manager' ? eligible : hosts;
  const known = kind === 'manager' ? eligible.data : hosts.data;
  return { query, choices: known && inOrder(choicesOf(kind, eligible.data ?? [], hosts.data ?? [])) };
}

/** What somebody chose. */
export interface Wanted {
  host: string;
  kind: Kind;
  /** The one whose place it takes. */
  instead?: number | undefined;
  password: string;
  acceptFailed: boolean;
}

export function useAdd(onBegun: (begun: { operation: number }) => void) {
  return useBegin(({ host, kind, instead, password, acceptFailed }: Wanted) => {
    const body = { host, password, accept_failed_prechecks: acceptFailed };
    return instead === undefined
      ? take(api.POST('/managers', { body: { ...body, role: kind } }))
      : take(api.POST('/managers/{id}/replace', { params: { path: { id: instead } }, body }));
  }, onBegun);
}
