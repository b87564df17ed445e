// Everything long the group has done or is doing, newest first.
import { NativeSelect, Progress } from '@mantine/core';
import { useSearchParams } from 'react-router';
import { useNow } from '../../live/clock';
import { useCluster } from '../../live/session';
import type { Operation, OperationStatus } from '../../live/types';
import { duration } from '../../shell/format';
import { DataTable, PagedListing, RowName } from '../../shell/listing';
import { nameOf } from '../../shell/notices';
import { Age, Empty, Page, TextLink } from '../../shell/parts';
import { OperationStatusPill } from './OperationStatusPill';
import { useOperationPages } from './queries';
import { elapsedMs, operationReading, STATUSES } from './status';

const COLUMNS = [
  'Id',
  'Operation',
  'Target',
  'Requested by',
  'Via instance',
  'Start',
  'Duration',
  'Progress',
  'Status',
];
const NUMBERS = ['Id', 'Duration'];

function OperationProgress({ progress, title }: Pick<Operation, 'progress' | 'title'>) {
  const { done, total } = progress;
  const percent = total === 0 ? 0 : (100 * done) / total;
  return (
    <div style={{ minWidth: 80 }}>
      <span className="quiet">
        {done} of {total}
      </span>
      <Progress value={percent} size="sm" aria-label={`Progress of ${title}`} />
    </div>
  );
}

function Row({ operation }: { operation: Operation }) {
  const now = useNow();
  const cluster = useCluster().data;
  const elapsed = elapsedMs(operation, now);
  return (
    <tr data-operation={operation.id}>
      <td className="number">{operation.id}</td>
      <RowName className="wraps">
        <TextLink to={`/operations/${operation.id}`}>{operation.title}</TextLink>
      </RowName>
      <td>{operation.target}</td>
      <td>{operation.requested_by}</td>
      <td>{(cluster && nameOf(cluster, operation.via)) ?? operation.via}</td>
      <td>
        <Age at={operation.started_at ?? operation.requested_at} />
      </td>
      <td className="number">{elapsed === undefined ? '–' : duration(elapsed)}</td>
      <td>
        <OperationProgress progress={operation.progress} title={operation.title} />
      </td>
      <td>
        <OperationStatusPill operation={operation} />
      </td>
    </tr>
  );
}

export function OperationsPage() {
  const [params, setParams] = useSearchParams();
  const asked = params.get('status') as OperationStatus | null;
  const status = asked && STATUSES.includes(asked) ? asked : undefined;
  const query = useOperationPages(status);
  return (
    <Page
      title="Operations"
      actions={
        <NativeSelect
          aria-label="Status"
          size="xs"
          value={status ?? ''}
          onChange={({ currentTarget }) =>
            setParams(currentTarget.value ? { status: currentTarget.value } : {})
          }
          data={[
            { value: '', label: 'Any status' },
            ...STATUSES.map((value) => ({
              value,
              label: operationReading({ status: value, resumed: 0 }).word,
            })),
          ]}
        />
      }
    >
      <section className="panel" aria-label="Operations">
        <PagedListing
          query={query}
          empty={
            <Empty title={status ? 'No operation has this status' : 'No operations yet'}>
              Adding a Manager to the group is one. It starts with a join token, made under{' '}
              <TextLink to="/settings/tokens">Tokens</TextLink>.
            </Empty>
          }
        >
          {(operations) => (
            <DataTable label="Operations" columns={COLUMNS} numbers={NUMBERS}>
              {operations.map((operation) => (
                <Row key={operation.id} operation={operation} />
              ))}
            </DataTable>
          )}
        </PagedListing>
      </section>
    </Page>
  );
}
