import { describe, expect, it } from 'vitest';
import { observerOf, saysReading } from './evidence';

describe('the evidence of a verdict', () => {
  it('names who looked, and how', () => {
    expect(observerOf({ observer: 'znode', by: null }, 'km4')).toEqual({
      who: 'ZooKeeper',
      how: 'by its znode',
    });
    expect(observerOf({ observer: 'unit', by: null }, 'km4').who).toBe('The host km4');
    expect(observerOf({ observer: 'probe', by: 'km2' }, 'km4').who).toBe('The Kyvos Manager on km2');
    expect(observerOf({ observer: 'probe' }, 'km4').who).toBe('The Kyvos Manager on a host that left');
  });

  it('colours only what was said', () => {
    expect(saysReading('there').tone).toBe('ok');
    expect(saysReading('not_there').tone).toBe('bad');
    expect(saysReading('nothing').tone).toBe('idle');
  });
});
