// What the page asked for before its code was there (public/early.js): each answer serves the first read of its address.
declare global {
  interface Window {
    /** By path and query. */
    kmEarly?: Map<string, Promise<Response>>;
  }
}

/** The answer that is on its way already, if there is one. */
export function takeEarly({ method, url }: Request): Promise<Response> | undefined {
  if (method !== 'GET') return undefined;
  const { pathname, search } = new URL(url);
  const early = window.kmEarly?.get(pathname + search);
  window.kmEarly?.delete(pathname + search);
  return early;
}

/** Once the first view is read: an answer that nobody took would be an old one for whoever comes later. */
export function forgetEarly(): void {
  window.kmEarly = undefined;
}
