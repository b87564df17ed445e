// Hosts down, roles across. While ENABLE_KM_HA is no, nothing of it tells where Kyvos Manager runs (row 69).
import { Table } from '@mantine/core';
import { useCluster } from '../../live/session';
import type { Manager } from '../../live/types';
import { plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, Panel, RowName } from '../../shell/listing';
import { Empty, Pill, TextLink } from '../../shell/parts';
import { useManagers } from '../managers/queries';
import { instancesOf, type Line, linesOf } from './mapping';
import { useHosts } from './queries';
import { ROLES } from './status';

function ManagerCell({ manager }: { manager: Manager | undefined }) {
  if (manager === undefined) return <Nothing />;
  if (manager.role === 'witness') return <Pill tone="idle">Quorum witness</Pill>;
  const active = manager.mode === 'active';
  return <Pill tone={active ? 'ok' : 'idle'}>{active ? 'Active' : 'Passive'}</Pill>;
}

const Nothing = () => (
  <span className="quiet" aria-hidden="true">
    ·
  </span>
);

function Cell({ line, role }: { line: Line; role: (typeof ROLES)[number] }) {
  if (!line.roles.includes(role.role)) return <Nothing />;
  return (
    <span role="img" aria-label={`${role.label} on ${line.host}`} style={{ color: 'var(--km-ok)' }}>
      <Icon name="check" strokeWidth={2.4} />
    </span>
  );
}

function MappingRow({ line, withManagers }: { line: Line; withManagers: boolean }) {
  return (
    <Table.Tr data-host={line.host}>
      <RowName>
        {line.host}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {line.registered ? line.alias : 'not registered as a node'}
        </div>
      </RowName>
      {withManagers && (
        <Table.Td className="middle" data-column="kyvos-manager">
          <ManagerCell manager={line.manager} />
        </Table.Td>
      )}
      {ROLES.map((role) => (
        <Table.Td key={role.role} className="middle" data-column={role.role}>
          <Cell line={line} role={role} />
        </Table.Td>
      ))}
    </Table.Tr>
  );
}

const labels = ROLES.map(({ label }) => label);

export function MappingPanel() {
  const hosts = useHosts();
  const managers = useManagers().data;
  const ha = useCluster().data?.ha_enabled ?? false;
  const lines = hosts.data && managers && linesOf(hosts.data, ha ? managers : []);
  const columns = ['Node', ...(ha ? ['Kyvos Manager'] : []), ...labels];
  return (
    <Panel
      title="Mapping"
      section="mapping"
      beside={lines && <span className="quiet">{plural(instancesOf(lines, ha), 'role instance')}</span>}
    >
      <Listing
        query={hosts}
        items={lines}
        empty={
          <Empty title="Nothing is mapped yet">
            Register the nodes and their roles on <TextLink to="/nodes-and-services">Nodes</TextLink>.
          </Empty>
        }
      >
        {(items) => (
          <DataTable label="Nodes and Services mapping" columns={columns} middle={columns.slice(1)}>
            {items.map((line) => (
              <MappingRow key={line.host} line={line} withManagers={ha} />
            ))}
          </DataTable>
        )}
      </Listing>
    </Panel>
  );
}
