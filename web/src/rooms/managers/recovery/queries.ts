// The Disaster Recovery script: where it is, and having it pushed.
import { useQuery } from '@tanstack/react-query';
import { api, take } from '../../../live/client';
import { keys } from '../../../live/queries';
import { useBegin } from '../queries';

export function useDrScript() {
  return useQuery({
    queryKey: keys.drScript,
    queryFn: () => take(api.GET('/managers/dr-script')),
  });
}

export function usePush(onBegun: (begun: { operation: number }) => void) {
  return useBegin(
    (password: string) => take(api.POST('/managers/push-dr-script', { body: { password } })),
    onBegun,
  );
}
