// The dialog before anything is done to an instance: whom it is about, what follows, and the password once more.
import { Alert, Checkbox, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { hasCode } from '../../live/problem';
import { useCluster, useWhyNot } from '../../live/session';
import type { Cluster, Manager } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { Icon } from '../../shell/icons';
import { ProblemAlert } from '../../shell/parts';
import { type Act, concernedBy, hindranceOf, type PassivesVerb, readingOf, type Verb } from './acts';
import { consequencesOf } from './consequences';
import { isAboutPassword, OwnPassword } from './OwnPassword';
import { useManagers, usePerform } from './queries';
import { displayName } from './status';

const ACTIVE_HINT = 'Active instance cannot be started, stopped or restarted here';

const isOfPassives = (verb: Verb): verb is PassivesVerb => verb.endsWith('-passives');

/** What is told of an instance that is left out. */
function apart(verb: PassivesVerb, manager: Manager): string {
  if (manager.mode === 'active') return ACTIVE_HINT;
  return verb === 'start-passives' ? 'Passive, runs already' : 'Passive, does not run';
}

/** All instances, those it is about ticked. The Active is among them, so that nobody wonders where it is. */
function Passives({ verb, managers }: { verb: PassivesVerb; managers: Manager[] }) {
  const concerned = concernedBy(verb, managers);
  return managers
    .filter(({ role }) => role !== 'witness')
    .map((manager) => {
      const ticked = concerned.includes(manager);
      return (
        <Checkbox
          key={manager.id}
          label={displayName(manager)}
          description={ticked ? 'Passive' : apart(verb, manager)}
          checked={ticked}
          disabled={!ticked}
          readOnly
        />
      );
    });
}

function Refusal({ error }: { error: unknown }) {
  if (error == null || isAboutPassword(error) || hasCode(error, 'QUORUM_LOSS')) return null;
  const title = hasCode(error, 'ACTIVE_NOT_ALLOWED') ? 'This instance is now Active' : 'Not done';
  return <ProblemAlert error={error} title={title} />;
}

/** A consequence that is agreed to by a tick of its own. */
function Agreement({
  risk,
  label,
  agreed,
  onAgree,
}: {
  risk: string;
  label: string;
  agreed: boolean;
  onAgree: (agreed: boolean) => void;
}) {
  return (
    <Alert variant="default" className="tone-warn" icon={<Icon name="warning" />}>
      <Text size="sm" mb={6}>
        {risk}
      </Text>
      <Checkbox
        label={label}
        checked={agreed}
        onChange={({ currentTarget }) => onAgree(currentTarget.checked)}
      />
    </Alert>
  );
}

interface FormProps {
  act: Act;
  managers: Manager[];
  cluster: Cluster;
  onClose: () => void;
}

function ActForm({ act, managers, cluster, onClose }: FormProps) {
  const { label, privilege } = readingOf(act.verb);
  const [password, setPassword] = useState('');
  const [riskAgreed, setRiskAgreed] = useState(false);
  const [lossAgreed, setLossAgreed] = useState(false);
  const performing = usePerform(act, ({ operation }) => {
    notifications.show({ message: `${label}: operation ${operation} begun.` });
    onClose();
  });
  const { error } = performing;
  const { sentences, risk: foreseen, lost } = consequencesOf(act, managers, cluster);
  const risk = foreseen ?? (hasCode(error, 'QUORUM_LOSS') ? (error as Error).message : undefined);
  const whyNot =
    useWhyNot(privilege) ??
    hindranceOf(act, managers) ??
    (risk && !riskAgreed ? 'Agree to the loss of quorum first.' : undefined) ??
    (lost && !lossAgreed ? 'Agree to give it up first.' : undefined) ??
    (password === '' ? 'Enter your Kyvos Manager password.' : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !performing.isPending)
      performing.mutate({ password, confirm_quorum_loss: riskAgreed, force: lossAgreed });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Refusal error={error} />
        {isOfPassives(act.verb) && <Passives verb={act.verb} managers={managers} />}
        {sentences.map((sentence) => (
          <Text size="sm" key={sentence}>
            {sentence}
          </Text>
        ))}
        {risk && (
          <Agreement
            risk={risk}
            label="Do it although the quorum is lost"
            agreed={riskAgreed}
            onAgree={setRiskAgreed}
          />
        )}
        {lost && (
          <Agreement
            risk="It does not answer, so it cannot be told. Delete it only if it will not come back."
            label="Give it up for lost"
            agreed={lossAgreed}
            onAgree={setLossAgreed}
          />
        )}
        <OwnPassword value={password} error={error} first onChange={setPassword} />
        <DialogFoot
          verb={act.verb === 'remove' ? 'Delete' : 'Save'}
          grave={act.verb === 'remove'}
          busy={performing.isPending}
          whyNot={whyNot}
          onClose={onClose}
        />
      </Stack>
    </form>
  );
}

export function ActDialog({ act, onClose }: { act: Act | undefined; onClose: () => void }) {
  const managers = useManagers().data;
  const cluster = useCluster().data;
  const about = managers?.find(({ id }) => id === act?.manager);
  const title = act && [readingOf(act.verb).label, about && displayName(about)].filter(Boolean).join(': ');
  return (
    <Modal opened={act !== undefined} onClose={onClose} title={title}>
      {act && managers && cluster && (
        <ActForm act={act} managers={managers} cluster={cluster} onClose={onClose} />
      )}
    </Modal>
  );
}
