import { describe, expect, it } from 'vitest';
import { clusterReading } from './cluster';

describe('the state of the cluster', () => {
  it.each([
    ['running', 'Running', 'ok'],
    ['suspended', 'Suspended', 'idle'],
    ['starting', 'Starting', 'info'],
    ['stopping', 'Stopping', 'info'],
    ['partly_running', 'Partly running', 'warn'],
    ['down', 'Down', 'bad'],
    ['unknown', 'Unknown', 'idle'],
  ] as const)('%s', (state, word, tone) => {
    expect(clusterReading({ state, stale: false })).toMatchObject({ word, tone });
  });

  it('is marked, and accuses nobody, when nobody has looked since', () => {
    expect(clusterReading({ state: 'down', stale: true })).toMatchObject({
      word: 'Down, stale',
      tone: 'idle',
    });
    expect(clusterReading({ state: 'unknown', stale: true }).word).toBe('Unknown');
  });
});
