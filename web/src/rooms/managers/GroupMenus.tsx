// The menus that are about no single row: that of the section, and that of the page.
import { ActionIcon, Button } from '@mantine/core';
import { useCluster, useWhyNot } from '../../live/session';
import { ActionMenu } from '../../shell/ActionMenu';
import { useDoing } from '../../shell/doing';
import { Icon } from '../../shell/icons';
import type { Verb } from './acts';
import { useWhyNotAdd } from './adding/useWhyNotAdd';
import { useActDialog } from './useActDialog';
import { useItems } from './useItems';

/** `Actions (…)` of the section "Kyvos Manager Nodes". */
export function SectionMenu() {
  const { ask, dialog } = useActDialog();
  const item = useItems(ask);
  const { open } = useDoing();
  const mayNotAdd = useWhyNotAdd();
  const mayNotPush = useWhyNot('managers.control');
  return (
    <>
      <ActionMenu
        width={320}
        actions={[
          item({ verb: 'start-passives' }),
          item({ verb: 'restart-passives' }),
          item({ verb: 'stop-passives' }),
          item({ verb: 'restart-active' }),
          {
            label: 'Add Kyvos Manager',
            icon: 'plus',
            whyNot: mayNotAdd,
            onAct: () => open({ do: 'add' }),
          },
          {
            label: 'Push Disaster Recovery script',
            icon: 'push',
            whyNot: mayNotPush,
            onAct: () => open({ do: 'push-dr-script' }),
          },
        ]}
      >
        <Button
          variant="default"
          aria-label="Actions of Kyvos Manager Nodes"
          rightSection={<Icon name="dots" size={14} />}
        >
          Actions
        </Button>
      </ActionMenu>
      {dialog}
    </>
  );
}

/** The menu at the right of a page: what concerns the Active, or the one Manager there is while HA is off. */
export function PageMenu() {
  const { ask, dialog } = useActDialog();
  const item = useItems(ask);
  const cluster = useCluster().data;
  if (!cluster) return null;
  const verbs: Verb[] = cluster.ha_enabled
    ? ['restart-active']
    : ['start-server', 'restart-server', 'stop-server'];
  return (
    <>
      <ActionMenu width={300} actions={verbs.map((verb) => item({ verb }))}>
        <ActionIcon variant="default" size={30} aria-label="Actions of this page">
          <Icon name="dots" />
        </ActionIcon>
      </ActionMenu>
      {dialog}
    </>
  );
}
