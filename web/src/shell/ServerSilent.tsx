// The page when nobody answers at the very start: nothing is known yet, so nothing is claimed.
import { Button, Center, Group, Stack, Text, Title } from '@mantine/core';
import { useEffect } from 'react';
import { Command, ProblemAlert } from './parts';

const RETRY_MS = 3000;

export function ServerSilent({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  useEffect(() => {
    const timer = setInterval(onRetry, RETRY_MS);
    return () => clearInterval(timer);
  }, [onRetry]);
  return (
    <Center mih="100vh" p="md">
      <Stack maw={520} className="panel" p="lg" component="main">
        <Title order={1}>This Kyvos Manager does not answer</Title>
        <ProblemAlert error={error} />
        <Text size="sm">
          The page tries again every few seconds. On the host, see whether it runs and what it knows:
        </Text>
        <Command>{'systemctl status km\nkm status'}</Command>
        <Group>
          <Button onClick={onRetry}>Try again now</Button>
        </Group>
      </Stack>
    </Center>
  );
}
