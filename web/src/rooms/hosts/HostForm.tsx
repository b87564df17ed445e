// The dialog that registers a host or changes one: what it is for, and the way to it.
import { Checkbox, Modal, Radio, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { Host, HostRole } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { ProblemAlert } from '../../shell/parts';
import { draftOf, EMPTY, type HostDraft, transportOf, wrongWith } from './drafts';
import { changeHost, registerHost, useHostChange } from './queries';
import { ROLES } from './status';

interface FieldsProps {
  draft: HostDraft;
  wrong: ReturnType<typeof wrongWith>;
  onChange: (change: Partial<HostDraft>) => void;
}

function Roles({ draft, onChange }: FieldsProps) {
  return (
    <Checkbox.Group
      label="Roles"
      description="What runs there. A Kyvos Manager may be added only where the Kyvos Web Portal runs."
      value={draft.roles}
      onChange={(roles) => onChange({ roles: roles as HostRole[] })}
    >
      <SimpleGrid cols={2} spacing={6} mt={6}>
        {ROLES.map(({ role, label }) => (
          <Checkbox key={role} value={role} label={label} />
        ))}
      </SimpleGrid>
    </Checkbox.Group>
  );
}

function Way({ draft, wrong, onChange }: FieldsProps) {
  const text = (field: 'address' | 'user' | 'program' | 'config', label: string, placeholder?: string) => (
    <TextInput
      label={label}
      placeholder={placeholder}
      value={draft[field]}
      error={draft[field] === '' ? undefined : wrong[field]}
      onChange={({ currentTarget }) => onChange({ [field]: currentTarget.value })}
    />
  );
  return (
    <>
      <Radio.Group
        label="How it is reached"
        value={draft.kind}
        onChange={(kind) => onChange({ kind: kind as HostDraft['kind'] })}
      >
        <Stack gap={6} mt={6}>
          <Radio
            value="agent"
            label="Agent"
            description="km agent runs there and is enrolled with a token used once"
          />
          <Radio value="ssh" label="SSH" description="Its SSH server starts km for each act" />
        </Stack>
      </Radio.Group>
      {draft.kind === 'ssh' && (
        <SimpleGrid cols={2} spacing="sm">
          {text('address', 'SSH address', 'bi1.example:22')}
          {text('user', 'User on the host')}
          {text('program', 'Path of km')}
          {text('config', 'Configuration of the agent')}
        </SimpleGrid>
      )}
    </>
  );
}

interface HostFormProps {
  /** The one that is changed; without it a further one is registered. */
  host?: Host | undefined;
  onClose: () => void;
  onRegistered?: (host: Host) => void;
}

function HostForm({ host, onClose, onRegistered }: HostFormProps) {
  // As it was when the dialog was opened: what others change meanwhile must not slip under this edit.
  const [opened] = useState(host);
  const [before] = useState(() => (host ? draftOf(host) : EMPTY));
  const [draft, setDraft] = useState(before);
  const wrong = wrongWith(draft);
  const sameWay = JSON.stringify(transportOf(draft)) === JSON.stringify(transportOf(before));
  const saving = useHostChange<HostDraft, Host>(
    (sent) => (opened ? changeHost({ host: opened, draft: sent, sameWay }) : registerHost(sent)),
    {
      onSuccess: (saved) => {
        notifications.show({ message: `${saved.name} ${opened ? 'changed' : 'registered'}.` });
        onClose();
        if (!opened) onRegistered?.(saved);
      },
    },
  );
  const unchanged =
    opened && JSON.stringify(draft) === JSON.stringify(before) ? 'Nothing is changed.' : undefined;
  const whyNot = useWhyNot('hosts.manage') ?? Object.values(wrong)[0] ?? unchanged;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !saving.isPending) saving.mutate(draft);
  };
  const change = (to: Partial<HostDraft>) => setDraft((now) => ({ ...now, ...to }));
  const fields = { draft, wrong, onChange: change };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {saving.isError && <ProblemAlert error={saving.error} title="Not saved" />}
        <TextInput
          label="Host name"
          description={
            opened ? 'Its name stays: it is how it is known everywhere.' : 'As the other hosts reach it.'
          }
          placeholder="km4.example"
          value={draft.name}
          readOnly={opened !== undefined}
          onChange={({ currentTarget }) => change({ name: currentTarget.value })}
          {...(opened ? {} : { 'data-autofocus': true })}
        />
        <Roles {...fields} />
        <Way {...fields} />
        <DialogFoot verb="Save" busy={saving.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function HostDialog({ opened, ...rest }: HostFormProps & { opened: boolean }) {
  return (
    <Modal
      opened={opened}
      onClose={rest.onClose}
      title={rest.host ? `Edit ${rest.host.name}` : 'Add node'}
      size="lg"
      closeOnClickOutside={false}
    >
      {opened && <HostForm {...rest} />}
    </Modal>
  );
}
