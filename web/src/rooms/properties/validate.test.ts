import { describe, expect, it } from 'vitest';
import type { PropertyKind } from '../../live/types';
import { nameProblem, valueProblem } from './validate';

const fits = (kind: PropertyKind, value: string) => valueProblem(kind, value) === undefined;

describe('a value of kind', () => {
  // row 24
  it('yes_no is yes or no, in any capitals, and nothing else', () => {
    const kind: PropertyKind = { type: 'yes_no' };
    for (const value of ['yes', 'no', 'Yes', 'YES']) expect(fits(kind, value)).toBe(true);
    for (const value of ['', 'true', '1', 'y', ' yes']) expect(fits(kind, value)).toBe(false);
  });

  it('choice is one of the choices', () => {
    const kind: PropertyKind = { type: 'choice', choices: ['auto', 'on', 'off'] };
    expect(fits(kind, 'auto')).toBe(true);
    expect(valueProblem(kind, 'maybe')).toBe('One of auto, on, off.');
  });

  it('integer is a whole number within its bounds', () => {
    const kind: PropertyKind = { type: 'integer', min: 500, max: 60_000, unit: 'ms' };
    for (const value of ['500', '60000', '0750']) expect(fits(kind, value)).toBe(true);
    for (const value of ['499', '60001', '', '1e3', '5.5', '-600', '0x200', '٧٥٠'])
      expect(fits(kind, value)).toBe(false);
    expect(valueProblem(kind, 'abc')).toBe('A whole number from 500 to 60000 ms.');
  });

  it('url is http, https or empty', () => {
    const kind: PropertyKind = { type: 'url' };
    for (const value of ['', 'https://lb.example', 'http://lb.example:8080/km'])
      expect(fits(kind, value)).toBe(true);
    for (const value of ['lb.example', 'javascript:alert(1)', 'ftp://x', 'https://'])
      expect(fits(kind, value)).toBe(false);
  });

  it('text is measured in bytes, not in characters', () => {
    const kind: PropertyKind = { type: 'text', max_bytes: 4 };
    expect(fits(kind, 'äö')).toBe(true);
    expect(valueProblem(kind, 'äöü')).toBe('At most 4 bytes; this is 6.');
    expect(fits(kind, 'a\nb')).toBe(false);
  });
});

describe('a custom name', () => {
  it.each(['greeting', 'a.b-c_D9', '9lives'])('may be %s', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });
  it.each(['', '.hidden', 'a/b', 'a b', 'ä', 'x'.repeat(129)])('may not be "%s"', (name) => {
    expect(nameProblem(name)).toBeDefined();
  });
});
