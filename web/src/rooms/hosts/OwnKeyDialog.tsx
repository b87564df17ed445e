// The key by which Managers sign in on hosts reached over SSH: its public part, to be put on each of them.
import { Button, CopyButton, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useWhyNot } from '../../live/session';
import { Icon } from '../../shell/icons';
import { Command, GuardedButton, ProblemAlert, Rows } from '../../shell/parts';
import { makeOwnKey, useHostChange, useOwnKey } from './queries';

function PublicKey({ value }: { value: string }) {
  return (
    <>
      <Text size="sm">
        Put this line into <span className="mono">~/.ssh/authorized_keys</span> of the user on each host
        reached over SSH. The private part never leaves the Managers.
      </Text>
      <Command>{value}</Command>
    </>
  );
}

function Content({ onClose }: { onClose: () => void }) {
  const own = useOwnKey();
  const [sure, setSure] = useState(false);
  const making = useHostChange(makeOwnKey, { onSuccess: () => void own.refetch() });
  const whyNot = useWhyNot('hosts.trust');
  if (own.data === undefined) return own.isError ? <ProblemAlert error={own.error} /> : <Rows count={2} />;
  const value = own.data.public_key;
  const make = () => {
    if (value != null && !sure) return setSure(true);
    making.mutate(undefined, { onSuccess: () => setSure(false) });
  };
  return (
    <Stack gap="sm">
      {making.isError && <ProblemAlert error={making.error} title="Not made" />}
      {value == null ? (
        <Text size="sm">There is no key yet. It is needed as soon as a host is reached over SSH.</Text>
      ) : (
        <PublicKey value={value} />
      )}
      {sure && (
        <Text size="sm" role="alert" c="var(--km-bad)">
          Hosts that know only the present key answer no more until the new one is put there. Press again to
          make it.
        </Text>
      )}
      <Group justify="flex-end" gap="xs">
        <GuardedButton variant="default" whyNot={whyNot} loading={making.isPending} onClick={make}>
          {value == null ? 'Make a key' : sure ? 'Make a new key now' : 'Make a new key'}
        </GuardedButton>
        {value != null && (
          <CopyButton value={value}>
            {({ copied, copy }) => (
              <Button
                variant="default"
                leftSection={<Icon name={copied ? 'check' : 'copy'} />}
                onClick={copy}
              >
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
        )}
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}

export function OwnKeyDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="SSH key of the Managers" size="lg">
      {opened && <Content onClose={onClose} />}
    </Modal>
  );
}
