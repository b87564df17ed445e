// Getting several files one after the other: how far each is, and stopping.
import { useEffect, useRef, useState } from 'react';
import { download, save } from '../../live/download';

export interface Wanted {
  key: string;
  label: string;
  path: string;
  /** Its name, should the server give none. */
  otherwise: string;
}

export type Progress =
  | { state: 'waiting' }
  | { state: 'loading'; bytes: number }
  | { state: 'done'; name: string; bytes: number }
  | { state: 'failed'; error: unknown };

export interface Item extends Wanted {
  progress: Progress;
}

export function useDownloads() {
  const [items, setItems] = useState<Item[]>([]);
  const running = useRef<AbortController>(undefined);
  // Whoever leaves the page does not want the rest.
  useEffect(() => () => running.current?.abort(), []);

  const put = (key: string, progress: Progress) =>
    setItems((now) => now.map((item) => (item.key === key ? { ...item, progress } : item)));

  const one = async ({ key, path, otherwise }: Wanted, signal: AbortSignal) => {
    try {
      put(key, { state: 'loading', bytes: 0 });
      const file = await download(path, otherwise, (bytes) => put(key, { state: 'loading', bytes }), signal);
      save(file);
      put(key, { state: 'done', name: file.name, bytes: file.content.size });
    } catch (error) {
      if (!signal.aborted) put(key, { state: 'failed', error });
    }
  };

  const start = async (wanted: Wanted[]) => {
    const stopper = new AbortController();
    running.current = stopper;
    setItems(wanted.map((each) => ({ ...each, progress: { state: 'waiting' } })));
    for (const each of wanted) {
      if (stopper.signal.aborted) return;
      await one(each, stopper.signal);
    }
  };
  const stop = () => {
    running.current?.abort();
    setItems((now) => now.filter(({ progress }) => progress.state === 'done' || progress.state === 'failed'));
  };
  const busy = items.some(({ progress }) => progress.state === 'waiting' || progress.state === 'loading');
  return { items, busy, start, stop };
}
