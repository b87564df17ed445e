// The files on their way: how much of each has come, or why one has not.
import { List, Loader, Stack, Text } from '@mantine/core';
import { bytes } from '../../shell/format';
import { Pill, ProblemAlert } from '../../shell/parts';
import type { Item } from './useDownloads';

function State({ item: { progress } }: { item: Item }) {
  switch (progress.state) {
    case 'waiting':
      return <Pill tone="idle">Waiting</Pill>;
    case 'loading':
      return (
        <>
          <Loader size={12} aria-label="Loading" /> <span className="quiet">{bytes(progress.bytes)}</span>
        </>
      );
    case 'done':
      return (
        <>
          <Pill tone="ok" icon="check">
            Saved
          </Pill>{' '}
          <span className="mono">{progress.name}</span> <span className="quiet">{bytes(progress.bytes)}</span>
        </>
      );
    case 'failed':
      return <ProblemAlert error={progress.error} />;
  }
}

export function Downloads({ items }: { items: Item[] }) {
  if (items.length === 0) return null;
  return (
    <Stack gap={4} aria-live="polite">
      <Text size="sm" fw={600}>
        Files
      </Text>
      <List size="sm" spacing={6} listStyleType="none">
        {items.map((item) => (
          <List.Item key={item.key} data-file={item.key} data-progress={item.progress.state}>
            {item.label} <State item={item} />
          </List.Item>
        ))}
      </List>
    </Stack>
  );
}
