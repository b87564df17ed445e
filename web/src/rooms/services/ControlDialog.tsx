// How a type of service is controlled: the name of its unit, and how the Kyvos Managers ask one whether it serves.
import { Modal, NumberInput, Radio, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { ServiceControl, ServiceType } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { GuardedButton, ProblemAlert, Rows } from '../../shell/parts';
import { bodyOf, type ControlDraft, draftOf, PROBES, type Probe, wrongWith } from './control';
import { resetControl, setControl, useControls, useServiceChange } from './queries';
import { titlesOfType } from './reading';

interface FieldsProps {
  draft: ControlDraft;
  wrong: ReturnType<typeof wrongWith>;
  onChange: (change: Partial<ControlDraft>) => void;
}

function Fields({ draft, wrong, onChange }: FieldsProps) {
  return (
    <>
      <TextInput
        label="Unit"
        description="Its name in the configuration of the agents; what it starts is written there."
        data-autofocus
        value={draft.unit}
        error={wrong.unit}
        onChange={({ currentTarget }) => onChange({ unit: currentTarget.value })}
      />
      <Radio.Group
        label="Whether it serves, the Kyvos Managers find out"
        value={draft.probe}
        onChange={(probe) => onChange({ probe: probe as Probe })}
      >
        <Stack gap={6} mt={6}>
          {PROBES.map((probe) => (
            <Radio key={probe.value} {...probe} />
          ))}
        </Stack>
      </Radio.Group>
      {draft.probe !== 'none' && (
        <NumberInput
          label="Port"
          description="Empty: the one that is known of it, from its znode or the settings."
          allowDecimal={false}
          value={draft.port}
          error={wrong.port}
          onChange={(port) => onChange({ port })}
        />
      )}
      {draft.probe === 'http' && (
        <TextInput
          label="Path"
          value={draft.path}
          error={wrong.path}
          onChange={({ currentTarget }) => onChange({ path: currentTarget.value })}
        />
      )}
    </>
  );
}

function ControlForm({ control, onClose }: { control: ServiceControl; onClose: () => void }) {
  // As it was when the dialog was opened: what others change meanwhile must not slip under this edit.
  const [opened] = useState(control);
  const [draft, setDraft] = useState(() => draftOf(opened));
  const done = (word: string) => ({
    onSuccess: () => {
      notifications.show({ message: `${titlesOfType(opened.type)}: ${word}.` });
      onClose();
    },
  });
  const saving = useServiceChange(setControl, done('control changed'));
  const resetting = useServiceChange(resetControl, done('control as by default'));
  const wrong = wrongWith(draft);
  const mayNot = useWhyNot('services.manage');
  const error = saving.error ?? resetting.error;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mayNot === undefined && Object.keys(wrong).length === 0 && !saving.isPending)
      saving.mutate({ control: opened, input: bodyOf(draft) });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {error && <ProblemAlert error={error} title="Not changed" />}
        <Text size="sm">It holds for every service of this type. Nothing is started or stopped by it.</Text>
        <Fields
          draft={draft}
          wrong={wrong}
          onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
        />
        <div>
          <GuardedButton
            variant="subtle"
            size="compact-xs"
            whyNot={mayNot ?? (opened.is_default ? 'It is as by default.' : undefined)}
            loading={resetting.isPending}
            onClick={() => resetting.mutate(opened)}
          >
            As by default
          </GuardedButton>
        </div>
        <DialogFoot
          verb="Save"
          busy={saving.isPending}
          whyNot={mayNot ?? Object.values(wrong)[0]}
          onClose={onClose}
        />
      </Stack>
    </form>
  );
}

function Content({ type, onClose }: { type: ServiceType; onClose: () => void }) {
  const query = useControls();
  const control = query.data?.find((one) => one.type === type);
  if (control) return <ControlForm control={control} onClose={onClose} />;
  return query.isError ? <ProblemAlert error={query.error} /> : <Rows count={3} />;
}

export function ControlDialog({ type, onClose }: { type: ServiceType | undefined; onClose: () => void }) {
  return (
    <Modal
      opened={type !== undefined}
      onClose={onClose}
      title={type && `How ${titlesOfType(type)} are controlled`}
      closeOnClickOutside={false}
    >
      {type && <Content type={type} onClose={onClose} />}
    </Modal>
  );
}
