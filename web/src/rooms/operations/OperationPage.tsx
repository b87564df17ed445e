// One operation, step by step, live; and what can still be done about it.
import { useParams } from 'react-router';
import { useNow } from '../../live/clock';
import { useCluster, useWhyNot } from '../../live/session';
import type { Cluster, Operation, OperationStep } from '../../live/types';
import { absolute, duration } from '../../shell/format';
import { DataTable, Panel, RowName } from '../../shell/listing';
import { nameOf } from '../../shell/notices';
import { Age, GuardedButton, Page, Pill, ProblemAlert, Rows, TextLink } from '../../shell/parts';
import { OperationStatusPill } from './OperationStatusPill';
import { useOperation, useSteer } from './queries';
import { elapsedMs, mayCancel, mayRetry, stepReading } from './status';

const COLUMNS = ['Step', 'Status', 'Attempt', 'Detail', 'Started', 'Duration', 'Executed by', 'Epoch'];
const NUMBERS = ['Attempt', 'Duration', 'Epoch'];

function StepRow({ step, cluster }: { step: OperationStep; cluster: Cluster | undefined }) {
  const now = useNow();
  const { word, tone, icon } = stepReading(step.status);
  const elapsed = elapsedMs({ started_at: step.started_at, finished_at: step.finished_at }, now);
  const executor =
    step.executed_by == null ? '–' : ((cluster && nameOf(cluster, step.executed_by)) ?? step.executed_by);
  return (
    <tr>
      <RowName>{step.title}</RowName>
      <td>
        <Pill tone={tone} {...(icon ? { icon } : {})}>
          {word}
        </Pill>
      </td>
      <td className="number">{step.attempt || '–'}</td>
      <td style={{ whiteSpace: 'normal', maxWidth: 420 }}>{step.detail ?? '–'}</td>
      <td>
        <Age at={step.started_at} />
      </td>
      <td className="number">{elapsed === undefined ? '–' : duration(elapsed)}</td>
      <td>{executor}</td>
      <td className="number">{step.epoch ?? '–'}</td>
    </tr>
  );
}

function Steps({ steps }: { steps: OperationStep[] }) {
  const cluster = useCluster().data;
  return (
    <Panel title="Steps">
      <DataTable label="Steps" columns={COLUMNS} numbers={NUMBERS}>
        {steps.map((step) => (
          <StepRow key={`${step.name}: ${step.title}`} step={step} cluster={cluster} />
        ))}
      </DataTable>
    </Panel>
  );
}

function Facts({ operation }: { operation: Operation }) {
  const cluster = useCluster().data;
  const facts: [string, React.ReactNode][] = [
    ['Status', <OperationStatusPill key="status" operation={operation} />],
    ['Target', operation.target],
    ['Requested by', operation.requested_by],
    ['Via instance', (cluster && nameOf(cluster, operation.via)) ?? operation.via],
    ['Requested', absolute(operation.requested_at)],
    ['Finished', operation.finished_at ? absolute(operation.finished_at) : 'not yet'],
    ['Failovers survived', operation.resumed],
  ];
  return (
    <section className="panel" aria-label="Facts" style={{ padding: 14 }}>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {operation.error && (
        <p style={{ color: 'var(--km-bad)', margin: '10px 0 0' }} role="alert">
          {operation.error}
        </p>
      )}
    </section>
  );
}

function Steering({ operation }: { operation: Operation }) {
  const whyNot = useWhyNot('operations.control');
  const steer = useSteer(operation.id);
  const notNow = `It is ${operation.status.replace('_', ' ')}.`;
  return (
    <>
      <GuardedButton
        variant="default"
        whyNot={whyNot ?? (mayRetry(operation) ? undefined : notNow)}
        loading={steer.isPending}
        onClick={() => steer.mutate('retry')}
      >
        Retry
      </GuardedButton>
      <GuardedButton
        variant="default"
        whyNot={whyNot ?? (mayCancel(operation) ? undefined : notNow)}
        loading={steer.isPending}
        onClick={() => steer.mutate('cancel')}
      >
        Cancel
      </GuardedButton>
      {steer.isError && <ProblemAlert error={steer.error} />}
    </>
  );
}

export function OperationPage() {
  const id = Number(useParams().id);
  const query = useOperation(id);
  const operation = query.data;
  return (
    <Page
      title={operation?.title ?? `Operation ${id}`}
      above={
        <>
          <TextLink to="/operations">Operations</TextLink> / {id}
        </>
      }
      actions={operation && <Steering operation={operation} />}
    >
      {query.isPending && <Rows />}
      {query.isError && !operation && <ProblemAlert error={query.error} />}
      {operation && (
        <>
          <Facts operation={operation} />
          <Steps steps={operation.steps ?? []} />
        </>
      )}
    </Page>
  );
}
