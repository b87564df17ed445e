// What a host means for the whole: what would be lost with it, and whether a Kyvos Manager may come there.
import { Modal, Stack } from '@mantine/core';
import { useCluster } from '../../live/session';
import type { Host } from '../../live/types';
import { Explained } from '../managers/Explained';

function Outlook({ host }: { host: Host }) {
  const ha = useCluster().data?.ha_enabled ?? false;
  const about = { host: host.name };
  return (
    <Stack gap="md">
      <Explained question={`What if ${host.name} dies now?`} topic="host-failure" about={about} />
      {ha && host.manager == null && (
        <Explained question="Can a Kyvos Manager come here?" topic="add" about={about} />
      )}
    </Stack>
  );
}

export function OutlookDialog({ host, onClose }: { host: Host | undefined; onClose: () => void }) {
  return (
    <Modal
      opened={host !== undefined}
      onClose={onClose}
      title={`What depends on ${host?.name ?? ''}`}
      size="lg"
    >
      {host && <Outlook host={host} />}
    </Modal>
  );
}
