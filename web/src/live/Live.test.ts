import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aCluster } from '../testing/samples';
import { connection, setConnection } from './connection';
import { liveListener } from './Live';
import { newQueryClient } from './queries';

const removed = aCluster({
  notices: [{ code: 'MANAGER_REMOVED', severity: 'error', text: 'It was deleted.' }],
});

describe('what is heard of the own Manager', () => {
  beforeEach(() => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('silent')));
    setConnection({ state: 'connecting', lostAt: undefined, trials: [] });
  });
  afterEach(() => vi.unstubAllGlobals());

  const listening = () => {
    const stopped = vi.fn();
    const search = vi.fn(() => stopped);
    return { ...liveListener(newQueryClient(), search), search, stopped };
  };

  it('that it was removed begins the search, whatever else it still says', () => {
    const { onStatus, onOpen, search, stopped } = listening();
    onStatus(removed);
    // A process that goes down may open a stream and end it at once, again and again.
    for (let n = 0; n < 3; n++) onOpen();
    expect(search).toHaveBeenCalledOnce();
    expect(stopped).not.toHaveBeenCalled();
  });

  it('that it fell silent as it had said is told at once', () => {
    const { onStatus, onOpen, onBroken, search } = listening();
    onOpen();
    onStatus(removed);
    onBroken();
    expect(connection().state).toBe('lost');
    expect(search).toHaveBeenCalledOnce();
  });

  it('that a member fell silent has the services counted anew, and only then', () => {
    const queries = newQueryClient();
    const { onStatus } = liveListener(queries, () => vi.fn());
    const isOld = () => queries.getQueryState(['services', 'counts'])?.isInvalidated;
    const [first, ...others] = aCluster().members;
    if (first === undefined) throw new Error('a group has members');
    onStatus(aCluster());
    queries.setQueryData(['services', 'counts'], {});
    onStatus(aCluster());
    expect(isOld()).toBe(false);
    onStatus(aCluster({ members: [{ ...first, reachable: !first.reachable }, ...others] }));
    expect(isOld()).toBe(true);
  });

  it('that the stream stands has everything read again, unless it began with what came after what was read', () => {
    const queries = newQueryClient();
    queries.setQueryData(['hosts'], []);
    const isOld = () => queries.getQueryState(['hosts'])?.isInvalidated;
    const { onOpen } = liveListener(queries, () => vi.fn(), false);
    onOpen();
    expect(isOld()).toBe(false);
    // It broke meanwhile.
    onOpen();
    expect(isOld()).toBe(true);
    queries.setQueryData(['hosts'], []);
    liveListener(queries, () => vi.fn()).onOpen();
    expect(isOld()).toBe(true);
  });

  it('that somebody new is at its address ends the search', () => {
    const { onStatus, stopped } = listening();
    onStatus(removed);
    onStatus(aCluster());
    expect(stopped).toHaveBeenCalledOnce();
  });

  it('nothing, right from the start, begins a search too, whatever was heard before somebody signed in anew', () => {
    setConnection({ state: 'lost', lostAt: 1 });
    const { onBroken, search } = listening();
    onBroken();
    expect(search).toHaveBeenCalledOnce();
  });

  it('nothing more begins one search, which ends when the stream is back', () => {
    const { onOpen, onBroken, search, stopped } = listening();
    onOpen();
    onBroken();
    onBroken();
    expect(search).toHaveBeenCalledOnce();
    expect(connection().lostAt).toBeDefined();
    onOpen();
    expect(stopped).toHaveBeenCalledOnce();
    expect(connection()).toMatchObject({ state: 'live', lostAt: undefined });
  });
});
