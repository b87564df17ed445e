import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aCluster } from '../testing/samples';
import { connection, setConnection } from './connection';
import { ARRIVAL_MAX_MS, searchForAnother } from './search';

const OTHER = 'https://km2.example:8443';
const removed = () =>
  aCluster({ notices: [{ code: 'MANAGER_REMOVED', severity: 'error', text: 'It was deleted.' }] });

/** A browser that never arrives anywhere, and Managers of which these answer. */
const surroundings = (...answering: string[]) => {
  const went: string[] = [];
  return {
    went,
    answers: (origin: string) => Promise.resolve(answering.includes(origin)),
    goTo: (url: string) => void went.push(url),
  };
};

describe('the search for another Manager', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    history.replaceState(null, '', '/audit');
    setConnection({ state: 'live', lostAt: Date.now(), trials: [] });
  });
  afterEach(() => vi.useRealTimers());

  it('lets the browser arrive: a busy Manager is not gone to again before it could show its page', async () => {
    const browser = surroundings(OTHER);
    const stop = searchForAnother(() => aCluster(), browser);
    await vi.advanceTimersByTimeAsync(ARRIVAL_MAX_MS);
    expect(browser.went).toEqual([`${OTHER}/audit?km_r=1&switched=silent`]);
    // Nobody arrived: whoever answers now may do better.
    await vi.advanceTimersByTimeAsync(ARRIVAL_MAX_MS);
    expect(browser.went).toHaveLength(2);
    stop();
  });

  it('stays while its own Manager answers and only the stream broke', async () => {
    const browser = surroundings(location.origin, OTHER);
    const stop = searchForAnother(() => aCluster(), browser);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(browser.went).toEqual([]);
    stop();
  });

  it('leaves one that was removed although it still answers, and says why', async () => {
    const browser = surroundings(location.origin, OTHER);
    setConnection({ lostAt: undefined });
    const stop = searchForAnother(removed, browser);
    await vi.advanceTimersByTimeAsync(1500);
    expect(browser.went).toEqual([`${OTHER}/audit?km_r=1&switched=removed`]);
    expect(connection().state).toBe('live');
    stop();
  });

  it('says that the connection is lost only once it is, and goes nowhere when it is back', async () => {
    const browser = surroundings(OTHER);
    const stop = searchForAnother(() => aCluster(), browser);
    await vi.advanceTimersByTimeAsync(600);
    expect(connection().state).toBe('live');
    await vi.advanceTimersByTimeAsync(100);
    expect(connection().state).toBe('lost');
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(browser.went).toEqual([]);
  });
});
