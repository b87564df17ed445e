// A file from the API, piece by piece, with its progress. Other than the client's calls it has no bound on its duration,
// only on its silence: logs of a week take as long as they take.
import { noAnswer, problemOf } from './problem';

/** A stream that says nothing for this long is broken. */
const SILENCE_MAX_MS = 60_000;
const BASE = '/api/v1';

export interface Download {
  name: string;
  content: Blob;
}

/** The name the server gives the file; never a path. */
export function fileNameOf(disposition: string | null, otherwise: string): string {
  const name = /filename="?([^";]+)"?/.exec(disposition ?? '')?.[1]?.trim();
  return name?.replace(/[/\\]/g, '_') || otherwise;
}

async function* piecesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>, stop: () => void) {
  const reader = body.getReader();
  for (;;) {
    const silence = setTimeout(stop, SILENCE_MAX_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    yield value;
  }
}

/** Gets a file. `onProgress` hears how many bytes have come so far. */
export async function download(
  path: string,
  otherwise: string,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Download> {
  const silent = new AbortController();
  const response = await fetch(BASE + path, {
    headers: { 'X-KM-Client': 'web' },
    signal: AbortSignal.any([signal, silent.signal]),
  }).catch((error) => {
    throw signal.aborted ? error : noAnswer();
  });
  if (!response.ok) throw problemOf(await response.json().catch(() => undefined), response);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  if (response.body) {
    for await (const piece of piecesOf(response.body, () => silent.abort())) {
      pieces.push(piece);
      bytes += piece.length;
      onProgress(bytes);
    }
  }
  const type = response.headers.get('Content-Type') ?? 'application/octet-stream';
  return {
    name: fileNameOf(response.headers.get('Content-Disposition'), otherwise),
    content: new Blob(pieces, { type }),
  };
}

/** Hands a file to the browser, which puts it where its user wants downloads. */
export function save({ name, content }: Download): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun by then; the memory is not held for longer.
  setTimeout(() => URL.revokeObjectURL(url), SILENCE_MAX_MS);
}
