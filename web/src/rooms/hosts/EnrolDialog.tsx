// Enrolling a host's agent: a command to run there, whose token is shown once and used once. The dialog notices by itself
// when the agent has enrolled.
import { Modal, NumberInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { Enrolment, Host } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { Age, Pill, ProblemAlert } from '../../shell/parts';
import { Secret } from '../access/Secret';
import { issueEnrolment, useHostChange } from './queries';

const TTL_DEFAULT_MINUTES = 60;
const TTL_MAX_MINUTES = 7 * 24 * 60;

function Waiting({ host, enrolledBefore }: { host: Host; enrolledBefore: string | null | undefined }) {
  const now = host.transport.kind === 'agent' ? host.transport.enrolled_at : null;
  const enrolled = now != null && now !== enrolledBefore;
  return (
    <Text size="sm" aria-live="polite" component="div">
      {enrolled ? (
        <>
          <Pill tone="ok" icon="check">
            Enrolled
          </Pill>{' '}
          <Age at={now} />
        </>
      ) : (
        <Pill tone="info">Waiting for the agent</Pill>
      )}
    </Text>
  );
}

function EnrolForm({ host, onClose }: { host: Host; onClose: () => void }) {
  const [enrolledBefore] = useState(host.transport.kind === 'agent' ? host.transport.enrolled_at : null);
  const [minutes, setMinutes] = useState<number | string>(TTL_DEFAULT_MINUTES);
  const [issued, setIssued] = useState<Enrolment>();
  const issuing = useHostChange(issueEnrolment, { onSuccess: setIssued });
  const whyNot = useWhyNot('hosts.trust');
  if (issued)
    return (
      <Stack gap="sm">
        <Waiting host={host} enrolledBefore={enrolledBefore} />
        <Secret
          label={`Run this on ${host.name} before the token expires. Then start km agent there.`}
          value={issued.command}
          onClose={onClose}
        />
      </Stack>
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typeof minutes === 'number') issuing.mutate({ id: host.id, ttl_minutes: minutes });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {issuing.isError && <ProblemAlert error={issuing.error} title="Not made" />}
        <Text size="sm">
          The token in the command lets one agent in, once. A token made earlier for {host.name} and not used
          yet is void then.
        </Text>
        {enrolledBefore != null && (
          <Text size="sm">Its agent is enrolled already; a new enrolment takes the place of that one.</Text>
        )}
        <NumberInput
          label="Valid for minutes"
          min={1}
          max={TTL_MAX_MINUTES}
          allowDecimal={false}
          required
          data-autofocus
          value={minutes}
          onChange={setMinutes}
        />
        <DialogFoot verb="Make command" busy={issuing.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function EnrolDialog({ host, onClose }: { host: Host | undefined; onClose: () => void }) {
  return (
    <Modal
      opened={host !== undefined}
      onClose={onClose}
      title={`Enrol the agent of ${host?.name ?? ''}`}
      size="lg"
      closeOnClickOutside={false}
    >
      {host && <EnrolForm host={host} onClose={onClose} />}
    </Modal>
  );
}
