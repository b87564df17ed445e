// One instance in the section "Kyvos Manager Nodes": what it is, how it is, what can be done with it.
import { ActionIcon } from '@mantine/core';
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
    <tr data-manager={manager.id}>
      <td style={{ width: 56 }}>
        <ActionMenu actions={actions} width={300} side="start">
          <StatusCircle condition={condition(manager)} of={displayName(manager)} />
        </ActionMenu>
      </td>
      <RowName>
        {manager.host}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {addressOf(manager.peer_addr)}
          {manager.here && ' · serves this page'}
        </div>
      </RowName>
      <td data-column="alias">{manager.alias || <span className="quiet">–</span>}</td>
      <td data-column="mode">
        <Mode manager={manager} anyActive={anyActive} />
      </td>
      <td data-column="state">
        <ServiceState manager={manager} />
      </td>
      <td>
        <Age at={manager.since} />
      </td>
      <td>{manager.version ?? '–'}</td>
      <td className="number">{lag(manager.lag)}</td>
      <td className="number">{contact(manager)}</td>
      <td style={{ width: 48 }}>
        <ActionMenu actions={actions} width={300}>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${displayName(manager)}`}>
            <Icon name="dots" />
          </ActionIcon>
        </ActionMenu>
      </td>
    </tr>
  );
}
