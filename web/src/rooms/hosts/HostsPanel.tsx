// The tab Nodes: every machine we look after, and what can be done about each.
import { ActionIcon, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useCallback, useState } from 'react';
import { asProblem } from '../../live/problem';
import { useWhyNot } from '../../live/session';
import type { Host } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { ConfirmDialog } from '../../shell/dialogs';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, Panel } from '../../shell/listing';
import { Empty, GuardedButton } from '../../shell/parts';
import { EnrolDialog } from './EnrolDialog';
import { FoundNodes } from './FoundNodes';
import type { Open } from './HostActions';
import { HostDialog } from './HostForm';
import { COLUMNS, HostRow } from './HostRow';
import { OutlookDialog } from './OutlookDialog';
import { OwnKeyDialog } from './OwnKeyDialog';
import { checkHost, forgetHost, useHostChange, useHosts } from './queries';
import { stateReading } from './status';
import { TrustDialog } from './TrustDialog';

function RemoveDialog({ host, onClose }: { host: Host | undefined; onClose: () => void }) {
  const forgetting = useHostChange(forgetHost, {
    onSuccess: () => {
      notifications.show({ message: `${host?.name} is no longer looked after.` });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      opened={host !== undefined}
      title={`Delete node ${host?.name ?? ''}`}
      verb="Delete"
      error={forgetting.error}
      busy={forgetting.isPending}
      onConfirm={() => host && forgetting.mutate(host)}
      onClose={() => {
        forgetting.reset();
        onClose();
      }}
    >
      It is no longer looked after. Whatever runs on it runs on, and nothing is removed from it.
    </ConfirmDialog>
  );
}

/** Looks at a host now, and says what was seen. */
function useLook() {
  const { mutate } = useHostChange(checkHost, {
    onSuccess: (seen) =>
      notifications.show({
        message: `${seen.name}: ${stateReading(seen).word}${seen.because ? `. ${seen.because}` : ''}`,
      }),
  });
  return useCallback(
    ({ id, name }: Host) =>
      mutate(id, {
        onError: (error) =>
          notifications.show({ color: 'red', message: `${name}: ${asProblem(error).message}` }),
      }),
    [mutate],
  );
}

/** After registering, the step without which the host cannot be reached. */
const nextStep = (host: Host): Open =>
  host.transport.kind === 'agent' ? { dialog: 'enrol', host: host.id } : { dialog: 'trust', host: host.id };

function Dialogs({
  hosts,
  open,
  onOpen,
}: {
  hosts: Host[];
  open: Open | undefined;
  onOpen: (to?: Open) => void;
}) {
  const about = (dialog: Open['dialog']) =>
    open && 'host' in open && open.dialog === dialog ? hosts.find(({ id }) => id === open.host) : undefined;
  const close = () => onOpen(undefined);
  const edited = about('edit');
  return (
    <>
      <HostDialog
        opened={open?.dialog === 'add' || edited !== undefined}
        host={edited}
        onClose={close}
        onRegistered={(host) => onOpen(nextStep(host))}
      />
      <EnrolDialog host={about('enrol')} onClose={close} />
      <TrustDialog host={about('trust')} onClose={close} />
      <OwnKeyDialog opened={open?.dialog === 'own-key'} onClose={close} />
      <OutlookDialog host={about('outlook')} onClose={close} />
      <RemoveDialog host={about('remove')} onClose={close} />
    </>
  );
}

export function HostsPanel() {
  const hosts = useHosts();
  const [open, setOpen] = useState<Open>();
  const look = useLook();
  const mayNotAdd = useWhyNot('hosts.manage');
  const buttons = (
    <>
      <GuardedButton
        whyNot={mayNotAdd}
        leftSection={<Icon name="plus" />}
        onClick={() => setOpen({ dialog: 'add' })}
      >
        Add node
      </GuardedButton>
      <ActionMenu
        width={260}
        actions={[
          { label: 'SSH key of the Managers', icon: 'key', onAct: () => setOpen({ dialog: 'own-key' }) },
        ]}
      >
        <ActionIcon variant="default" size={30} aria-label="Actions of Nodes">
          <Icon name="dots" />
        </ActionIcon>
      </ActionMenu>
    </>
  );
  return (
    <Panel title="Nodes" section="hosts" actions={buttons}>
      <Listing
        query={hosts}
        items={hosts.data}
        empty={
          <Empty title="No node is registered yet">
            <Text size="sm">
              Add the hosts on which Kyvos services and Kyvos Managers run. Each is reached by its agent or
              over SSH.
            </Text>
          </Empty>
        }
      >
        {(items) => (
          <FoundNodes nodes={items}>
            {(shown, found) => (
              <DataTable label="Nodes" columns={COLUMNS} rows={found}>
                {shown.map(({ row, place }) => (
                  <HostRow key={row.id} host={row} place={place} onOpen={setOpen} onLook={look} />
                ))}
              </DataTable>
            )}
          </FoundNodes>
        )}
      </Listing>
      <Dialogs hosts={hosts.data ?? []} open={open} onOpen={setOpen} />
    </Panel>
  );
}
