import { describe, expect, it } from 'vitest';
import { bodyOf, type ControlDraft, draftOf, probeWords, wrongWith } from './control';

const draft = (change: Partial<ControlDraft>): ControlDraft => ({
  unit: 'kyvos-bi-server',
  probe: 'http',
  port: 8081,
  path: '/up',
  ...change,
});

describe('how a type is controlled', () => {
  it('comes back as it was', () => {
    for (const probe of [
      { kind: 'none' as const },
      { kind: 'tcp' as const, port: 8081 },
      { kind: 'http' as const, port: 8081, path: '/up' },
    ])
      expect(bodyOf(draftOf({ unit: 'u', probe }))).toEqual({ unit: 'u', probe });
  });

  it('leaves the port to what is known of it', () => {
    expect(bodyOf(draftOf({ unit: 'u', probe: { kind: 'tcp', port: null } }))).toEqual({
      unit: 'u',
      probe: { kind: 'tcp' },
    });
  });

  it('is what a host could offer', () => {
    expect(wrongWith(draft({}))).toEqual({});
    for (const unit of ['', '-x', 'a b', 'a'.repeat(65)])
      expect(wrongWith(draft({ unit })).unit).toBeDefined();
    for (const port of [0, 65_536, 1.5, 'x']) expect(wrongWith(draft({ port })).port).toBeDefined();
    for (const path of ['up', '/u p', '', `/${'a'.repeat(256)}`])
      expect(wrongWith(draft({ path })).path).toBeDefined();
  });

  it('asks of what is not looked at neither port nor path', () => {
    expect(wrongWith(draft({ probe: 'none', port: 0, path: '' }))).toEqual({});
    expect(wrongWith(draft({ probe: 'tcp', path: '' }))).toEqual({});
  });

  it('reads in a few words', () => {
    expect(probeWords({ probe: { kind: 'none' } })).toBe('not asked');
    expect(probeWords({ probe: { kind: 'tcp', port: null } })).toBe(
      'a connection to the port that is known of it',
    );
    expect(probeWords({ probe: { kind: 'http', port: 8081, path: '/up' } })).toBe('GET /up at port 8081');
  });
});
