// The section "Kyvos Manager Nodes": the same on the Dashboard and on the mapping tab. It exists only while
// ENABLE_KM_HA is yes; otherwise nothing of it is in the page.
import { ActionIcon, Table } from '@mantine/core';
import { useState } from 'react';
import { useCluster } from '../../live/session';
import type { Cluster, Manager } from '../../live/types';
import { type Action, ActionMenu } from '../../shell/ActionMenu';
import { duration, lag } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, Panel, RowName } from '../../shell/listing';
import { Age, Empty, Pill } from '../../shell/parts';
import { PropertiesDialog } from './PropertiesDialog';
import { useManagers } from './queries';
import { StatusCircle } from './StatusCircle';
import { addressOf, condition, displayName, quorumLine } from './status';

const COLUMNS = [
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
const NUMBERS = ['Lag (entries)', 'Last contact'];

function contact(manager: Manager): string {
  if (manager.here) return 'this one';
  return manager.last_contact_ms == null ? 'never' : `${duration(manager.last_contact_ms)} ago`;
}

function Mode({ manager, anyActive }: { manager: Manager; anyActive: boolean }) {
  if (manager.mode === 'active' && anyActive) return <Pill tone="ok">Active</Pill>;
  return <Pill tone="idle">Passive</Pill>;
}

interface RowProps {
  manager: Manager;
  anyActive: boolean;
  onProperties: () => void;
}

function Row({ manager, anyActive, onProperties }: RowProps) {
  const now = condition(manager);
  const actions: Action[] = [{ label: 'Properties', icon: 'info', onAct: onProperties }];
  return (
    <Table.Tr data-manager={manager.id}>
      <Table.Td w={56}>
        <ActionMenu actions={actions}>
          <StatusCircle condition={now} of={displayName(manager)} />
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
        {manager.role === 'learner' && <Pill tone="warn">Learner</Pill>}
      </Table.Td>
      <Table.Td data-column="state">
        <span style={{ color: `var(--km-${now.tone})`, fontWeight: 600 }}>{now.word}</span>
      </Table.Td>
      <Table.Td>
        <Age at={manager.since} />
      </Table.Td>
      <Table.Td>{manager.version ?? '–'}</Table.Td>
      <Table.Td className="number">{lag(manager.lag)}</Table.Td>
      <Table.Td className="number">{contact(manager)}</Table.Td>
      <Table.Td w={48}>
        <ActionMenu actions={actions}>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${displayName(manager)}`}>
            <Icon name="dots" />
          </ActionIcon>
        </ActionMenu>
      </Table.Td>
    </Table.Tr>
  );
}

/** A witness is no Manager one can use, so it has no row: it is a line of its own. */
function WitnessLine({ cluster }: { cluster: Cluster }) {
  return cluster.members
    .filter((member) => member.role === 'witness')
    .map((witness) => (
      <span key={witness.id}>
        Quorum witness {witness.host}{' '}
        <Pill tone={witness.reachable ? 'ok' : 'bad'}>{witness.reachable ? 'Reachable' : 'Unreachable'}</Pill>
      </span>
    ));
}

function Foot({ cluster }: { cluster: Cluster }) {
  const fragile = cluster.failure_tolerance === 0;
  return (
    <div className="panel-foot">
      <span data-quorum style={fragile ? { color: 'var(--km-bad)', fontWeight: 600 } : undefined}>
        {quorumLine(cluster)}
      </span>
      <WitnessLine cluster={cluster} />
    </div>
  );
}

function Nodes({ managers, cluster }: { managers: Manager[]; cluster: Cluster }) {
  const [shown, setShown] = useState<number>();
  const anyActive = cluster.active != null;
  return (
    <>
      <DataTable label="Kyvos Manager Nodes" columns={COLUMNS} numbers={NUMBERS}>
        {managers.map((manager) => (
          <Row
            key={manager.id}
            manager={manager}
            anyActive={anyActive}
            onProperties={() => setShown(manager.id)}
          />
        ))}
      </DataTable>
      <PropertiesDialog
        manager={managers.find((one) => one.id === shown)}
        onClose={() => setShown(undefined)}
      />
    </>
  );
}

export function KyvosManagerNodes() {
  const cluster = useCluster().data;
  const managers = useManagers();
  if (!cluster?.ha_enabled) return null;
  const instances = managers.data?.filter((manager) => manager.role !== 'witness');
  return (
    <Panel
      title="Kyvos Manager Nodes"
      section="km-nodes"
      beside={cluster.active == null && <Pill tone="bad">No active instance (electing)</Pill>}
    >
      <Listing
        query={managers}
        items={instances}
        empty={<Empty title="No Kyvos Manager is known here yet." />}
      >
        {(items) => <Nodes managers={items} cluster={cluster} />}
      </Listing>
      <Foot cluster={cluster} />
    </Panel>
  );
}
