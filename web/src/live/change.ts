// A change made from the page: what it changed is read again afterwards, whatever came of it.
import { type QueryKey, type UseMutationOptions, useMutation, useQueryClient } from '@tanstack/react-query';

/** What a change of one room is made of. */
export type ChangeOf<Sent, Answer> = [
  mutationFn: (sent: Sent) => Promise<Answer>,
  options?: Pick<UseMutationOptions<Answer, Error, Sent>, 'onSuccess'>,
];

/** Makes a change, and has what stands under `queryKey` read again. */
export function useChange<Sent, Answer>(
  queryKey: QueryKey,
  ...[mutationFn, options = {}]: ChangeOf<Sent, Answer>
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn,
    ...options,
    onSettled: () => queries.invalidateQueries({ queryKey }),
  });
}
