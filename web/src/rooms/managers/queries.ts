// Reading the Managers and who was Active; changing an alias; asking for what is done to instances.
import { queryOptions, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useChange } from '../../live/change';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { Manager } from '../../live/types';
import type { Act } from './acts';

export const managers = queryOptions({
  queryKey: keys.managers,
  queryFn: () => takeAll<Manager>((query) => api.GET('/managers', { params: { query } })),
});

export const useManagers = () => useQuery(managers);

interface AliasChange {
  manager: Pick<Manager, 'id' | 'revision'>;
  alias: string;
}

export const useSetAlias = () =>
  useChange(keys.managers, ({ manager, alias }: AliasChange) =>
    take(
      api.PATCH('/managers/{id}', {
        params: { path: { id: manager.id } },
        headers: ifMatch(manager.revision),
        body: { alias },
      }),
    ),
  );

/** What somebody gave to have an act done: the password once more, and what was agreed to. */
export interface Consent {
  password: string;
  /** Changes may wait until the instance is back. */
  confirm_quorum_loss: boolean;
  /** The instance is given up for lost. */
  force: boolean;
}

function perform({ verb, manager: id = 0 }: Act, { password, confirm_quorum_loss, force }: Consent) {
  const params = { path: { id } };
  switch (verb) {
    case 'start':
      return take(api.POST('/managers/{id}/start', { params, body: { password } }));
    case 'restart':
      return take(api.POST('/managers/{id}/restart', { params, body: { password, confirm_quorum_loss } }));
    case 'stop':
      return take(api.POST('/managers/{id}/stop', { params, body: { password, confirm_quorum_loss } }));
    case 'make-active':
      return take(api.POST('/managers/{id}/make-active', { params, body: { password } }));
    case 'remove':
      return take(api.DELETE('/managers/{id}', { params, body: { password, confirm_quorum_loss, force } }));
    case 'restart-active':
    case 'restart-server':
      return take(api.POST('/managers/restart-active', { body: { password } }));
    case 'step-aside':
      return take(api.POST('/managers/step-aside', { body: { password } }));
    case 'start-passives':
      return take(api.POST('/managers/start-passives', { body: { password } }));
    case 'restart-passives':
      return take(api.POST('/managers/restart-passives', { body: { password, confirm_quorum_loss } }));
    case 'stop-passives':
      return take(api.POST('/managers/stop-passives', { body: { password, confirm_quorum_loss } }));
    case 'start-server':
    case 'stop-server':
      throw new Error(`${verb} is never offered`);
  }
}

interface Begun {
  operation: number;
}

/** Begins an operation about instances; they and the operations are read again. */
export function useBegin<Sent>(begin: (sent: Sent) => Promise<Begun>, onBegun: (begun: Begun) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: begin,
    onSuccess: onBegun,
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: keys.managers });
      void queries.invalidateQueries({ queryKey: keys.operations });
    },
  });
}

/** Has an act done; it goes on as an operation. */
export const usePerform = (act: Act, onBegun: (begun: Begun) => void) =>
  useBegin((consent: Consent) => perform(act, consent), onBegun);

const PAGE = '50';

/** Who was Active, the newest first, page by page. */
export function useTenures() {
  return useInfiniteQuery({
    queryKey: keys.tenures,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const after = pageParam ? { after: pageParam } : {};
      return take(api.GET('/tenures', { params: { query: { limit: PAGE, ...after } } }));
    },
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

/** What the group can explain. */
export type Topic =
  | 'active'
  | 'make-active'
  | 'start'
  | 'stop'
  | 'restart'
  | 'failure'
  | 'host-failure'
  | 'add';

/** Whom a topic is about: a Manager, a host, or nobody in particular. */
export interface About {
  manager?: number;
  host?: string;
}

/** Why something is as it is, as the Manager that serves this page knows it. */
export function useExplanation(topic: Topic, about: About) {
  return useQuery({
    queryKey: [...keys.explanations, topic, about],
    queryFn: () => take(api.GET('/explain/{topic}', { params: { path: { topic }, query: { ...about } } })),
  });
}
