// Reading and changing users, tokens and the own password.
import { useQuery } from '@tanstack/react-query';
import { useChange } from '../../live/change';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { ApiToken, JoinRole, JoinToken, Role, User } from '../../live/types';

export const ROLES: Role[] = ['administrator', 'maintainer', 'auditor'];

export const useUsers = () =>
  useQuery({
    queryKey: keys.users,
    queryFn: () => takeAll<User>((query) => api.GET('/users', { params: { query } })),
  });

export const useApiTokens = () =>
  useQuery({
    queryKey: keys.tokens,
    queryFn: () => takeAll<ApiToken>((query) => api.GET('/tokens', { params: { query } })),
  });

export const useJoinTokens = () =>
  useQuery({
    queryKey: keys.joinTokens,
    queryFn: () => takeAll<JoinToken>((query) => api.GET('/join-tokens', { params: { query } })),
  });

/** A change of this room; its lists are read again whatever came of it. */
export function useAccessChange<Input, Output>(
  change: (input: Input) => Promise<Output>,
  onDone?: (output: Output) => void,
) {
  return useChange(keys.access, change, { onSuccess: (output) => onDone?.(output) });
}

export interface NewUser {
  username: string;
  role: Role;
  password: string;
}

export const addUser = (body: NewUser) => take(api.POST('/users', { body }));

export interface UserChange {
  user: User;
  change: { role?: Role; status?: User['status']; password?: string };
}

export const changeUser = ({ user, change }: UserChange) =>
  take(
    api.PATCH('/users/{name}', {
      params: { path: { name: user.username } },
      headers: ifMatch(user.revision),
      body: change,
    }),
  );

export const deleteUser = ({ username, revision }: User) =>
  take(api.DELETE('/users/{name}', { params: { path: { name: username } }, headers: ifMatch(revision) }));

export interface NewApiToken {
  name: string;
  role: Role;
  expires_in_days?: number;
}

export const issueApiToken = (body: NewApiToken) => take(api.POST('/tokens', { body }));

export const deleteApiToken = (id: number) => take(api.DELETE('/tokens/{id}', { params: { path: { id } } }));

export const issueJoinToken = (body: { role: JoinRole; ttl_minutes: number }) =>
  take(api.POST('/join-tokens', { body }));

export const deleteJoinToken = (id: number) =>
  take(api.DELETE('/join-tokens/{id}', { params: { path: { id } } }));

export const changePassword = (body: { existing: string; new: string }) =>
  take(api.POST('/me/password', { body }));
