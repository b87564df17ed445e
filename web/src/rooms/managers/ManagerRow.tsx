// One instance in the section "Kyvos Manager Nodes": what it is, how it is, what can be done with it.
import { ActionIcon, Table } from '@mantine/core';
import type { Manager } from '../../live/types';
import { type Action, ActionMenu } from '../../shell/ActionMenu';
import { duration, lag } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { RowName } from '../../shell/listing';
import { Age, Pill, TextLink } from '../../shell/parts';
import { StatusCircle } from './StatusCircle';
import { addressOf, condition, displayName } from './status';

export const COLUMNS = [
  'Status',
  'Node',
  'Alias',
  'Mode',
  'Service state',
  'Since',
  'Version',
  'Lag (entries)',
  'Last contact',
  'Actions',
];
export const NUMBERS = ['Lag (entries)', 'Last contact'];

function contact(manager: Manager): string {
  if (manager.here) return 'this one';
  return manager.last_contact_ms == null ? 'never' : `${duration(manager.last_contact_ms)} ago`;
}

function Mode({ manager, anyActive }: { manager: Manager; anyActive: boolean }) {
  const active = manager.mode === 'active' && anyActive;
  return (
    <>
      <Pill tone={active ? 'ok' : 'idle'}>{active ? 'Active' : 'Passive'}</Pill>
      {manager.role === 'learner' && <Pill tone="warn">Learner</Pill>}
    </>
  );
}

function ServiceState({ manager }: { manager: Manager }) {
  const { tone, word } = condition(manager);
  return (
    <>
      <span style={{ color: `var(--km-${tone})`, fontWeight: 600 }}>{word}</span>
      {manager.operation != null && (
        <div>
          <TextLink to={`/operations/${manager.operation}`}>operation {manager.operation}</TextLink>
        </div>
      )}
    </>
  );
}

interface RowProps {
  manager: Manager;
  anyActive: boolean;
  actions: Action[];
}

export function ManagerRow({ manager, anyActive, actions }: RowProps) {
  return (
    <Table.Tr data-manager={manager.id}>
      <Table.Td w={56}>
        <ActionMenu actions={actions} width={300} side="start">
          <StatusCircle condition={condition(manager)} of={displayName(manager)} />
        </ActionMenu>
      </Table.Td>
      <RowName>
        {manager.host}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {addressOf(manager.peer_addr)}
          {manager.here && ' · serves this page'}
        </div>
      </RowName>
      <Table.Td data-column="alias">{manager.alias || <span className="quiet">–</span>}</Table.Td>
      <Table.Td data-column="mode">
        <Mode manager={manager} anyActive={anyActive} />
      </Table.Td>
      <Table.Td data-column="state">
        <ServiceState manager={manager} />
      </Table.Td>
      <Table.Td>
        <Age at={manager.since} />
      </Table.Td>
      <Table.Td>{manager.version ?? '–'}</Table.Td>
      <Table.Td className="number">{lag(manager.lag)}</Table.Td>
      <Table.Td className="number">{contact(manager)}</Table.Td>
      <Table.Td w={48}>
        <ActionMenu actions={actions} width={300}>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${displayName(manager)}`}>
            <Icon name="dots" />
          </ActionIcon>
        </ActionMenu>
      </Table.Td>
    </Table.Tr>
  );
}
