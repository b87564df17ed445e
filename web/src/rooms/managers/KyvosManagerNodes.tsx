// The section "Kyvos Manager Nodes": the same on the Dashboard and on the mapping tab. It exists only while
// ENABLE_KM_HA is yes; otherwise nothing of it is in the page.
import { ActionIcon } from '@mantine/core';
import { useState } from 'react';
import { useCluster, useWhyNot } from '../../live/session';
import type { Cluster, Manager } from '../../live/types';
import { type Action, ActionMenu } from '../../shell/ActionMenu';
import { useDoing } from '../../shell/doing';
import { Icon } from '../../shell/icons';
import { late } from '../../shell/late';
import { DataTable, Listing, Panel } from '../../shell/listing';
import { Empty, Pill } from '../../shell/parts';
import { verbsOf } from './acts';
import { SectionMenu } from './GroupMenus';
import { COLUMNS, ManagerRow, NUMBERS } from './ManagerRow';
import { useManagers } from './queries';
import { displayName, quorumLine } from './status';
import { useActDialog } from './useActDialog';
import { useItems } from './useItems';

const PropertiesDialog = late('PropertiesDialog', () => import('./PropertiesDialog'));

type ActionsOf = (manager: Manager) => Action[];

/** A witness is no Manager one can use, so it has no row: it is a line of its own. */
function WitnessLine({ witness, actions }: { witness: Manager; actions: Action[] }) {
  const runs = witness.state === 'running';
  return (
    <span>
      Quorum witness {displayName(witness)}{' '}
      <Pill tone={runs ? 'ok' : 'bad'}>{runs ? 'Reachable' : 'Unreachable'}</Pill>{' '}
      <ActionMenu actions={actions} width={300}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Actions for ${displayName(witness)}`}
        >
          <Icon name="dots" />
        </ActionIcon>
      </ActionMenu>
    </span>
  );
}

interface FootProps {
  cluster: Cluster;
  witnesses: Manager[];
  actionsOf: ActionsOf;
}

function Foot({ cluster, witnesses, actionsOf }: FootProps) {
  const fragile = cluster.failure_tolerance === 0;
  return (
    <div className="panel-foot">
      <span data-quorum style={fragile ? { color: 'var(--km-bad)', fontWeight: 600 } : undefined}>
        {quorumLine(cluster)}
      </span>
      {witnesses.map((witness) => (
        <WitnessLine key={witness.id} witness={witness} actions={actionsOf(witness)} />
      ))}
    </div>
  );
}

/** What the menu of one instance offers, and the dialogs behind it. */
function useManagerMenu(managers: Manager[]) {
  const [shown, setShown] = useState<number>();
  const { ask, dialog } = useActDialog();
  const item = useItems(ask);
  const { open } = useDoing();
  const mayNotMove = useWhyNot('managers.membership');
  const actionsOf: ActionsOf = (manager) => [
    { label: 'Properties', icon: 'info', onAct: () => setShown(manager.id) },
    ...verbsOf(manager)
      .filter((verb) => verb !== 'remove')
      .map((verb) => item({ verb, manager: manager.id })),
    {
      label: 'Download logs',
      icon: 'download',
      whyNot: manager.blocked.logs,
      onAct: () => open({ do: 'logs', manager: manager.id }),
    },
    {
      label: 'Move to another host',
      icon: 'move',
      whyNot: mayNotMove ?? manager.blocked.remove,
      onAct: () => open({ do: 'move', manager: manager.id }),
    },
    item({ verb: 'remove', manager: manager.id }),
  ];
  const dialogs = (
    <>
      <PropertiesDialog
        manager={managers.find((one) => one.id === shown)}
        onClose={() => setShown(undefined)}
      />
      {dialog}
    </>
  );
  return { actionsOf, dialogs };
}

function Section({ cluster }: { cluster: Cluster }) {
  const managers = useManagers();
  const { actionsOf, dialogs } = useManagerMenu(managers.data ?? []);
  const isWitness = ({ role }: Manager) => role === 'witness';
  const anyActive = cluster.active != null;
  return (
    <Panel
      title="Kyvos Manager Nodes"
      section="km-nodes"
      beside={!anyActive && <Pill tone="bad">No active instance (electing)</Pill>}
      actions={<SectionMenu />}
    >
      <Listing
        query={managers}
        items={managers.data?.filter((manager) => !isWitness(manager))}
        empty={<Empty title="No Kyvos Manager is known here yet." />}
      >
        {(instances) => (
          <DataTable label="Kyvos Manager Nodes" columns={COLUMNS} numbers={NUMBERS}>
            {instances.map((manager) => (
              <ManagerRow
                key={manager.id}
                manager={manager}
                anyActive={anyActive}
                actions={actionsOf(manager)}
              />
            ))}
          </DataTable>
        )}
      </Listing>
      <Foot cluster={cluster} witnesses={managers.data?.filter(isWitness) ?? []} actionsOf={actionsOf} />
      {dialogs}
    </Panel>
  );
}

export function KyvosManagerNodes() {
  const cluster = useCluster().data;
  return cluster?.ha_enabled ? <Section cluster={cluster} /> : null;
}
