import { QueryObserver } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';
import { keys, newQueryClient } from './queries';
import { makeAllOld } from './rows';

const rows = ['bi_server.a', 'bi_server.b'].map((id) => keys.serviceRow(id));

/** The list of the services, as its reader declares it; `looked`: whether somebody has it on screen. */
async function list(looked = true) {
  const queryFn = vi.fn(() => Promise.resolve('all'));
  const readRows = vi.fn(() => Promise.resolve());
  const queries = newQueryClient();
  const options = { queryKey: keys.serviceList, queryFn, meta: { readRows } };
  await queries.prefetchQuery(options);
  if (looked) new QueryObserver(queries, options).subscribe(() => undefined);
  queryFn.mockClear();
  return { queries, queryFn, readRows };
}

describe('of a list, rows of which something was heard', () => {
  it('are read together, and the others are not', async () => {
    const { queries, queryFn, readRows } = await list();
    void makeAllOld(queries, [...rows, keys.audit]);
    expect(readRows.mock.calls).toEqual([[queries, ['bi_server.a', 'bi_server.b']]]);
    expect(queryFn).not.toHaveBeenCalled();
  });

  it('that cannot be read have all of it read', async () => {
    const { queries, queryFn, readRows } = await list();
    readRows.mockRejectedValueOnce(new TypeError('no answer'));
    void makeAllOld(queries, rows);
    await vi.waitFor(() => expect(queryFn).toHaveBeenCalledOnce());
  });

  it('at which nobody looks are not read: it is old as a whole', async () => {
    const { queries, queryFn, readRows } = await list(false);
    void makeAllOld(queries, rows);
    expect(queries.getQueryState(keys.serviceList)?.isInvalidated).toBe(true);
    expect(queryFn.mock.calls.length + readRows.mock.calls.length).toBe(0);
  });

  it('that was not read yet are read with it, and once more', async () => {
    const queries = newQueryClient();
    const answers: ((text: string) => void)[] = [];
    const queryFn = vi.fn(() => new Promise<string>((answer) => answers.push(answer)));
    const readRows = vi.fn(() => Promise.resolve());
    new QueryObserver(queries, { queryKey: keys.serviceList, queryFn, meta: { readRows } }).subscribe(
      () => undefined,
    );
    void makeAllOld(queries, rows);
    answers[0]?.('before');
    await vi.waitFor(() => expect(queryFn).toHaveBeenCalledTimes(2));
    expect(readRows).not.toHaveBeenCalled();
  });
});
