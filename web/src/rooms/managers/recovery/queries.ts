// The Disaster Recovery script: where it is, and having it pushed.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, take } from '../../../live/client';
import { keys } from '../../../live/queries';

export function useDrScript() {
  return useQuery({
    queryKey: keys.drScript,
    queryFn: () => take(api.GET('/managers/dr-script')),
  });
}

export function usePush(onBegun: (begun: { operation: number }) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (password: string) => take(api.POST('/managers/push-dr-script', { body: { password } })),
    onSuccess: onBegun,
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: keys.managers });
      void queries.invalidateQueries({ queryKey: keys.operations });
    },
  });
}
