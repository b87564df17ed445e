// Hosts down, roles across: each mark is a service, coloured by what is made of it, and leads to why. While ENABLE_KM_HA is no,
// nothing of it tells where Kyvos Manager runs (row 69).
import { memo, useMemo } from 'react';
import { useCluster } from '../../live/session';
import type { Manager, Service } from '../../live/types';
import { useDoing } from '../../shell/doing';
import { plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, Panel, RowName } from '../../shell/listing';
import { Empty, Pill, TextLink } from '../../shell/parts';
import { RowMark } from '../../shell/RowButton';
import { useManagers } from '../managers/queries';
import { useServices } from '../services/queries';
import { questionOf, stateReading } from '../services/reading';
import { FoundNodes } from './FoundNodes';
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

interface CellProps {
  host: string;
  role: (typeof ROLES)[number];
  service: Service | undefined;
}

/** Drawn anew only when its service changed. */
const Cell = memo(function Cell({ host, role, service }: CellProps) {
  const { open } = useDoing();
  // The role is given; what became of it is still being read.
  if (service === undefined)
    return (
      <span role="img" aria-label={`${role.label} on ${host}`} className="quiet">
        <Icon name="check" />
      </span>
    );
  const { word, tone, icon } = stateReading(service);
  return (
    <RowMark
      title={word}
      aria-label={questionOf(service)}
      data-state={word}
      onClick={() => open({ do: 'why', service: service.id })}
    >
      <Icon name={icon} strokeWidth={2.4} style={{ color: `var(--km-${tone})` }} />
    </RowMark>
  );
});

interface RowProps {
  line: Line;
  place: number;
  withManagers: boolean;
  services: Map<string, Service>;
}

function MappingRow({ line, place, withManagers, services }: RowProps) {
  return (
    <tr data-host={line.host} aria-rowindex={place}>
      <RowName>
        {line.host}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {line.registered ? line.alias : 'not registered as a node'}
        </div>
      </RowName>
      {withManagers && (
        <td className="middle" data-column="kyvos-manager">
          <ManagerCell manager={line.manager} />
        </td>
      )}
      {ROLES.map((role) => (
        <td key={role.role} className="middle" data-column={role.role}>
          {line.roles.includes(role.role) ? (
            <Cell host={line.host} role={role} service={services.get(`${role.role}.${line.host}`)} />
          ) : (
            <Nothing />
          )}
        </td>
      ))}
    </tr>
  );
}

const labels = ROLES.map(({ label }) => label);

export function MappingPanel() {
  const hosts = useHosts();
  const managers = useManagers().data;
  const services = useServices().data;
  const byId = useMemo(() => new Map(services?.map((service) => [service.id, service])), [services]);
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
          <FoundNodes nodes={items}>
            {(shown, found) => (
              <DataTable
                label="Nodes and Services mapping"
                columns={columns}
                middle={columns.slice(1)}
                rows={found}
              >
                {shown.map(({ row, place }) => (
                  <MappingRow key={row.host} line={row} place={place} withManagers={ha} services={byId} />
                ))}
              </DataTable>
            )}
          </FoundNodes>
        )}
      </Listing>
    </Panel>
  );
}
