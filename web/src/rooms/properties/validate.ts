// The client's first look at a value, per kind, so that a typing mistake is seen while typing. The server is the judge.
import type { PropertyKind } from '../../live/types';

const BYTES_MAX = 4096;
const encoder = new TextEncoder();

export const byteLength = (text: string) => encoder.encode(text).length;

function urlProblem(value: string): string | undefined {
  if (value === '') return undefined;
  try {
    const { protocol } = new URL(value);
    return protocol === 'https:' || protocol === 'http:' ? undefined : 'Starts with https:// or http://.';
  } catch {
    return 'Not a URL, such as https://manager.example.';
  }
}

function integerProblem(
  value: string,
  min: number,
  max: number,
  unit: string | null | undefined,
): string | undefined {
  const range = `A whole number from ${min} to ${max}${unit ? ` ${unit}` : ''}.`;
  if (!/^-?\d+$/.test(value)) return range;
  const n = Number(value);
  return n >= min && n <= max ? undefined : range;
}

function textProblem(value: string, bytesMax: number): string | undefined {
  if (/\p{Cc}/u.test(value)) return 'No line breaks or other control characters.';
  const bytes = byteLength(value);
  return bytes <= bytesMax ? undefined : `At most ${bytesMax} bytes; this is ${bytes}.`;
}

/** Why the value does not fit the kind, or undefined. */
export function valueProblem(kind: PropertyKind, value: string): string | undefined {
  switch (kind.type) {
    case 'yes_no':
      return /^(yes|no)$/i.test(value) ? undefined : 'Either yes or no.';
    case 'choice':
      return kind.choices.includes(value) ? undefined : `One of ${kind.choices.join(', ')}.`;
    case 'integer':
      return integerProblem(value, kind.min, kind.max, kind.unit);
    case 'url':
      return urlProblem(value) ?? textProblem(value, BYTES_MAX);
    case 'secret':
    case 'text':
      return textProblem(value, kind.max_bytes);
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const NAME_MAX = 128;

/** Why a custom property cannot have this name, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'A name is needed.';
  if (name.length > NAME_MAX) return `At most ${NAME_MAX} characters.`;
  return NAME.test(name)
    ? undefined
    : 'Letters, digits, full stop, hyphen and underscore; starts with a letter or digit.';
}
