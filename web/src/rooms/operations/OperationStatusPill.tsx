// The status of one operation, in its word and colour.
import type { Operation } from '../../live/types';
import { Pill } from '../../shell/parts';
import { operationReading } from './status';

export function OperationStatusPill({ operation }: { operation: Pick<Operation, 'status' | 'resumed'> }) {
  const { word, tone, icon } = operationReading(operation);
  return (
    <Pill tone={tone} {...(icon ? { icon } : {})}>
      {word}
    </Pill>
  );
}
