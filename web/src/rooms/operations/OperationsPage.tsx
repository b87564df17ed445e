// Everything long the group has done or is doing, newest first.
import { NativeSelect, Progress, Table } from '@mantine/core';
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
    <Table.Tr data-operation={operation.id}>
      <Table.Td className="number">{operation.id}</Table.Td>
      <RowName className="wraps">
        <TextLink to={`/operations/${operation.id}`}>{operation.title}</TextLink>
      </RowName>
      <Table.Td>{operation.target}</Table.Td>
      <Table.Td>{operation.requested_by}</Table.Td>
      <Table.Td>{(cluster && nameOf(cluster, operation.via)) ?? operation.via}</Table.Td>
      <Table.Td>
        <Age at={operation.started_at ?? operation.requested_at} />
      </Table.Td>
      <Table.Td className="number">{elapsed === undefined ? '–' : duration(elapsed)}</Table.Td>
      <Table.Td>
        <OperationProgress progress={operation.progress} title={operation.title} />
      </Table.Td>
      <Table.Td>
        <OperationStatusPill operation={operation} />
      </Table.Td>
    </Table.Tr>
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
