// The bounds of Services HA, and which services stand by.
import { Checkbox, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../../live/session';
import type { Service, ServicesHa } from '../../../live/types';
import { DialogFoot } from '../../../shell/dialogs';
import { ProblemAlert } from '../../../shell/parts';
import { useServiceChange, useServices } from '../queries';
import { nameOf } from '../reading';
import { FIELDS, inputOf, type NumberDraft, wrongNumber } from './drafts';
import { setServicesHa } from './queries';

/** A second Postgres on the same data destroys it, and a ZooKeeper server is its host. */
const MAY_STAND_BY = ['bi_server', 'query_engine', 'web_portal'];

/** Only what rests can take the place of another. */
const mayStandBy = (service: Service, standbys: string[]) =>
  MAY_STAND_BY.includes(service.type) &&
  (service.wanted.state === 'stopped' || standbys.includes(service.id));

interface StandbysProps {
  chosen: string[];
  named: string[];
  onChange: (chosen: string[]) => void;
}

function Standbys({ chosen, named, onChange }: StandbysProps) {
  const candidates = (useServices().data ?? []).filter((service) => mayStandBy(service, named));
  return (
    <Checkbox.Group
      label="Standbys"
      description="Started when the host of another of their type is gone. Only what is wanted stopped can stand by."
      value={chosen}
      onChange={onChange}
    >
      <Stack gap={6} mt={6}>
        {candidates.length === 0 && (
          <Text size="sm" className="quiet">
            No BI Server, Query Engine or Kyvos Web Portal is wanted stopped.
          </Text>
        )}
        {candidates.map((service) => (
          <Checkbox key={service.id} value={service.id} label={nameOf(service)} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}

function SettingsForm({ ha, onClose }: { ha: ServicesHa; onClose: () => void }) {
  // As it was when the dialog was opened: what others change meanwhile must not slip under this edit.
  const [opened] = useState(ha);
  const [numbers, setNumbers] = useState<NumberDraft>(() => ({ ...opened }));
  const [standbys, setStandbys] = useState(opened.standbys);
  const saving = useServiceChange(setServicesHa, {
    onSuccess: () => {
      notifications.show({ message: 'Services HA changed.' });
      onClose();
    },
  });
  const wrong = FIELDS.find((field) => wrongNumber(field, numbers[field.name]));
  const whyNot =
    useWhyNot('services.manage') ?? (wrong && `${wrong.label}: ${wrongNumber(wrong, numbers[wrong.name])}`);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot !== undefined || saving.isPending) return;
    const given = Object.fromEntries(FIELDS.map(({ name }) => [name, Number(numbers[name])]));
    saving.mutate({ input: { ...inputOf(opened), ...given, standbys }, revision: opened.revision });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {saving.isError && <ProblemAlert error={saving.error} title="Not saved" />}
        {FIELDS.map((field, at) => (
          <NumberInput
            key={field.name}
            label={field.label}
            description={field.description}
            min={field.min}
            max={field.max}
            clampBehavior="none"
            allowDecimal={false}
            value={numbers[field.name]}
            error={wrongNumber(field, numbers[field.name])}
            onChange={(value) => setNumbers((before) => ({ ...before, [field.name]: value }))}
            {...(at === 0 ? { 'data-autofocus': true } : {})}
          />
        ))}
        <Standbys chosen={standbys} named={opened.standbys} onChange={setStandbys} />
        <DialogFoot verb="Save" busy={saving.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

interface DialogProps {
  ha: ServicesHa;
  opened: boolean;
  onClose: () => void;
}

export function HaSettingsDialog({ ha, opened, onClose }: DialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Bounds and standbys" closeOnClickOutside={false}>
      {opened && <SettingsForm ha={ha} onClose={onClose} />}
    </Modal>
  );
}
