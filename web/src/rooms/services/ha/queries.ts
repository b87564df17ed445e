// Reading whether and how something is done by itself, and the maintenance windows; changing both.
import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, ifMatch, take, takeAll } from '../../../live/client';
import { keys } from '../../../live/queries';
import type { MaintenanceWindow, OpenWindow, ServicesHaInput } from '../../../live/types';

export const servicesHa = queryOptions({
  queryKey: keys.servicesHa,
  queryFn: () => take(api.GET('/services/ha')),
});

export const useServicesHa = () => useQuery(servicesHa);

export const useWindows = () =>
  useQuery({
    queryKey: keys.maintenanceWindows,
    queryFn: () =>
      takeAll<MaintenanceWindow>((query) => api.GET('/services/ha/windows', { params: { query } })),
  });

/** Only if nobody changed it meanwhile. */
export const setServicesHa = ({ input, revision }: { input: ServicesHaInput; revision: number }) =>
  take(api.PUT('/services/ha', { headers: ifMatch(revision), body: input }));

export const openWindow = (body: OpenWindow) => take(api.POST('/services/ha/windows', { body }));

export const closeWindow = ({ id }: MaintenanceWindow) =>
  take(api.DELETE('/services/ha/windows/{id}', { params: { path: { id } } }));

export const acknowledge = (id: string) =>
  take(api.POST('/services/{id}/acknowledge', { params: { path: { id } } }));
