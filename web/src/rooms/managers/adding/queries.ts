// Where a Manager may come, and having one added there or moved there.
import { useQuery } from '@tanstack/react-query';
import { api, take, takeAll } from '../../../live/client';
import { keys } from '../../../live/queries';
import type { EligibleHost, Host } from '../../../live/types';
import { hosts } from '../../hosts/queries';
import { useBegin } from '../queries';
import { type Choice, choicesOf, inOrder, type Kind, nowhere } from './choices';

const eligibleHosts = (isEnough?: (found: EligibleHost[]) => boolean) =>
  takeAll<EligibleHost>((query) => api.GET('/managers/eligible-hosts', { params: { query } }), isEnough);

const forManagers = (eligible: EligibleHost[]): Choice[] => inOrder(choicesOf('manager', eligible, []));
const forWitnesses = (all: Host[]): Choice[] => inOrder(choicesOf('witness', [], all));

/** Every host as a choice. */
export function useChoices(kind: Kind) {
  const isManager = kind === 'manager';
  const eligible = useQuery({
    queryKey: keys.eligibleHosts,
    queryFn: () => eligibleHosts(),
    enabled: isManager,
    select: forManagers,
  });
  const anywhere = useQuery({ ...hosts, enabled: !isManager, select: forWitnesses });
  return isManager ? eligible : anywhere;
}

/** Why no host is eligible for a Manager, if none is. Of many hosts it is enough to find one. */
export const useNowhere = () =>
  useQuery({
    queryKey: [...keys.eligibleHosts, 'any'],
    queryFn: async () => {
      const found = await eligibleHosts((some) => some.some(({ eligible }) => eligible));
      return nowhere(forManagers(found)) ?? null;
    },
  });

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
