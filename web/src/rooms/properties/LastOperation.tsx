// The "i" next to Revert: what this page started last, when, how it stands, and where to read on.
import { ActionIcon, Popover, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { Property } from '../../live/types';
import { Icon } from '../../shell/icons';
import { Age, TextLink } from '../../shell/parts';
import { OperationStatusPill } from '../operations/OperationStatusPill';
import { useOperations } from '../operations/queries';

/** Operations that a changed property starts. */
const FROM_PROPERTIES = /^SWITCH_HA$/;

function LastChange({ properties }: { properties: Property[] }) {
  const last = properties
    .flatMap(({ name, modified }) => (modified ? [{ name, modified }] : []))
    .sort((a, b) => b.modified.revision - a.modified.revision)[0];
  if (!last) return <Text size="sm">No property has been changed yet.</Text>;
  return (
    <Text size="sm">
      Last change: <span className="mono">{last.name}</span> by {last.modified.by},{' '}
      <Age at={last.modified.at} />, index {last.modified.revision}
    </Text>
  );
}

function Content({ properties }: { properties: Property[] }) {
  const operations = useOperations();
  const last = operations.data?.find(({ kind }) => FROM_PROPERTIES.test(kind));
  return (
    <Stack gap={6}>
      {last ? (
        <>
          <Text size="sm" fw={600}>
            {last.title} <OperationStatusPill operation={last} />
          </Text>
          <Text size="sm">
            Started <Age at={last.started_at ?? last.requested_at} />
          </Text>
        </>
      ) : (
        <Text size="sm">No operation was started from this page yet.</Text>
      )}
      <LastChange properties={properties} />
      <Text size="sm">
        <TextLink to={last ? `/operations/${last.id}` : '/operations'}>View Details</TextLink>
      </Text>
    </Stack>
  );
}

export function LastOperation({ properties }: { properties: Property[] }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      width={320}
      position="bottom-end"
      withArrow
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label="Last operation of this page"
          onClick={() => setOpened(!opened)}
        >
          <Icon name="info" size={18} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label="Last operation of this page">
        {opened && <Content properties={properties} />}
      </Popover.Dropdown>
    </Popover>
  );
}
