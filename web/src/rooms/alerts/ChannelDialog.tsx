// The dialog that adds a channel or changes one. Secrets are typed and never shown: empty keeps the present one.
import { Modal, NativeSelect, PasswordInput, Radio, Stack, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { AlertChannel, AlertSeverity, MailEncryption } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { ProblemAlert } from '../../shell/parts';
import { type ChannelDraft, draftOf, EMPTY, ENCRYPTIONS, SEVERITIES, wrongWith } from './drafts';
import { addChannel, setChannel, useAlertChange } from './queries';

interface FieldsProps {
  draft: ChannelDraft;
  wrong: ReturnType<typeof wrongWith>;
  /** It is changed, and has its secrets. */
  kept: boolean;
  onChange: (change: Partial<ChannelDraft>) => void;
}

/** What is wrong with a field is said once something stands in it; the button says it before. */
const said = (value: string, wrong: string | undefined) => (value === '' ? undefined : wrong);

function WebhookFields({ draft, wrong, kept, onChange }: FieldsProps) {
  return (
    <>
      <TextInput
        label="URL"
        placeholder="https://pager.example/hook"
        value={draft.url}
        error={said(draft.url, wrong.url)}
        onChange={({ currentTarget }) => onChange({ url: currentTarget.value })}
      />
      <PasswordInput
        label="Secret"
        description={
          kept
            ? 'Letters are signed with it. Empty keeps the present one.'
            : 'Letters are signed with it, so that the receiver knows who sent them. 16 characters or more.'
        }
        autoComplete="new-password"
        value={draft.secret}
        error={said(draft.secret, wrong.secret)}
        onChange={({ currentTarget }) => onChange({ secret: currentTarget.value })}
      />
    </>
  );
}

function MailFields({ draft, wrong, kept, onChange }: FieldsProps) {
  const text = (field: 'server' | 'username' | 'from', label: string, placeholder: string) => (
    <TextInput
      label={label}
      placeholder={placeholder}
      autoComplete="off"
      value={draft[field]}
      error={said(draft[field], wrong[field])}
      onChange={({ currentTarget }) => onChange({ [field]: currentTarget.value })}
    />
  );
  return (
    <>
      {text('server', 'Mail server', 'mail.example:587')}
      <NativeSelect
        label="Encryption"
        data={ENCRYPTIONS}
        value={draft.encryption}
        error={wrong.encryption}
        onChange={({ currentTarget }) => onChange({ encryption: currentTarget.value as MailEncryption })}
      />
      {text('username', 'Sign in as', 'Empty: as nobody in particular')}
      <PasswordInput
        label="Password"
        description={kept ? 'Empty keeps the present one, for this name and server.' : undefined}
        autoComplete="new-password"
        value={draft.password}
        error={said(draft.username, wrong.password)}
        onChange={({ currentTarget }) => onChange({ password: currentTarget.value })}
      />
      {text('from', 'From', 'km@example.com')}
      <Textarea
        label="To"
        description="One address a line, at most 16."
        autosize
        minRows={2}
        value={draft.to}
        error={said(draft.to, wrong.to)}
        onChange={({ currentTarget }) => onChange({ to: currentTarget.value })}
      />
    </>
  );
}

function ChannelForm({ channel, onClose }: { channel: AlertChannel | undefined; onClose: () => void }) {
  // As it was when the dialog was opened: what others change meanwhile must not slip under this edit.
  const [opened] = useState(channel);
  const [before] = useState(() => (channel ? draftOf(channel) : undefined));
  const [draft, setDraft] = useState(before ?? EMPTY);
  const saving = useAlertChange<ChannelDraft, AlertChannel>(
    (sent) => (opened ? setChannel({ channel: opened, draft: sent }) : addChannel(sent)),
    {
      onSuccess: ({ name }) => {
        notifications.show({ message: `${name} ${opened ? 'changed' : 'added'}. Send a test next.` });
        onClose();
      },
    },
  );
  const wrong = wrongWith(draft, before);
  const whyNot = useWhyNot('alerts.channels') ?? Object.values(wrong)[0];
  const change = (to: Partial<ChannelDraft>) => setDraft((now) => ({ ...now, ...to }));
  const fields = { draft, wrong, kept: before?.kind === draft.kind, onChange: change };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !saving.isPending) saving.mutate(draft);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {saving.isError && <ProblemAlert error={saving.error} title="Not saved" />}
        <TextInput
          label="Name"
          data-autofocus
          value={draft.name}
          onChange={({ currentTarget }) => change({ name: currentTarget.value })}
        />
        <NativeSelect
          label="Told from"
          description="Alerts that matter less are not told here."
          data={SEVERITIES}
          value={draft.minimum}
          onChange={({ currentTarget }) => change({ minimum: currentTarget.value as AlertSeverity })}
        />
        <Radio.Group
          label="How"
          value={draft.kind}
          onChange={(kind) => change({ kind: kind as ChannelDraft['kind'] })}
        >
          <Stack gap={6} mt={6}>
            <Radio value="webhook" label="Webhook" description="A signed POST to a program" />
            <Radio value="email" label="E-mail" description="By your mail server" />
          </Stack>
        </Radio.Group>
        {draft.kind === 'webhook' ? <WebhookFields {...fields} /> : <MailFields {...fields} />}
        <Textarea
          label="Certificate authorities"
          description="PEM. Empty: those of the host's operating system."
          autosize
          minRows={1}
          maxRows={6}
          value={draft.ca}
          error={said(draft.ca, wrong.ca)}
          onChange={({ currentTarget }) => change({ ca: currentTarget.value })}
        />
        <DialogFoot verb="Save" busy={saving.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

interface ChannelDialogProps {
  opened: boolean;
  /** The one that is changed; without it a further one is added. */
  channel: AlertChannel | undefined;
  onClose: () => void;
}

export function ChannelDialog({ opened, channel, onClose }: ChannelDialogProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={channel ? `Edit ${channel.name}` : 'Add channel'}
      closeOnClickOutside={false}
    >
      {opened && <ChannelForm channel={channel} onClose={onClose} />}
    </Modal>
  );
}
