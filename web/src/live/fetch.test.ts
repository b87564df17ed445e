import { afterEach, describe, expect, it, vi } from 'vitest';
import { mayRepeat, send, waitBefore } from './fetch';

const PUT = (key?: string) =>
  new Request('https://km1.example/api/v1/properties/custom/a', {
    method: 'PUT',
    body: '{}',
    headers: key ? { 'Idempotency-Key': key } : {},
  });
const answer = (status: number, headers = {}) => new Response(null, { status, headers });

describe('sending again', () => {
  // row 83
  it('is safe for a change only under an idempotency key', () => {
    expect(mayRepeat(PUT(), answer(503))).toBe(false);
    expect(mayRepeat(PUT('k'), answer(503))).toBe(true);
    expect(mayRepeat(PUT('k'), undefined)).toBe(true);
  });

  it.each([200, 400, 409, 412, 422])('does not happen after %d, which is an answer', (status) => {
    expect(mayRepeat(PUT('k'), answer(status))).toBe(false);
  });

  it('waits longer each time, or as long as asked, within reason', () => {
    expect([1, 2, 3].map((attempt) => waitBefore(attempt, null))).toEqual([400, 800, 1600]);
    expect(waitBefore(1, '2')).toBe(2000);
    expect(waitBefore(1, '60')).toBe(3000);
    expect(waitBefore(1, 'nonsense')).toBe(400);
  });
});

describe('send', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('carries a change through a failover under one key', async () => {
    vi.useFakeTimers();
    const keysSeen: (string | null)[] = [];
    const answers = [() => Promise.reject(new TypeError('gone')), () => answer(503), () => answer(200)];
    vi.stubGlobal('fetch', (request: Request) => {
      keysSeen.push(request.headers.get('Idempotency-Key'));
      return Promise.resolve(answers.shift()?.());
    });
    const sent = send(PUT('k'));
    await vi.runAllTimersAsync();
    expect((await sent).status).toBe(200);
    expect(keysSeen).toEqual(['k', 'k', 'k']);
  });

  it('sends a read once and says that nobody answered', async () => {
    const fetch = vi.fn(() => Promise.reject(new TypeError('gone')));
    vi.stubGlobal('fetch', fetch);
    await expect(send(new Request('https://km1.example/api/v1/audit'))).rejects.toThrow('no answer');
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});
