// Reading alerts and saying that they were seen; reading channels, changing them and trying them out.
import { queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type ChangeOf, useChange } from '../../live/change';
import { api, ifMatch, take, takeAll } from '../../live/client';
import { keys } from '../../live/queries';
import type { AlertChannel, AlertState } from '../../live/types';
import { bodyOf, type ChannelDraft } from './drafts';

const PAGE = '100';
/** The bell says "99+" beyond it. */
const BELL = '100';

/** Those that nobody has seen, as many as the bell counts. */
export const openAlerts = queryOptions({
  queryKey: [...keys.alerts, 'bell'],
  queryFn: () => take(api.GET('/alerts', { params: { query: { state: 'open', limit: BELL } } })),
});

export const useOpenAlerts = () => useQuery(openAlerts);

/** Page by page, newest first. */
export function useAlerts(state: AlertState | undefined) {
  return useInfiniteQuery({
    queryKey: [...keys.alerts, 'list', state ?? 'all'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => {
      const query = {
        limit: PAGE,
        ...(state ? { state } : {}),
        ...(pageParam ? { after: pageParam } : {}),
      };
      return take(api.GET('/alerts', { params: { query } }));
    },
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export const useChannels = () =>
  useQuery({
    queryKey: keys.alertChannels,
    queryFn: () => takeAll<AlertChannel>((query) => api.GET('/alerts/channels', { params: { query } })),
  });

/** Anything that changes this room; afterwards it is read again, whatever came of it. */
export const useAlertChange = <Sent, Answer>(...change: ChangeOf<Sent, Answer>) =>
  useChange(keys.alerts, ...change);

export const acknowledge = ({ id, note }: { id: number; note: string }) =>
  take(api.POST('/alerts/{id}/acknowledge', { params: { path: { id } }, body: { note } }));

export const addChannel = (draft: ChannelDraft) =>
  take(api.POST('/alerts/channels', { body: bodyOf(draft) }));

export const setChannel = ({ channel, draft }: { channel: AlertChannel; draft: ChannelDraft }) =>
  take(
    api.PUT('/alerts/channels/{id}', {
      params: { path: { id: channel.id } },
      headers: ifMatch(channel.revision),
      body: bodyOf(draft),
    }),
  );

export const removeChannel = ({ id, revision }: AlertChannel) =>
  take(api.DELETE('/alerts/channels/{id}', { params: { path: { id } }, headers: ifMatch(revision) }));

export const testChannel = (id: number) =>
  take(api.POST('/alerts/channels/{id}/test', { params: { path: { id } } }));
