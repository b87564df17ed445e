// How an operation's status reads. The words are those of requirements section 5.7.
import type { Operation, OperationStatus, OperationStep } from '../../live/types';
import type { IconName } from '../../shell/icons';
import type { Tone } from '../../shell/parts';

export interface Reading {
  word: string;
  tone: Tone;
  icon?: IconName;
}

const OPERATION: Record<OperationStatus, Reading> = {
  queued: { word: 'Queued', tone: 'idle' },
  running: { word: 'Running', tone: 'info' },
  succeeded: { word: 'Succeeded', tone: 'ok', icon: 'check' },
  failed: { word: 'Failed', tone: 'bad', icon: 'close' },
  needs_decision: { word: 'Needs decision', tone: 'warn', icon: 'warning' },
  cancelled: { word: 'Cancelled', tone: 'idle', icon: 'close' },
};

const STEP: Record<OperationStep['status'], Reading> = {
  pending: { word: 'Pending', tone: 'idle' },
  running: { word: 'Running', tone: 'info' },
  done: { word: 'Done', tone: 'ok', icon: 'check' },
  failed: { word: 'Failed', tone: 'bad', icon: 'close' },
  skipped: { word: 'Skipped', tone: 'idle' },
};

export const STATUSES = Object.keys(OPERATION) as OperationStatus[];

/** A running operation that survived a failover says so. */
export function operationReading({ status, resumed }: Pick<Operation, 'status' | 'resumed'>): Reading {
  if (status === 'running' && resumed > 0) return { word: 'Resumed after failover', tone: 'info' };
  return OPERATION[status];
}

export const stepReading = (status: OperationStep['status']) => STEP[status];

export const mayCancel = ({ status }: Pick<Operation, 'status'>) =>
  status === 'queued' || status === 'running' || status === 'needs_decision';

export const mayRetry = ({ status }: Pick<Operation, 'status'>) =>
  status === 'failed' || status === 'needs_decision';

/** How long it took, or has taken so far. */
export function elapsedMs(
  { started_at, finished_at }: Pick<Operation, 'started_at' | 'finished_at'>,
  now: number,
): number | undefined {
  if (!started_at) return undefined;
  const end = finished_at ? Date.parse(finished_at) : now;
  return Math.max(0, end - Date.parse(started_at));
}
