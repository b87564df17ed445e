// What the first view can do without is read when the browser has time for it.
import { useEffect, useState } from 'react';

const LEISURE_MAX_MS = 1000;
/** A Manager that does not answer is no reason to show less: its page looks for another one meanwhile. */
const AGAIN_AFTER_MS = 2000;

/** Whether a file is there: it is read when the browser had time for something else, and again for as long as nobody answers. Not
 * every browser says that it has time: then at once. */
export function useReadAtLeisure(read: () => Promise<unknown>): boolean {
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    let again: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const attempt = () =>
      read().then(
        () => over || setThere(true),
        () => {
          if (!over) again = setTimeout(attempt, AGAIN_AFTER_MS);
        },
      );
    const atLeisure = window.requestIdleCallback;
    const asked = atLeisure?.(() => void attempt(), { timeout: LEISURE_MAX_MS });
    if (asked === undefined) void attempt();
    return () => {
      over = true;
      clearTimeout(again);
      if (asked !== undefined) window.cancelIdleCallback(asked);
    };
  }, [read]);
  return isThere;
}
