// Who did what, when, from where, at which index; with the value before and after.
import { ActionIcon, Button, NativeSelect, Table, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useCluster } from '../../live/session';
import type { AuditRecord } from '../../live/types';
import { Icon } from '../../shell/icons';
import { nameOf } from '../../shell/notices';
import { Age, Empty, Page, Pill, ProblemAlert, Rows } from '../../shell/parts';
import { ROOMS, useAudit } from './queries';

const COLUMNS = [
  'Time',
  'User',
  'Role',
  'Action',
  'Object',
  'Outcome',
  'Source IP',
  'Instance',
  'Term',
  'Index',
];
const TYPING_MS = 300;

function Value({ label, value }: { label: string; value: string | null | undefined }) {
  return (
    <>
      <dt>{label}</dt>
      <dd className="mono">
        {value == null ? (
          <span className="quiet">none</span>
        ) : value === '' ? (
          <span className="quiet">empty</span>
        ) : (
          value
        )}
      </dd>
    </>
  );
}

function Details({ record, id }: { record: AuditRecord; id: string }) {
  return (
    <Table.Tr id={id}>
      <Table.Td />
      <Table.Td colSpan={COLUMNS.length} style={{ whiteSpace: 'normal' }}>
        <dl className="facts">
          <Value label="Before" value={record.before} />
          <Value label="After" value={record.after} />
          {record.code && <Value label="Refused because" value={record.code} />}
          {record.reason && <Value label="Reason" value={record.reason} />}
          {record.request_id && <Value label="Request" value={record.request_id} />}
        </dl>
      </Table.Td>
    </Table.Tr>
  );
}

function Outcome({ record }: { record: AuditRecord }) {
  if (record.outcome === 'committed')
    return (
      <Pill tone="ok" icon="check">
        Committed
      </Pill>
    );
  return (
    <Pill tone="warn" icon="close">
      Refused
    </Pill>
  );
}

function Row({ record }: { record: AuditRecord }) {
  const [open, setOpen] = useState(false);
  const cluster = useCluster().data;
  const details = `audit-${record.revision}-${record.action}`;
  return (
    <>
      <Table.Tr data-revision={record.revision}>
        <Table.Td w={40}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Before and after of ${record.action} at index ${record.revision}`}
            aria-expanded={open}
            {...(open ? { 'aria-controls': details } : {})}
            onClick={() => setOpen(!open)}
          >
            <Icon name="chevron" size={13} style={{ transform: open ? 'rotate(90deg)' : undefined }} />
          </ActionIcon>
        </Table.Td>
        <Table.Td>
          <Age at={record.at} />
        </Table.Td>
        <Table.Td style={{ whiteSpace: 'normal' }}>{record.user}</Table.Td>
        <Table.Td>{record.role ?? '–'}</Table.Td>
        <Table.Td>{record.action}</Table.Td>
        <Table.Td className="mono wraps">{record.object}</Table.Td>
        <Table.Td>
          <Outcome record={record} />
        </Table.Td>
        <Table.Td>{record.source_ip ?? '–'}</Table.Td>
        <Table.Td>{(cluster && nameOf(cluster, record.via)) ?? record.via}</Table.Td>
        <Table.Td className="number">
          {record.term} / {record.revision}
        </Table.Td>
      </Table.Tr>
      {open && <Details record={record} id={details} />}
    </>
  );
}

function AuditTable({ records }: { records: AuditRecord[] }) {
  return (
    <div className="table-wrap">
      <Table aria-label="Audit" verticalSpacing={5}>
        <Table.Thead>
          <Table.Tr>
            <Table.Td />
            {COLUMNS.map((column) => (
              <Table.Th key={column} scope="col" className={column === 'Term / index' ? 'number' : undefined}>
                {column}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {records.map((record) => (
            <Row key={`${record.revision}-${record.action}-${record.object}-${record.at}`} record={record} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function AuditPage() {
  const [user, setUser] = useState('');
  const [room, setRoom] = useState('');
  const [typedUser] = useDebouncedValue(user.trim(), TYPING_MS);
  const query = useAudit({ user: typedUser, room });
  const records = query.data?.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Audit"
      actions={
        <>
          <TextInput
            size="xs"
            aria-label="User"
            placeholder="User"
            value={user}
            onChange={({ currentTarget }) => setUser(currentTarget.value)}
          />
          <NativeSelect
            size="xs"
            aria-label="Room"
            value={room}
            onChange={({ currentTarget }) => setRoom(currentTarget.value)}
            data={[{ value: '', label: 'Everything' }, ...ROOMS]}
          />
        </>
      }
    >
      <section className="panel" aria-label="Audit">
        {query.isPending && <Rows count={8} />}
        {query.isError && !records && <ProblemAlert error={query.error} />}
        {records?.length === 0 && (
          <Empty title="No records">
            {typedUser || room ? 'Nothing fits these filters.' : 'Every change leaves a record here.'}
          </Empty>
        )}
        {records && records.length > 0 && <AuditTable records={records} />}
        {query.hasNextPage && (
          <div className="panel-foot">
            <Button
              variant="default"
              loading={query.isFetchingNextPage}
              onClick={() => query.fetchNextPage()}
            >
              Load older
            </Button>
          </div>
        )}
      </section>
    </Page>
  );
}
