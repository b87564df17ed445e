// Push Disaster Recovery script: where it goes, which version, and what became of it on each host.
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../../live/session';
import type { DrScript } from '../../../live/types';
import { DialogFoot } from '../../../shell/dialogs';
import { useDoing } from '../../../shell/doing';
import type { IconName } from '../../../shell/icons';
import { DataTable, RowName } from '../../../shell/listing';
import { Age, Empty, Pill, ProblemAlert, Rows, type Tone } from '../../../shell/parts';
import { OperationProgress } from '../../operations/OperationProgress';
import { isAboutPassword, OwnPassword } from '../OwnPassword';
import { useDrScript, usePush } from './queries';

type OnHost = DrScript['hosts'][number];

const STATES: Record<OnHost['state'], { word: string; tone: Tone; icon: IconName }> = {
  pushed: { word: 'Pushed', tone: 'ok', icon: 'check' },
  missing: { word: 'Not there', tone: 'warn', icon: 'warning' },
  failed: { word: 'Failed', tone: 'bad', icon: 'close' },
};

const DIGITS_SHOWN = 12;

function Destination({ host }: { host: OnHost }) {
  const { word, tone, icon } = STATES[host.state];
  return (
    <tr data-host={host.host}>
      <RowName>
        {host.host}
        <div className="quiet mono" style={{ fontWeight: 400 }}>
          {host.path}
        </div>
      </RowName>
      <td className="mono" title={host.sha256 ?? undefined}>
        {host.sha256?.slice(0, DIGITS_SHOWN) ?? '–'}
      </td>
      <td className="wraps">
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>{' '}
        {host.at && (
          <span className="quiet">
            <Age at={host.at} />
          </span>
        )}
        {host.detail && <div className="quiet">{host.detail}</div>}
      </td>
    </tr>
  );
}

function Destinations({ script }: { script: DrScript }) {
  if (script.hosts.length === 0)
    return (
      <Empty title="No destination">
        The script goes to every node with the Kyvos Web Portal; none is registered.
      </Empty>
    );
  return (
    <DataTable label="Destinations" columns={['Host / path', 'sha256', 'Result']}>
      {script.hosts.map((host) => (
        <Destination key={host.host} host={host} />
      ))}
    </DataTable>
  );
}

function Version({ script }: { script: DrScript }) {
  return (
    <Text size="sm" component="div">
      Version <span className="mono">{script.version}</span>
    </Text>
  );
}

function PushForm({ script, onClose }: { script: DrScript; onClose: () => void }) {
  const [password, setPassword] = useState('');
  const [operation, setOperation] = useState<number>();
  const pushing = usePush((begun) => setOperation(begun.operation));
  const { error } = pushing;
  const whyNot =
    useWhyNot('managers.control') ??
    (script.hosts.length === 0 ? 'There is no node to push it to.' : undefined) ??
    (password === '' ? 'Enter your Kyvos Manager password.' : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !pushing.isPending) pushing.mutate(password);
  };
  if (operation !== undefined)
    return (
      <Stack gap="md">
        <OperationProgress id={operation} />
        <Destinations script={script} />
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            Close
          </Button>
        </Group>
      </Stack>
    );
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {error && !isAboutPassword(error) && <ProblemAlert error={error} title="Not pushed" />}
        <Text size="sm">
          The script brings Kyvos Manager back when a majority of its disks is lost. It is written to every
          node with the Kyvos Web Portal, and has to be pushed again when its version changes or a Kyvos
          Manager is added.
        </Text>
        <Version script={script} />
        <Destinations script={script} />
        <OwnPassword value={password} error={error} first onChange={setPassword} />
        <DialogFoot verb="Save" busy={pushing.isPending} whyNot={whyNot} onClose={onClose} />
      </Stack>
    </form>
  );
}

function Content({ onClose }: { onClose: () => void }) {
  const script = useDrScript();
  if (script.data) return <PushForm script={script.data} onClose={onClose} />;
  return script.isError ? <ProblemAlert error={script.error} /> : <Rows count={3} />;
}

export function PushDialog() {
  const { doing, close } = useDoing();
  const opened = doing?.do === 'push-dr-script';
  return (
    <Modal opened={opened} onClose={close} title="Push Disaster Recovery script" size="xl">
      {opened && <Content onClose={close} />}
    </Modal>
  );
}
