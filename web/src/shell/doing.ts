// What the address asks to be done, beside the page it names: a dialog that a link, a banner or a menu of any page can open,
// and that Back closes. The page's own part of the address stays as it is.
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

const DOING = 'do';
const ABOUT = ['manager', 'role', 'host', 'service'] as const;

/** Which dialog, and what it is about. */
export interface Doing {
  do: string;
  manager?: number | undefined;
  role?: string | undefined;
  host?: string | undefined;
  service?: string | undefined;
}

function written(before: URLSearchParams, doing: Doing | undefined): URLSearchParams {
  for (const name of [DOING, ...ABOUT]) before.delete(name);
  if (doing === undefined) return before;
  before.set(DOING, doing.do);
  for (const name of ABOUT) if (doing[name] !== undefined) before.set(name, String(doing[name]));
  return before;
}

/** What an address asks for. Pure. */
export function doingOf(params: URLSearchParams): Doing | undefined {
  const what = params.get(DOING);
  if (what === null) return undefined;
  const manager = Number(params.get('manager'));
  return {
    do: what,
    manager: Number.isSafeInteger(manager) && manager > 0 ? manager : undefined,
    role: params.get('role') ?? undefined,
    host: params.get('host') ?? undefined,
    service: params.get('service') ?? undefined,
  };
}

export function useDoing() {
  const [params, setParams] = useSearchParams();
  const open = useCallback(
    (doing: Doing) => setParams((before) => written(before, doing), { preventScrollReset: true }),
    [setParams],
  );
  const close = useCallback(
    () => setParams((before) => written(before, undefined), { replace: true, preventScrollReset: true }),
    [setParams],
  );
  return { doing: doingOf(params), open, close };
}
