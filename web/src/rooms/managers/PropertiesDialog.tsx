// The dialog "Properties" of one Manager: what it says about itself, and its alias, which can be changed in any state.
import { Alert, Modal, Space, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { asProblem, hasCode } from '../../live/problem';
import { useWhyNot } from '../../live/session';
import type { Manager } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { absolute, bytes, count } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { Age } from '../../shell/parts';
import { LastPrecheck } from '../prechecks/LastPrecheck';
import { Explained } from './Explained';
import { useSetAlias } from './queries';
import { addressOf, aliasProblem, condition, displayName } from './status';

const ROLES: Record<Manager['role'], string> = { voter: 'Voter', learner: 'Learner', witness: 'Witness' };

const numberOr = (n: number | null | undefined) => (n == null ? undefined : count(n));

function factsOf(manager: Manager): [string, React.ReactNode][] {
  return [
    ['Host name', manager.host],
    ['IP', addressOf(manager.peer_addr)],
    ['Mode', manager.mode === 'active' ? 'Active' : 'Passive'],
    ['Service state', condition(manager).word],
    ['PID', manager.pid],
    ['Start time', manager.started_at && absolute(manager.started_at)],
    ['Version', manager.version],
    ['Install path', manager.install_path],
    ['API URL', manager.api_url],
    ['Raft address', manager.peer_addr],
    ['Node id', manager.id],
    ['Role in the group', ROLES[manager.role]],
    ['Term', manager.term],
    [
      'Last log / applied index',
      manager.last_log == null
        ? undefined
        : `${count(manager.last_log)} / ${numberOr(manager.applied) ?? '–'}`,
    ],
    ['Snapshot index', numberOr(manager.checkpoint)],
    ['Data directory', manager.data_dir],
    ['Data size', manager.data_bytes == null ? undefined : bytes(manager.data_bytes)],
    ['Disk id', manager.disk_id && <span className="mono">{manager.disk_id}</span>],
    ['Certificate expiry', manager.certificate_expires_at && absolute(manager.certificate_expires_at)],
    ['Last precheck', <LastPrecheck key="precheck" host={manager.host} />],
  ];
}

/** A Manager that does not answer is shown as it was, and says so. */
function LastKnown({ manager }: { manager: Manager }) {
  if (manager.state === 'running' || !manager.as_of) return null;
  return (
    <Alert variant="default" className="tone-warn" icon={<Icon name="history" />}>
      This Manager does not answer. Shown is what was last known, <Age at={manager.as_of} />.
    </Alert>
  );
}

function refusal(error: unknown): string {
  if (hasCode(error, 'ALIAS_TAKEN')) return 'Another node has this alias.';
  if (hasCode(error, 'CHANGED')) return 'The alias was changed meanwhile. Close and open again to see it.';
  return asProblem(error).message;
}

function AliasForm({ manager, onClose }: { manager: Manager; onClose: () => void }) {
  const [opened] = useState({ id: manager.id, revision: manager.revision, alias: manager.alias });
  const [alias, setAlias] = useState(manager.alias);
  const whyNot = useWhyNot('managers.alias');
  const save = useSetAlias();
  const wanted = alias.trim();
  const wrong = aliasProblem(wanted);
  const unchanged = wanted === opened.alias ? 'The alias is unchanged.' : undefined;
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    if (whyNot ?? wrong ?? unchanged) return;
    await save.mutateAsync({ manager: opened, alias: wanted });
    notifications.show({ message: wanted ? `Alias set to ${wanted}.` : 'Alias cleared.' });
    onClose();
  };
  return (
    <form onSubmit={(event) => void submit(event).catch(() => undefined)}>
      <TextInput
        label="Alias"
        description="A name of your own for this node. Empty clears it."
        value={alias}
        error={wrong ?? (save.isError ? refusal(save.error) : undefined)}
        onChange={(event) => {
          save.reset();
          setAlias(event.currentTarget.value);
        }}
        data-autofocus
      />
      <Space h="md" />
      <DialogFoot verb="Save" busy={save.isPending} whyNot={whyNot ?? unchanged ?? wrong} onClose={onClose} />
    </form>
  );
}

/** The verbs that the group explains, each with its question. */
const WHY_NOT = [
  ['start', 'Why can it not be started?'],
  ['restart', 'Why can it not be restarted?'],
  ['stop', 'Why can it not be stopped?'],
] as const;

/** What cannot be read off the facts: what can be done with it and why not, and what its end would mean. */
function Explanations({ manager }: { manager: Manager }) {
  const mayLead = manager.mode === 'passive' && manager.role !== 'witness';
  const about = { manager: manager.id };
  return (
    <>
      {mayLead && <Explained question="Can it become Active?" topic="make-active" about={about} />}
      {WHY_NOT.filter(([verb]) => manager.blocked[verb] !== undefined).map(([verb, question]) => (
        <Explained key={verb} question={question} topic={verb} about={about} />
      ))}
      <Explained question="What if it fails now?" topic="failure" about={about} />
      <Explained question="What if its host dies now?" topic="host-failure" about={about} />
    </>
  );
}

interface PropertiesDialogProps {
  manager: Manager | undefined;
  onClose: () => void;
}

export function PropertiesDialog({ manager, onClose }: PropertiesDialogProps) {
  return (
    <Modal opened={manager !== undefined} onClose={onClose} title="Properties" size="xl">
      {manager && (
        <Stack gap="md">
          <Text size="sm" c="dimmed">
            {displayName(manager)}
          </Text>
          <LastKnown manager={manager} />
          <dl className="facts facts-wide">
            {factsOf(manager).map(([name, value]) => (
              <div key={name} style={{ display: 'contents' }}>
                <dt>{name}</dt>
                <dd>{value ?? <span className="quiet">not known</span>}</dd>
              </div>
            ))}
          </dl>
          <Explanations manager={manager} />
          <AliasForm key={manager.id} manager={manager} onClose={onClose} />
        </Stack>
      )}
    </Modal>
  );
}
