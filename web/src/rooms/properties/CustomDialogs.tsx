// Names of one's own in the file `custom`: adding one, deleting one.
import { Modal, Stack, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { hasCode } from '../../live/problem';
import type { Property } from '../../live/types';
import { ConfirmDialog, DialogFoot } from '../../shell/dialogs';
import { ProblemAlert } from '../../shell/parts';
import { add, remove, useRefreshProperties } from './queries';
import { nameProblem, valueProblem } from './validate';

const ANY_TEXT = { type: 'text', max_bytes: 4096 } as const;

function AddForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const [reason, setReason] = useState('');
  const refresh = useRefreshProperties();
  const adding = useMutation({
    mutationFn: () => add(name, value, reason),
    onSuccess: async () => {
      notifications.show({ message: `${name} added.` });
      await refresh();
      onClose();
    },
  });
  const exists = hasCode(adding.error, 'CHANGED');
  const wrongName = name === '' ? undefined : nameProblem(name);
  const wrongValue = valueProblem(ANY_TEXT, value);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!nameProblem(name) && !wrongValue) adding.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {adding.isError && !exists && <ProblemAlert error={adding.error} title="Not added" />}
        <TextInput
          label="Name"
          required
          data-autofocus
          value={name}
          error={wrongName ?? (exists ? 'A property of this name exists already.' : undefined)}
          onChange={(event) => {
            adding.reset();
            setName(event.currentTarget.value);
          }}
        />
        <Textarea
          label="Value"
          autosize
          minRows={2}
          maxRows={10}
          value={value}
          error={wrongValue}
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <TextInput
          label="Reason"
          description="Optional; kept in the history."
          maxLength={512}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <DialogFoot verb="Add" busy={adding.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function AddDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a custom property">
      <AddForm onClose={onClose} />
    </Modal>
  );
}

export function RemoveDialog({ property, onClose }: { property: Property | undefined; onClose: () => void }) {
  const refresh = useRefreshProperties();
  const removing = useMutation({
    mutationFn: remove,
    onSuccess: async (_, gone) => {
      notifications.show({ message: `${gone.name} deleted.` });
      await refresh();
      onClose();
    },
    onError: refresh,
  });
  return (
    <ConfirmDialog of={property} change={removing} title="Delete a custom property" onClose={onClose}>
      <span className="mono">{property?.name}</span> ceases to exist on every Manager. Its history stays in
      the audit.
    </ConfirmDialog>
  );
}
