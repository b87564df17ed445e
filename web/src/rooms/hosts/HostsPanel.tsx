// The tab Nodes: every machine we look after, and what can be done about each.
import { ActionIcon, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useCallback, useState } from 'react';
import { asProblem } from '../../live/problem';
import { useWhyNot } from '../../live/session';
import type { Host } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { Icon } from '../../shell/icons';
import { late } from '../../shell/late';
import { DataTable, Listing, Panel } from '../../shell/listing';
import { Empty, GuardedButton } from '../../shell/parts';
import { FoundNodes } from './FoundNodes';
import type { Open } from './HostActions';
import { COLUMNS, HostRow } from './HostRow';
import { checkHost, useHostChange, useHosts } from './queries';
import { stateReading } from './status';

const HostDialogs = late('HostDialogs', () => import('./HostDialogs'));

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
      <HostDialogs hosts={hosts.data ?? []} open={open} onOpen={setOpen} />
    </Panel>
  );
}
