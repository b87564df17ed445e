// The dialog that opens a maintenance window.
import { Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { serverNow } from '../../../live/clock';
import { useWhyNot } from '../../../live/session';
import { DialogFoot } from '../../../shell/dialogs';
import { ProblemAlert } from '../../../shell/parts';
import { useServiceChange, useServices } from '../queries';
import { byType, nameOf, titlesOfType } from '../reading';
import { bodyOf, freshWindow, type Scope, type WindowDraft, wrongWith } from './drafts';
import { openWindow } from './queries';

const SCOPES: { value: Scope; label: string }[] = [
  { value: 'all', label: 'All Kyvos services' },
  { value: 'type', label: 'All of a type' },
  { value: 'host', label: 'Everything on a node' },
  { value: 'service', label: 'One service' },
];

interface Choice {
  value: string;
  label: string;
}

/** What a scope can be about. */
function useChoices(scope: Scope): Choice[] {
  const services = (useServices().data ?? []).filter(({ type }) => type !== 'kyvos_manager');
  switch (scope) {
    case 'all':
      return [];
    case 'type':
      return byType(services).map(({ type }) => ({ value: type, label: titlesOfType(type) }));
    case 'host':
      return [...new Set(services.map(({ host }) => host))].map((host) => ({ value: host, label: host }));
    case 'service':
      return services.map((service) => ({ value: service.id, label: nameOf(service) }));
  }
}

function WindowForm({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState<WindowDraft>(() => freshWindow(serverNow()));
  const choices = useChoices(draft.scope);
  const opening = useServiceChange(openWindow, { onSuccess: onClose });
  const wrong = wrongWith(draft, serverNow());
  const whyNot = useWhyNot('services.manage') ?? Object.values(wrong)[0];
  const change = (to: Partial<WindowDraft>) => setDraft((before) => ({ ...before, ...to }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !opening.isPending) opening.mutate(bodyOf(draft));
  };
  const time = (field: 'from' | 'until', label: string, description: string) => (
    <TextInput
      type="datetime-local"
      label={label}
      description={description}
      value={draft[field]}
      error={wrong[field]}
      onChange={({ currentTarget }) => change({ [field]: currentTarget.value })}
    />
  );
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {opening.isError && <ProblemAlert error={opening.error} title="Not opened" />}
        <NativeSelect
          label="With"
          description="What goes down in it is not started by itself. Nothing is stopped."
          data={SCOPES}
          data-autofocus
          value={draft.scope}
          onChange={({ currentTarget }) => change({ scope: currentTarget.value as Scope, about: '' })}
        />
        {draft.scope !== 'all' && (
          <NativeSelect
            label="Which"
            data={[{ value: '', label: 'Choose' }, ...choices]}
            value={draft.about}
            onChange={({ currentTarget }) => change({ about: currentTarget.value })}
          />
        )}
        {time('from', 'From', 'In the time of this browser. Empty: now.')}
        {time('until', 'Until', 'At most 31 days. It closes by itself.')}
        <TextInput
          label="Note"
          description="What others should know. May be empty."
          value={draft.note}
          error={wrong.note}
          onChange={({ currentTarget }) => change({ note: currentTarget.value })}
        />
        <DialogFoot verb="Open" busy={opening.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function WindowDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Open a maintenance window">
      {opened && <WindowForm onClose={onClose} />}
    </Modal>
  );
}
