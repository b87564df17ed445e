// Who did what, when, from where, at which index; with the value before and after.
import { ActionIcon, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useCluster } from '../../live/session';
import type { AuditRecord } from '../../live/types';
import { Icon } from '../../shell/icons';
import { DataTable, PagedListing } from '../../shell/listing';
import { nameOf } from '../../shell/notices';
import { Age, Empty, Page, Pill } from '../../shell/parts';
import { ROOMS, useAudit } from './queries';

const COLUMNS = [
  '',
  'Time',
  'User',
  'Role',
  'Action',
  'Object',
  'Outcome',
  'Source IP',
  'Instance',
  'Term / index',
];
const NUMBERS = ['Term / index'];
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
    <tr id={id}>
      <td />
      <td colSpan={COLUMNS.length - 1} style={{ whiteSpace: 'normal' }}>
        <dl className="facts">
          <Value label="Before" value={record.before} />
          <Value label="After" value={record.after} />
          {record.code && <Value label="Refused because" value={record.code} />}
          {record.reason && <Value label="Reason" value={record.reason} />}
          {record.request_id && <Value label="Request" value={record.request_id} />}
        </dl>
      </td>
    </tr>
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
      <tr data-revision={record.revision}>
        <td style={{ width: 40 }}>
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
        </td>
        <td>
          <Age at={record.at} />
        </td>
        <td style={{ whiteSpace: 'normal' }}>{record.user}</td>
        <td>{record.role ?? '–'}</td>
        <td>{record.action}</td>
        <td className="mono wraps">{record.object}</td>
        <td>
          <Outcome record={record} />
        </td>
        <td>{record.source_ip ?? '–'}</td>
        <td>{(cluster && nameOf(cluster, record.via)) ?? record.via}</td>
        <td className="number">
          {record.term} / {record.revision}
        </td>
      </tr>
      {open && <Details record={record} id={details} />}
    </>
  );
}

export function AuditPage() {
  const [user, setUser] = useState('');
  const [room, setRoom] = useState('');
  const [typedUser] = useDebouncedValue(user.trim(), TYPING_MS);
  const query = useAudit({ user: typedUser, room });
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
        <PagedListing
          query={query}
          placeholders={8}
          empty={
            <Empty title="No records">
              {typedUser || room ? 'Nothing fits these filters.' : 'Every change leaves a record here.'}
            </Empty>
          }
        >
          {(records) => (
            <DataTable label="Audit" columns={COLUMNS} numbers={NUMBERS}>
              {records.map((record) => (
                <Row
                  key={`${record.revision}-${record.action}-${record.object}-${record.at}`}
                  record={record}
                />
              ))}
            </DataTable>
          )}
        </PagedListing>
      </section>
    </Page>
  );
}
