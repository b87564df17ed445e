// The one EventSource of the page: opened once per session, reopened with growing pauses from the last revision it saw,
// and not trusted when silent: the server speaks at least every five seconds.
import type { ChangeEvent, Cluster } from './types';

const WAIT_FIRST_MS = 250;
const WAIT_MAX_MS = 4000;
const SILENCE_MAX_MS = 12_000;

export interface StreamListener {
  onOpen(): void;
  onBroken(): void;
  onHeard(): void;
  onChange(event: ChangeEvent): void;
  onStatus(cluster: Cluster): void;
  onResync(): void;
}

/** A bookmark says nothing but how far the page is, and that the stream lives. */
const NOTHING = () => {};

/** The pause before reopening number `attempt`, counted from 0. */
export const reopenAfterMs = (attempt: number) => Math.min(WAIT_FIRST_MS * 2 ** attempt, WAIT_MAX_MS);

/** Opens the stream and keeps it open; it begins with what came after revision `after`, or now. Returns how to end it. */
export function openStream(listener: StreamListener, after?: number): () => void {
  let source: EventSource | undefined;
  let lastRevision = after?.toString();
  let attempt = 0;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(broken, SILENCE_MAX_MS);
    listener.onHeard();
  };
  const broken = () => {
    source?.close();
    clearTimeout(silence);
    clearTimeout(reopening);
    listener.onBroken();
    reopening = setTimeout(open, reopenAfterMs(attempt++));
  };
  const on = (name: string, handle: (data: never) => void) =>
    source?.addEventListener(name, (message: MessageEvent<string>) => {
      if (message.lastEventId !== '') lastRevision = message.lastEventId;
      heard();
      handle(JSON.parse(message.data) as never);
    });
  const open = () => {
    source = new EventSource(`/api/v1/events${lastRevision ? `?after=${lastRevision}` : ''}`);
    silence = setTimeout(broken, SILENCE_MAX_MS);
    source.onopen = () => {
      attempt = 0;
      heard();
      listener.onOpen();
    };
    source.onerror = broken;
    on('change', listener.onChange);
    on('status', listener.onStatus);
    on('resync', listener.onResync);
    on('bookmark', NOTHING);
  };

  open();
  return () => {
    source?.close();
    clearTimeout(silence);
    clearTimeout(reopening);
  };
}
