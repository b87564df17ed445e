// Trusting a host's SSH key: what it offers now, what was trusted before, and an explicit yes. Nothing is trusted by itself.
import { Alert, Checkbox, Loader, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { Host, SshHostKey } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { Icon } from '../../shell/icons';
import { Command, Pill, ProblemAlert } from '../../shell/parts';
import { trustKey, useHostChange, useOfferedKey } from './queries';

function Fingerprints({ trusted, offered }: { trusted: string | null | undefined; offered: SshHostKey }) {
  return (
    <dl className="facts">
      {trusted != null && (
        <>
          <dt>Trusted so far</dt>
          <dd className="mono" data-fingerprint="trusted">
            {trusted}
          </dd>
        </>
      )}
      <dt>It offers now</dt>
      <dd className="mono" data-fingerprint="offered">
        {offered.fingerprint}
      </dd>
      <dt>Kind</dt>
      <dd className="mono">{offered.offered.split(' ')[0]}</dd>
    </dl>
  );
}

const CHANGED =
  'Its key has changed since it was trusted. That is so after the host was set up anew; it is also so when another machine answers in its place. Nothing is done there until this is cleared up.';

interface OfferProps {
  host: Host;
  offered: SshHostKey;
  onClose: () => void;
}

function Offer({ host, offered, onClose }: OfferProps) {
  const [compared, setCompared] = useState(false);
  const trusting = useHostChange(trustKey, {
    onSuccess: () => {
      notifications.show({ message: `The SSH key of ${host.name} is trusted.` });
      onClose();
    },
  });
  const mayNot = useWhyNot('hosts.trust');
  const before = host.transport.kind === 'ssh' ? host.transport.fingerprint : null;
  const whyNot =
    mayNot ??
    (offered.matches ? 'It is trusted already.' : undefined) ??
    (compared ? undefined : 'Compare the fingerprint first.');
  return (
    <Stack gap="sm">
      {trusting.isError && <ProblemAlert error={trusting.error} title="Not trusted" />}
      {offered.matches ? (
        <Pill tone="ok" icon="check">
          The key it offers is the trusted one
        </Pill>
      ) : (
        before != null && (
          <Alert variant="default" className="tone-bad" icon={<Icon name="error" />}>
            {CHANGED}
          </Alert>
        )
      )}
      <Fingerprints trusted={before} offered={offered} />
      {!offered.matches && (
        <>
          <Text size="sm">Compare it with what the host itself says, at its console:</Text>
          <Command>{'for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -l -f "$key"; done'}</Command>
          <Checkbox
            label="I have compared the fingerprint at the host"
            checked={compared}
            onChange={({ currentTarget }) => setCompared(currentTarget.checked)}
          />
        </>
      )}
      <DialogFoot
        verb="Trust this key"
        busy={trusting.isPending}
        whyNot={whyNot}
        onAct={() => trusting.mutate({ host, key: offered.offered })}
        onClose={onClose}
      />
    </Stack>
  );
}

function Asking({ host, onClose }: { host: Host; onClose: () => void }) {
  const offered = useOfferedKey(host.id);
  if (offered.data) return <Offer host={host} offered={offered.data} onClose={onClose} />;
  if (offered.isError) return <ProblemAlert error={offered.error} title={`${host.name} told no key`} />;
  return (
    <Text size="sm" component="div" aria-busy="true">
      <Loader size="xs" aria-label="Asking" /> Asking {host.name} for its key…
    </Text>
  );
}

export function TrustDialog({ host, onClose }: { host: Host | undefined; onClose: () => void }) {
  return (
    <Modal opened={host !== undefined} onClose={onClose} title={`SSH key of ${host?.name ?? ''}`} size="lg">
      {host && <Asking host={host} onClose={onClose} />}
    </Modal>
  );
}
