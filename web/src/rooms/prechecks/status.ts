// How prechecks read: each result, and all together. Pure.
import type { Precheck } from '../../live/types';
import { plural } from '../../shell/format';
import type { IconName } from '../../shell/icons';
import type { Tone } from '../../shell/parts';

const RESULTS: Record<Precheck['result'], { word: string; tone: Tone; icon: IconName }> = {
  pass: { word: 'PASS', tone: 'ok', icon: 'check' },
  warn: { word: 'WARN', tone: 'warn', icon: 'warning' },
  fail: { word: 'FAIL', tone: 'bad', icon: 'close' },
};

export const resultReading = (result: Precheck['result']) => RESULTS[result];

export const failed = (checks: Precheck[]) => checks.filter(({ result }) => result === 'fail');

/** How long what was found at a host may still be taken for how it is there. */
const FRESH_MS = 300_000;

/** Whether a host was looked at, and not long ago. */
export const isFresh = (checks: Precheck[], now: number) =>
  checks.length > 0 && checks.every(({ at }) => now - Date.parse(at) <= FRESH_MS);

/** "2 checks failed, 1 warning", or that all passed. */
export function summaryOf(checks: Precheck[]): { words: string; tone: Tone } {
  const fails = failed(checks).length;
  const warnings = checks.filter(({ result }) => result === 'warn').length;
  const words = [
    ...(fails > 0 ? [`${plural(fails, 'check')} failed`] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ];
  if (words.length === 0) return { words: `All ${plural(checks.length, 'check')} passed`, tone: 'ok' };
  return { words: words.join(', '), tone: fails > 0 ? 'bad' : 'warn' };
}
