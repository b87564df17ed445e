// Reading the hosts; registering, changing and forgetting them; enrolling agents and trusting SSH keys.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { type ChangeOf, useChange } from '../../live/change';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { Host } from '../../live/types';
import { type HostDraft, transportOf } from './drafts';

type Known = Pick<Host, 'id' | 'revision'>;

export const hosts = queryOptions({
  queryKey: keys.hosts,
  queryFn: () => takeAll<Host>((query) => api.GET('/hosts', { params: { query } })),
});

export const useHosts = () => useQuery(hosts);

/** Anything that changes hosts; afterwards they are read again. */
export const useHostChange = <Sent, Answer>(...change: ChangeOf<Sent, Answer>) =>
  useChange(keys.hosts, ...change);

export const registerHost = (draft: HostDraft) =>
  take(
    api.POST('/hosts', {
      body: { name: draft.name.trim(), roles: draft.roles, transport: transportOf(draft) },
    }),
  );

/** Its way is sent only when it changed: a way sent anew has to be enrolled or trusted anew. */
export const changeHost = ({ host, draft, sameWay }: { host: Known; draft: HostDraft; sameWay: boolean }) =>
  take(
    api.PATCH('/hosts/{id}', {
      params: { path: { id: host.id } },
      headers: ifMatch(host.revision),
      body: { roles: draft.roles, ...(sameWay ? {} : { transport: transportOf(draft) }) },
    }),
  );

export const forgetHost = ({ id, revision }: Known) =>
  take(api.DELETE('/hosts/{id}', { params: { path: { id } }, headers: ifMatch(revision) }));

export const issueEnrolment = ({ id, ttl_minutes }: { id: number; ttl_minutes: number }) =>
  take(api.POST('/hosts/{id}/enrolment', { params: { path: { id } }, body: { ttl_minutes } }));

export const checkHost = (id: number) => take(api.POST('/hosts/{id}/check', { params: { path: { id } } }));

export const trustKey = ({ host, key }: { host: Known; key: string }) =>
  take(
    api.POST('/hosts/{id}/trust', {
      params: { path: { id: host.id } },
      headers: ifMatch(host.revision),
      body: { key },
    }),
  );

/** Asks the host for its key now; nothing of it is kept from an earlier time. */
export function useOfferedKey(id: number) {
  return useQuery({
    queryKey: [...keys.hosts, id, 'offered-key'],
    queryFn: () => take(api.GET('/hosts/{id}/ssh-host-key', { params: { path: { id } } })),
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
}

export function useOwnKey() {
  return useQuery({
    queryKey: keys.sshKey,
    queryFn: () => take(api.GET('/hosts/ssh-key')),
  });
}

export const makeOwnKey = () => take(api.POST('/hosts/ssh-key'));
