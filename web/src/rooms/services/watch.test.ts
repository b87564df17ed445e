import { describe, expect, it } from 'vitest';
import type { ServiceWatch } from '../../live/types';
import { watchReading } from './watch';

const server = (serves: boolean) => ({
  address: 'zk1:2181',
  serves,
  mode: serves ? 'leader' : null,
  because: serves ? null : 'refused',
});

const watch = (change: Partial<ServiceWatch>) =>
  watchReading({
    state: 'watching',
    servers: [server(true), server(true), server(true)],
    serving: 3,
    stale: false,
    stale_since: null,
    troubles: [],
    ...change,
  });

const SINCE = '2026-11-28T07:00:00Z';

describe('the watch of ZooKeeper', () => {
  it('says how many servers serve, and warns as soon as one does not', () => {
    expect(watch({})).toMatchObject({ word: 'ZooKeeper 3/3', tone: 'ok', staleSince: undefined });
    expect(watch({ serving: 2, servers: [server(true), server(true), server(false)] })).toMatchObject({
      word: 'ZooKeeper 2/3',
      tone: 'warn',
    });
  });

  it('warns when not everything is seen, although every server serves', () => {
    expect(watch({ troubles: ['/kyvos/bi_servers has children that we may not list'] })).toMatchObject({
      word: 'ZooKeeper 3/3',
      tone: 'warn',
    });
  });

  it('says since when what is shown may be old', () => {
    expect(watch({ state: 'away', stale: true, stale_since: SINCE })).toMatchObject({
      word: 'ZooKeeper unavailable',
      tone: 'warn',
      staleSince: SINCE,
    });
  });

  it('alarms nobody where nobody wants it', () => {
    expect(watch({ state: 'off', servers: [], serving: 0, stale: true, stale_since: SINCE })).toMatchObject({
      word: 'ZooKeeper not watched',
      tone: 'idle',
      staleSince: undefined,
    });
    expect(watch({ state: 'never', servers: [], serving: 0, stale: true }).word).toBe(
      'ZooKeeper not looked at yet',
    );
  });
});
