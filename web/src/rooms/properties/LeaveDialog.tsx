// Asks before unsaved edits are left behind.
import { Button, Group, Modal, Text } from '@mantine/core';
import { useEffect } from 'react';
import type { Blocker } from 'react-router';
import { plural } from '../../shell/format';

export function LeaveDialog({ blocker, count }: { blocker: Blocker; count: number }) {
  const stay = () => blocker.reset?.();
  const pointless = blocker.state === 'blocked' && count === 0;
  // Asked while the edits were being saved: now they are, and who wanted to leave may.
  useEffect(() => {
    if (pointless) blocker.proceed?.();
  }, [pointless, blocker]);
  return (
    <Modal opened={blocker.state === 'blocked'} onClose={stay} title="Leave without saving?">
      <Text size="sm" mb="md">
        {plural(count, 'change')} on this page {count === 1 ? 'is' : 'are'} not saved.
      </Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={() => blocker.proceed?.()}>
          Leave
        </Button>
        <Button onClick={stay} data-autofocus>
          Stay
        </Button>
      </Group>
    </Modal>
  );
}
