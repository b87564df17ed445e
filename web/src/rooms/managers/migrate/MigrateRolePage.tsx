// Migrate role: which role is on which hosts. Kyvos Manager, there only while HA is on (row 70), is added, removed and moved
// here; what the other roles are on is said on Nodes.
import { Group } from '@mantine/core';
import { useCluster } from '../../../live/session';
import type { Manager } from '../../../live/types';
import { useDoing } from '../../../shell/doing';
import { Icon } from '../../../shell/icons';
import { DataTable, Listing, Panel, RowName } from '../../../shell/listing';
import { Empty, GuardedButton, Page, Pill, TextLink } from '../../../shell/parts';
import { useHosts } from '../../hosts/queries';
import { ROLES } from '../../hosts/status';
import { AddManagerButton } from '../adding/AddManagerButton';
import { outlookOf } from '../adding/tolerance';
import { useManagers } from '../queries';
import { displayName, quorumLine } from '../status';
import { useActDialog } from '../useActDialog';
import { useItems } from '../useItems';

/** What each way of changing it would make of the quorum. */
function Impact() {
  const cluster = useCluster().data;
  if (!cluster) return null;
  const voters = cluster.voters.length;
  const added = outlookOf(voters, 1).afterwards;
  const removed = voters > 1 ? outlookOf(voters, -1).afterwards : undefined;
  return (
    <dl className="facts" data-impact>
      <dt>Now</dt>
      <dd>{quorumLine(cluster)}</dd>
      <dt>After Add</dt>
      <dd>{added}</dd>
      {removed && (
        <>
          <dt>After Remove</dt>
          <dd>{removed}</dd>
        </>
      )}
      <dt>After Move</dt>
      <dd>as now</dd>
    </dl>
  );
}

function InstanceRow({
  manager,
  onRemove,
}: {
  manager: Manager;
  onRemove: { whyNot?: string | undefined; onAct: () => void };
}) {
  const { open } = useDoing();
  const witness = manager.role === 'witness';
  const active = manager.mode === 'active';
  return (
    <tr data-manager={manager.id}>
      <RowName>
        {manager.host}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {manager.alias}
        </div>
      </RowName>
      <td>
        <Pill tone={active ? 'ok' : 'idle'}>
          {witness ? 'Quorum witness' : active ? 'Active' : 'Passive'}
        </Pill>
      </td>
      <td>
        <Group gap={6} wrap="nowrap" justify="flex-end">
          <GuardedButton
            variant="default"
            size="compact-sm"
            whyNot={onRemove.whyNot}
            aria-label={`Move ${displayName(manager)}`}
            leftSection={<Icon name="move" size={14} />}
            onClick={() => open({ do: 'move', manager: manager.id })}
          >
            Move
          </GuardedButton>
          <GuardedButton
            variant="default"
            size="compact-sm"
            whyNot={onRemove.whyNot}
            aria-label={`Remove ${displayName(manager)}`}
            leftSection={<Icon name="close" size={14} />}
            onClick={onRemove.onAct}
          >
            Remove
          </GuardedButton>
        </Group>
      </td>
    </tr>
  );
}

function KyvosManagers() {
  const managers = useManagers();
  const { ask, dialog } = useActDialog();
  const item = useItems(ask);
  return (
    <Panel title="Kyvos Manager" section="migrate-km" actions={<AddManagerButton />}>
      <Listing
        query={managers}
        items={managers.data}
        empty={<Empty title="No Kyvos Manager is known here yet." />}
      >
        {(items) => (
          <DataTable label="Kyvos Manager" columns={['Host', 'Mode', '']}>
            {items.map((manager) => (
              <InstanceRow
                key={manager.id}
                manager={manager}
                onRemove={item({ verb: 'remove', manager: manager.id })}
              />
            ))}
          </DataTable>
        )}
      </Listing>
      <div className="panel-foot">
        <Impact />
      </div>
      {dialog}
    </Panel>
  );
}

function OtherRoles() {
  const hosts = useHosts();
  return (
    <Panel title="Kyvos services" section="migrate-services">
      <Listing query={hosts} items={hosts.data && [...ROLES]} empty={<Empty title="No roles" />}>
        {(roles) => (
          <DataTable label="Kyvos services" columns={['Role', 'Hosts', '']}>
            {roles.map(({ role, label }) => (
              <tr key={role} data-role={role}>
                <RowName>{label}</RowName>
                <td className="wraps">
                  {hosts.data
                    ?.filter((host) => host.roles.includes(role))
                    .map(({ name }) => name)
                    .join(', ') || <span className="quiet">on no node</span>}
                </td>
                <td style={{ textAlign: 'right' }}>
                  <TextLink to="/nodes-and-services">Edit on Nodes</TextLink>
                </td>
              </tr>
            ))}
          </DataTable>
        )}
      </Listing>
    </Panel>
  );
}

export function MigrateRolePage() {
  const ha = useCluster().data?.ha_enabled;
  return (
    <Page title="Migrate role">
      {ha && <KyvosManagers />}
      <OtherRoles />
    </Page>
  );
}
