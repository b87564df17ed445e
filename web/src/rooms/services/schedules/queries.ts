// Reading the schedules, and changing them.
import { useQuery } from '@tanstack/react-query';
import { api, ifMatch, take, takeAll } from '../../../live/client';
import { keys } from '../../../live/queries';
import type { ServiceSchedule } from '../../../live/types';
import { bodyOf, type ScheduleDraft } from './drafts';

export const useSchedules = () =>
  useQuery({
    queryKey: keys.serviceSchedules,
    queryFn: () => takeAll<ServiceSchedule>((query) => api.GET('/services/schedules', { params: { query } })),
  });

type Known = Pick<ServiceSchedule, 'id' | 'revision'>;

export const addSchedule = (draft: ScheduleDraft) =>
  take(api.POST('/services/schedules', { body: bodyOf(draft) }));

/** Only if nobody changed it meanwhile. */
export const setSchedule = ({ schedule, draft }: { schedule: Known; draft: ScheduleDraft }) =>
  take(
    api.PUT('/services/schedules/{id}', {
      params: { path: { id: schedule.id } },
      headers: ifMatch(schedule.revision),
      body: bodyOf(draft),
    }),
  );

export const removeSchedule = ({ id, revision }: Known) =>
  take(api.DELETE('/services/schedules/{id}', { params: { path: { id } }, headers: ifMatch(revision) }));
