// How an operation goes on, inside the dialog that began it: its steps, live, and where to read on.
import { List, Stack, Text } from '@mantine/core';
import type { Operation, OperationStep } from '../../live/types';
import { Pill, ProblemAlert, Rows, TextLink } from '../../shell/parts';
import { OperationStatusPill } from './OperationStatusPill';
import { useOperation } from './queries';
import { stepReading } from './status';

function Step({ step }: { step: OperationStep }) {
  const { word, tone, icon } = stepReading(step.status);
  return (
    <List.Item>
      <Pill tone={tone} {...(icon ? { icon } : {})}>
        {word}
      </Pill>{' '}
      {step.title} {step.detail && <span className="quiet">{step.detail}</span>}
    </List.Item>
  );
}

/** Over, in one way or another. */
export const isOver = ({ status }: Pick<Operation, 'status'>) =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled';

export function OperationProgress({ id }: { id: number }) {
  const query = useOperation(id);
  const operation = query.data;
  if (!operation) return query.isError ? <ProblemAlert error={query.error} /> : <Rows count={3} />;
  return (
    <Stack gap="xs" aria-live="polite" data-operation={id}>
      <Text size="sm" component="div">
        <TextLink to={`/operations/${id}`}>{operation.title}</TextLink>{' '}
        <OperationStatusPill operation={operation} />
      </Text>
      <List size="sm" spacing={4} listStyleType="none">
        {(operation.steps ?? []).map((step) => (
          <Step key={`${step.name}: ${step.title}`} step={step} />
        ))}
      </List>
      {operation.error && (
        <Text size="sm" c="var(--km-bad)" role="alert">
          {operation.error}
        </Text>
      )}
      {!isOver(operation) && (
        <Text size="sm" c="dimmed">
          It goes on when this dialog is closed, and survives a failover.
        </Text>
      )}
    </Stack>
  );
}
