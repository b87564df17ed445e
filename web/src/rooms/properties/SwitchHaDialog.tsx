// Asks before Kyvos Manager HA is switched: the only Manager there is restarts, and something comes next.
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useCluster } from '../../live/session';
import type { Drafts } from './drafts';

const NEXT = {
  yes: 'The page comes back by itself, and you stay signed in. Next, push the Kyvos Manager Disaster Recovery script; then add a further Kyvos Manager, because one alone cannot take over from itself.',
  no: 'The page comes back by itself, and you stay signed in. Kyvos Manager Nodes is no longer shown, and no further Kyvos Manager can be added.',
} as const;

export type Switched = keyof typeof NEXT;

/** What the edits make of ENABLE_KM_HA, if they touch it. */
export function switchedHa(drafts: Drafts): Switched | undefined {
  const draft = drafts.get('kyvos-manager/ENABLE_KM_HA');
  if (draft === undefined) return undefined;
  return draft.value === 'yes' ? 'yes' : 'no';
}

interface SwitchHaDialogProps {
  to: Switched | undefined;
  onConfirm: () => void;
  onClose: () => void;
}

export function SwitchHaDialog({ to, onConfirm, onClose }: SwitchHaDialogProps) {
  const alone = useCluster().data?.members.length === 1;
  return (
    <Modal
      opened={to !== undefined}
      onClose={onClose}
      title={`${to === 'yes' ? 'Enable' : 'Disable'} Kyvos Manager HA`}
    >
      <Stack gap="sm">
        {alone && (
          <Text size="sm" fw={600}>
            Kyvos Manager will restart
          </Text>
        )}
        <Text size="sm">{to && NEXT[to]}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button onClick={onConfirm} data-autofocus>
            Save
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
