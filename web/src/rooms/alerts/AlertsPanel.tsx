// The list of alerts, newest first, and saying that one was seen.
import { Button, Modal, NativeSelect, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { Alert, AlertState } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { useDoing } from '../../shell/doing';
import { DataTable, PagedListing, Panel, RowName } from '../../shell/listing';
import { Age, Empty, GuardedButton, Pill, ProblemAlert } from '../../shell/parts';
import { acknowledge, useAlertChange, useAlerts } from './queries';
import { serviceOf, severityReading, stateWord } from './status';

const COLUMNS = ['Alert', 'Severity', 'State', 'Since', 'Times', 'Actions'];
const NUMBERS = ['Times'];
const NOTE_MAX = 500;

const FILTERS = [
  { value: 'open', label: 'Open' },
  { value: 'acknowledged', label: 'Acknowledged' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'all', label: 'All' },
];

const NOTHING: Record<string, string> = {
  open: 'Nothing that nobody has seen.',
  acknowledged: 'Nothing that was seen and lasts.',
  resolved: 'Nothing that is over.',
  all: 'What a person should know is shown here, and told on the channels.',
};

function Standing({ alert }: { alert: Alert }) {
  const { state, acknowledged_by: by, acknowledged_at: at, resolved_at: over, note } = alert;
  return (
    <>
      {stateWord(state)}
      {state === 'resolved' && over && (
        <>
          {' '}
          <Age at={over} />
        </>
      )}
      {by && (
        <Text size="xs" className="quiet" component="div">
          seen by {by} <Age at={at} />
          {note && <>: {note}</>}
        </Text>
      )}
    </>
  );
}

interface RowProps {
  alert: Alert;
  whyNot: string | undefined;
  onAcknowledge: () => void;
}

function Row({ alert, whyNot, onAcknowledge }: RowProps) {
  const { word, tone, icon } = severityReading(alert);
  const { open } = useDoing();
  const service = serviceOf(alert);
  return (
    <tr data-alert={alert.id} data-code={alert.code} data-state={alert.state}>
      <RowName className="wraps">
        {alert.text}
        <Text size="xs" className="quiet" component="div">
          {alert.code}
          {service && (
            <Button
              variant="subtle"
              size="compact-xs"
              aria-label={`Why is ${service} like that?`}
              onClick={() => open({ do: 'why', service })}
            >
              Why?
            </Button>
          )}
        </Text>
      </RowName>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
      </td>
      <td className="wraps">
        <Standing alert={alert} />
      </td>
      <td>
        <Age at={alert.since} />
      </td>
      <td className="number">{alert.count}</td>
      <td style={{ width: 130 }}>
        {alert.state === 'open' && (
          <GuardedButton
            whyNot={whyNot}
            variant="default"
            size="compact-xs"
            aria-label={`Acknowledge alert ${alert.id}`}
            onClick={onAcknowledge}
          >
            Acknowledge
          </GuardedButton>
        )}
      </td>
    </tr>
  );
}

function AcknowledgeForm({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const [note, setNote] = useState('');
  const seeing = useAlertChange(acknowledge, { onSuccess: onClose });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!seeing.isPending) seeing.mutate({ id: alert.id, note: note.trim() });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {seeing.isError && <ProblemAlert error={seeing.error} title="Not noted" />}
        <Text size="sm">{alert.text}</Text>
        <Textarea
          label="Note"
          description="What others should know: who looks after it, and until when. May be empty."
          autosize
          minRows={2}
          maxLength={NOTE_MAX}
          data-autofocus
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        <DialogFoot verb="Acknowledge" busy={seeing.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function AlertsPanel() {
  const [filter, setFilter] = useState('open');
  const [chosen, setChosen] = useState<Alert>();
  const whyNot = useWhyNot('alerts.acknowledge');
  const query = useAlerts(filter === 'all' ? undefined : (filter as AlertState));
  const close = () => setChosen(undefined);
  return (
    <Panel
      title="Alerts"
      section="alerts"
      actions={
        <NativeSelect
          size="xs"
          aria-label="State"
          data={FILTERS}
          value={filter}
          onChange={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      }
    >
      <PagedListing query={query} empty={<Empty title="No alerts">{NOTHING[filter]}</Empty>}>
        {(alerts) => (
          <DataTable label="Alerts" columns={COLUMNS} numbers={NUMBERS}>
            {alerts.map((alert) => (
              <Row key={alert.id} alert={alert} whyNot={whyNot} onAcknowledge={() => setChosen(alert)} />
            ))}
          </DataTable>
        )}
      </PagedListing>
      <Modal opened={chosen !== undefined} onClose={close} title="Acknowledge an alert">
        {chosen && <AcknowledgeForm alert={chosen} onClose={close} />}
      </Modal>
    </Panel>
  );
}
