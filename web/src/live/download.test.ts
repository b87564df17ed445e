import { afterEach, describe, expect, it, vi } from 'vitest';
import { download, fileNameOf } from './download';

afterEach(() => vi.unstubAllGlobals());

const answering = (response: Response) => vi.stubGlobal('fetch', () => Promise.resolve(response));
const never = new AbortController().signal;

describe('a file from the API', () => {
  it('has the name the server gave it, and never a path', () => {
    expect(fileNameOf('attachment; filename="km-logs-Blue-2026.tar.gz"', 'x')).toBe(
      'km-logs-Blue-2026.tar.gz',
    );
    expect(fileNameOf('attachment; filename=a.tar.gz', 'x')).toBe('a.tar.gz');
    expect(fileNameOf('attachment; filename="../../etc/passwd"', 'x')).toBe('.._.._etc_passwd');
    expect(fileNameOf(null, 'logs.tar.gz')).toBe('logs.tar.gz');
  });

  it('tells how much has come', async () => {
    const body = new ReadableStream({
      start(stream) {
        stream.enqueue(new Uint8Array(3));
        stream.enqueue(new Uint8Array(4));
        stream.close();
      },
    });
    answering(new Response(body));
    const heard: number[] = [];
    await download('/support-bundle', 'x', (bytes) => heard.push(bytes), never);
    expect(heard).toEqual([3, 7]);
  });

  it('that is refused is a problem in the words of the server', async () => {
    const problem = { code: 'NOT_REACHED', status: 409, detail: 'Its host does not answer.', title: '' };
    answering(new Response(JSON.stringify(problem), { status: 409 }));
    await expect(download('/x', 'x', () => undefined, never)).rejects.toMatchObject({ code: 'NOT_REACHED' });
  });
});
