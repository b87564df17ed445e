// Every value a property ever had: who, when, why; and the way back to any of them.
import { Button, Drawer, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Property, PropertyChange } from '../../live/types';
import { forgotten } from '../../shell/format';
import { Age, Empty, GuardedButton, Pill, ProblemAlert, Rows } from '../../shell/parts';
import classes from './properties.module.css';
import { revertTo, useHistory, useRefreshProperties } from './queries';

const VERBS: Record<PropertyChange['action'], string> = {
  set: 'set',
  reset: 'back to the default',
  reverted: 'reverted',
};

interface HistoryProps {
  property: Property;
  whyNot: string | undefined;
}

interface ChangeProps {
  change: PropertyChange;
  isCurrent: boolean;
  whyNot: string | undefined;
  busy: boolean;
  onRevert: () => void;
}

function Change({ change, isCurrent, whyNot, busy, onRevert }: ChangeProps) {
  const [asked, setAsked] = useState(false);
  return (
    <li className={classes.change} data-revision={change.revision}>
      <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
        <Text size="sm">
          <strong>{change.by}</strong> {VERBS[change.action]}, <Age at={change.at} />{' '}
          <span className="quiet">index {change.revision}</span>
        </Text>
        {isCurrent ? (
          <Pill tone="info">current</Pill>
        ) : (
          !asked && (
            <GuardedButton whyNot={whyNot} variant="default" size="compact-xs" onClick={() => setAsked(true)}>
              Revert to this
            </GuardedButton>
          )
        )}
      </Group>
      <code className="command" style={{ marginTop: 4 }}>
        {change.value === '' ? '(empty)' : (change.value ?? '(default)')}
      </code>
      {change.reason && (
        <Text size="sm" c="dimmed">
          {change.reason}
        </Text>
      )}
      {asked && (
        <Group gap="xs" mt={6}>
          <Text size="sm">Make this the value again?</Text>
          <Button size="compact-xs" onClick={onRevert} loading={busy} autoFocus>
            Revert
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => setAsked(false)}>
            Cancel
          </Button>
        </Group>
      )}
    </li>
  );
}

function History({ property, whyNot }: HistoryProps) {
  const history = useHistory(property);
  const refresh = useRefreshProperties();
  const revert = useMutation({
    mutationFn: (revision: number) => revertTo(property, revision),
    onSuccess: () => {
      notifications.show({ message: `${property.name} reverted.` });
      return refresh();
    },
    onError: refresh,
  });
  if (history.isPending) return <Rows />;
  if (history.isError) return <ProblemAlert error={history.error} />;
  const { changes, keptFrom } = history.data;
  if (changes.length === 0)
    return keptFrom === 0 ? (
      <Empty title="Never changed">It has had its default since the group was made.</Empty>
    ) : (
      <Empty title="Not changed lately">{forgotten(keptFrom)}</Empty>
    );
  return (
    <Stack gap="xs">
      {revert.isError && <ProblemAlert error={revert.error} title="Not reverted" />}
      <ol style={{ listStyle: 'none', padding: 0, margin: 0 }}>
        {changes.map((change) => (
          <Change
            key={`${change.revision}-${revert.submittedAt}`}
            change={change}
            isCurrent={change.revision === property.revision}
            whyNot={whyNot}
            busy={revert.isPending}
            onRevert={() => revert.mutate(change.revision)}
          />
        ))}
      </ol>
      {keptFrom > 0 && (
        <Text size="sm" c="dimmed">
          {forgotten(keptFrom)}
        </Text>
      )}
    </Stack>
  );
}

interface HistoryDrawerProps {
  property: Property | undefined;
  whyNot: string | undefined;
  onClose: () => void;
}

export function HistoryDrawer({ property, whyNot, onClose }: HistoryDrawerProps) {
  const title = (
    <span>
      History of <span className="mono">{property?.name}</span>
    </span>
  );
  return (
    <Drawer opened={property !== undefined} onClose={onClose} position="right" size={460} title={title}>
      {property && <History property={property} whyNot={whyNot} />}
    </Drawer>
  );
}
