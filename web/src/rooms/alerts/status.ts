// How severities, states and the telling read: a word, a colour, a shape. Pure.
import type { Alert, AlertChannel, AlertSeverity, AlertState } from '../../live/types';
import type { IconName } from '../../shell/icons';
import type { Tone } from '../../shell/parts';

export interface Reading {
  word: string;
  tone: Tone;
  icon: IconName;
}

const SEVERITIES: Record<AlertSeverity, Reading> = {
  error: { word: 'Error', tone: 'bad', icon: 'error' },
  warning: { word: 'Warning', tone: 'warn', icon: 'warning' },
  info: { word: 'Info', tone: 'info', icon: 'info' },
};

const STATES: Record<AlertState, string> = {
  open: 'Open',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
};

/** A resolved alert is not coloured any more: it asks nothing of anybody. */
export const severityReading = ({ severity, state }: Pick<Alert, 'severity' | 'state'>): Reading =>
  state === 'resolved' ? { ...SEVERITIES[severity], tone: 'idle' } : SEVERITIES[severity];

/** The service that an alert is about, if it is about one. */
export const serviceOf = ({ code, subject }: Pick<Alert, 'code' | 'subject'>): string | undefined =>
  code.startsWith('SERVICE_') && subject !== '' ? subject : undefined;

export const stateWord = (state: AlertState): string => STATES[state];

/** What the bell shows, and what it says to those who do not see it. */
export function bellOf(
  open: Pick<Alert, 'severity'>[],
  more: boolean,
): { shown: string; label: string; tone: Tone } {
  const number = open.length;
  if (number === 0) return { shown: '', label: 'No open alerts', tone: 'idle' };
  const shown = more || number > 99 ? '99+' : String(number);
  const grave = open.some(({ severity }) => severity === 'error');
  const noun = shown === '1' ? 'open alert' : 'open alerts';
  return { shown, label: `${shown} ${noun}`, tone: grave ? 'bad' : 'warn' };
}

/** How the telling goes on a channel. */
export function channelReading(channel: AlertChannel): Reading {
  const { failed_tries: failed, last_try: last, waiting } = channel;
  if (last === null || last === undefined) return { word: 'Not tried yet', tone: 'idle', icon: 'info' };
  if (failed > 0 || !last.ok) return { word: 'Failing', tone: 'bad', icon: 'error' };
  return waiting > 0
    ? { word: 'Telling', tone: 'info', icon: 'refresh' }
    : { word: 'Works', tone: 'ok', icon: 'check' };
}
