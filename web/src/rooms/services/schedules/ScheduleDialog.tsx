// The dialog that adds a schedule, or sets one anew.
import { Checkbox, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../../live/session';
import type { ServiceSchedule, ServiceType } from '../../../live/types';
import { DialogFoot } from '../../../shell/dialogs';
import { ProblemAlert } from '../../../shell/parts';
import { useServiceChange } from '../queries';
import { TYPES, titlesOfType } from '../reading';
import { draftOf, freshDraft, offsetOf, type ScheduleDraft, wrongWith } from './drafts';
import { addSchedule, setSchedule } from './queries';
import { DAYS, dayLabel } from './schedules';

const STATES = [
  { value: 'stopped', label: 'Go to sleep' },
  { value: 'running', label: 'Wake' },
];

const SCOPES = [
  { value: '', label: 'All Kyvos services' },
  ...TYPES.filter((type) => type !== 'kyvos_manager').map((value) => ({
    value,
    label: `All ${titlesOfType(value)}`,
  })),
];

const FOLLOWS: Record<ScheduleDraft['state'], string> = {
  stopped:
    'What is to run is stopped then, the cluster in its order, and is wanted stopped by schedule: nobody takes that for a failure.',
  running: 'What sleeps by a schedule is started then, and what is to run anyway.',
};

interface FieldsProps {
  draft: ScheduleDraft;
  wrong: ReturnType<typeof wrongWith>;
  onChange: (change: Partial<ScheduleDraft>) => void;
}

function Fields({ draft, wrong, onChange }: FieldsProps) {
  return (
    <>
      <TextInput
        label="Name"
        data-autofocus
        value={draft.name}
        error={draft.name === '' ? undefined : wrong.name}
        onChange={({ currentTarget }) => onChange({ name: currentTarget.value })}
      />
      <NativeSelect
        label="What they do"
        data={STATES}
        value={draft.state}
        onChange={({ currentTarget }) => onChange({ state: currentTarget.value as ScheduleDraft['state'] })}
      />
      <NativeSelect
        label="Which"
        data={SCOPES}
        value={draft.type}
        onChange={({ currentTarget }) => onChange({ type: currentTarget.value as ServiceType | '' })}
      />
      <Group grow align="flex-start">
        <TextInput
          label="At"
          description="By the clock beside it."
          value={draft.at}
          error={wrong.at}
          onChange={({ currentTarget }) => onChange({ at: currentTarget.value })}
        />
        <TextInput
          label="Distance from UTC"
          description="It stays the same all year."
          value={draft.offset}
          error={wrong.offset}
          onChange={({ currentTarget }) => onChange({ offset: currentTarget.value })}
        />
      </Group>
      <Checkbox.Group
        label="Days"
        value={draft.days}
        error={wrong.days}
        onChange={(days) => onChange({ days })}
      >
        <Group gap="sm" mt={6}>
          {DAYS.map((day) => (
            <Checkbox key={day} value={day} label={dayLabel(day)} />
          ))}
        </Group>
      </Checkbox.Group>
    </>
  );
}

interface FormProps {
  schedule: ServiceSchedule | undefined;
  onClose: () => void;
}

function ScheduleForm({ schedule, onClose }: FormProps) {
  // As it was when the dialog was opened: what others change meanwhile must not slip under this edit.
  const [opened] = useState(schedule);
  const [draft, setDraft] = useState(() =>
    opened ? draftOf(opened) : freshDraft(offsetOf(new Date().getTimezoneOffset())),
  );
  const adding = useServiceChange(addSchedule, { onSuccess: onClose });
  const setting = useServiceChange(setSchedule, { onSuccess: onClose });
  const error = adding.error ?? setting.error;
  const busy = adding.isPending || setting.isPending;
  const wrong = wrongWith(draft);
  const whyNot = useWhyNot('services.manage') ?? Object.values(wrong)[0];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot !== undefined || busy) return;
    if (opened) setting.mutate({ schedule: opened, draft });
    else adding.mutate(draft);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {error && <ProblemAlert error={error} title="Not saved" />}
        <Fields
          draft={draft}
          wrong={wrong}
          onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
        />
        <Text size="sm">{FOLLOWS[draft.state]}</Text>
        <DialogFoot verb="Save" busy={busy} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function ScheduleDialog({ opened, ...rest }: FormProps & { opened: boolean }) {
  return (
    <Modal
      opened={opened}
      onClose={rest.onClose}
      title={rest.schedule ? `Schedule ${rest.schedule.name}` : 'Add a schedule'}
      closeOnClickOutside={false}
    >
      {opened && <ScheduleForm {...rest} />}
    </Modal>
  );
}
