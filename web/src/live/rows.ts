// Of a long list only the rows are read again of which something was heard, if its reader knows how; else all of it.
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { keys, makeOld } from './queries';

declare module '@tanstack/react-query' {
  interface Register {
    queryMeta: {
      /** Reads these rows, and puts them among the others. */
      readRows?: (queries: QueryClient, ids: string[]) => Promise<void>;
    };
  }
}

const LIST = keys.serviceList;
const rowOf = (key: QueryKey): string | undefined =>
  key.length > LIST.length && LIST.every((part, at) => part === key[at])
    ? String(key[LIST.length])
    : undefined;

async function makeRowsOld(queries: QueryClient, ids: string[]): Promise<void> {
  const query = queries.getQueryCache().find({ queryKey: LIST });
  const read = query?.meta?.readRows;
  // Nobody looks at it, or it was not read yet: all of it is old.
  if (read === undefined || !query?.isActive() || query.state.data === undefined)
    await makeOld(queries, LIST);
  else await read(queries, ids).catch(() => makeOld(queries, LIST));
}

/** Has all of that read again. Ends once what is shown of it was read. */
export async function makeAllOld(queries: QueryClient, all: QueryKey[]): Promise<void> {
  const ids = all.flatMap((key) => rowOf(key) ?? []);
  const others = all.filter((key) => rowOf(key) === undefined);
  const rows = ids.length > 0 ? [makeRowsOld(queries, ids)] : [];
  await Promise.all([...rows, ...others.map((key) => makeOld(queries, key))]);
}
