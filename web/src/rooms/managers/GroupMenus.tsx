// The menus that are about no single row: that of the section, and that of the page.
import { ActionIcon, Button } from '@mantine/core';
import { useNavigate } from 'react-router';
import { useCluster, useWhyNot } from '../../live/session';
import { ActionMenu } from '../../shell/ActionMenu';
import { Icon } from '../../shell/icons';
import { useActDialog } from './ActDialog';
import { useItems } from './useItems';

/** `Actions (…)` of the section "Kyvos Manager Nodes". */
export function SectionMenu() {
  const { ask, dialog } = useActDialog();
  const item = useItems(ask);
  const navigate = useNavigate();
  const mayNotAdd = useWhyNot('managers.membership');
  return (
    <>
      <ActionMenu
        width={320}
        actions={[
          item({ verb: 'restart-passives' }),
          item({ verb: 'restart-active' }),
          {
            label: 'Add Kyvos Manager',
            icon: 'plus',
            whyNot: mayNotAdd,
            onAct: () => navigate('/settings/tokens?make=manager'),
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
  return (
    <>
      <ActionMenu
        width={300}
        actions={[item({ verb: cluster.ha_enabled ? 'restart-active' : 'restart-server' })]}
      >
        <ActionIcon variant="default" size={30} aria-label="Actions of this page">
          <Icon name="dots" />
        </ActionIcon>
      </ActionMenu>
      {dialog}
    </>
  );
}
