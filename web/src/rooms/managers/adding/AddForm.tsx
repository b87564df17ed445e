// The form behind Add Kyvos Manager and behind Move: where, what the group would be afterwards, the prechecks, the password.
import { Alert, Checkbox, Group, Radio, Stack, Text } from '@mantine/core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { hasCode } from '../../../live/problem';
import { useCluster, useWhyNot } from '../../../live/session';
import { DialogFoot } from '../../../shell/dialogs';
import { Icon } from '../../../shell/icons';
import { ProblemAlert } from '../../../shell/parts';
import { PrecheckTable } from '../../prechecks/PrecheckTable';
import { usePrechecks, useRunPrechecks } from '../../prechecks/queries';
import { failed, isFresh } from '../../prechecks/status';
import { Explained } from '../Explained';
import { isAboutPassword, OwnPassword } from '../OwnPassword';
import classes from './adding.module.css';
import type { Kind } from './choices';
import { HostPicker } from './HostPicker';
import { useAdd } from './queries';
import { outlookOf } from './tolerance';

function Outlook({ added }: { added: number }) {
  const voters = useCluster().data?.voters.length ?? 0;
  const { now, afterwards, remark } = outlookOf(voters, added);
  return (
    <div>
      <div className={classes.outlook} data-outlook>
        <span>
          <strong>Now</strong>
          {now}
        </span>
        <Icon name="chevron" />
        <span>
          <strong>Afterwards</strong>
          {afterwards}
        </span>
      </div>
      {remark && (
        <Text size="xs" c="dimmed" mt={4}>
          {remark}
        </Text>
      )}
    </div>
  );
}

function KindChoice({ kind, onChange }: { kind: Kind; onChange: (kind: Kind) => void }) {
  return (
    <Radio.Group label="What is added" value={kind} onChange={(value) => onChange(value as Kind)}>
      <Group gap="lg" mt={6} align="flex-start">
        <Radio value="manager" label="Kyvos Manager" description="Votes, and can become Active" />
        <Radio
          value="witness"
          label="Quorum witness"
          description="Votes and keeps the log; never Active, no dashboard"
        />
      </Group>
    </Radio.Group>
  );
}

/** Who chooses a host sees it as it is: what was found there long ago, or never, is looked at anew, once. Says why it has
 * to be waited for. */
function useLookAnew(host: string | undefined) {
  const known = usePrechecks(host).data;
  const { mutate, isError } = useRunPrechecks();
  const mayNot = useWhyNot('managers.control');
  const askedAbout = useRef<string | undefined>(undefined);
  const about = known?.items.filter((check) => check.host === host) ?? [];
  const due = known !== undefined && !known.running && !isFresh(about, Date.now()) && mayNot === undefined;
  useEffect(() => {
    if (!due || host === undefined || askedAbout.current === host) return;
    askedAbout.current = host;
    mutate([host]);
  }, [due, host, mutate]);
  const isAwaited = host !== undefined && about.length === 0 && mayNot === undefined && !isError;
  return isAwaited ? 'Its prechecks are being looked at.' : undefined;
}

/** Failed prechecks are accepted by a tick of their own. */
function useFailures(host: string | undefined, refused: boolean) {
  const [accepted, setAccepted] = useState(false);
  const known = usePrechecks(host).data;
  const count = host === undefined || known === undefined ? 0 : failed(known.items).length;
  const asked = count > 0 || refused;
  const tick = asked && (
    <Alert variant="default" className="tone-warn" icon={<Icon name="warning" />}>
      <Checkbox
        label="Add it although prechecks fail"
        checked={accepted}
        onChange={({ currentTarget }) => setAccepted(currentTarget.checked)}
      />
    </Alert>
  );
  return {
    tick,
    accepted,
    whyNot: asked && !accepted ? 'Prechecks fail: mend it and re-run them, or agree to it.' : undefined,
  };
}

export interface AddFormProps {
  kind: Kind;
  /** The one whose place it takes; it keeps its kind. */
  instead?: number | undefined;
  /** What else follows, in sentences. */
  sentences?: string[];
  host?: string | undefined;
  onBegun: (operation: number) => void;
  onClose: () => void;
}

export function AddForm({
  kind: asked,
  instead,
  sentences = [],
  host: given,
  onBegun,
  onClose,
}: AddFormProps) {
  const [kind, setKind] = useState(asked);
  const [host, setHost] = useState(given);
  const [password, setPassword] = useState('');
  const adding = useAdd(({ operation }) => onBegun(operation));
  const { error } = adding;
  const awaited = useLookAnew(host);
  const failures = useFailures(host, hasCode(error, 'PRECHECK_FAILED'));
  const whyNot =
    useWhyNot('managers.membership') ??
    (host === undefined ? 'Choose a host.' : undefined) ??
    awaited ??
    failures.whyNot ??
    (password === '' ? 'Enter your Kyvos Manager password.' : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && host !== undefined && !adding.isPending)
      adding.mutate({ host, kind, instead, password, acceptFailed: failures.accepted });
  };
  const changeKind = (to: Kind) => {
    setKind(to);
    setHost(undefined);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {error && !isAboutPassword(error) && <ProblemAlert error={error} title="Not done" />}
        {sentences.map((sentence) => (
          <Text size="sm" key={sentence}>
            {sentence}
          </Text>
        ))}
        {instead === undefined && <KindChoice kind={kind} onChange={changeKind} />}
        <HostPicker kind={kind} host={host} onChoose={setHost} />
        <Outlook added={instead === undefined ? 1 : 0} />
        {host !== undefined && kind === 'manager' && (
          <Explained question={`Can a Kyvos Manager come to ${host}?`} topic="add" about={{ host }} />
        )}
        {host !== undefined && <PrecheckTable key={host} host={host} />}
        {failures.tick}
        <OwnPassword value={password} error={error} onChange={setPassword} />
        <div className={classes.foot}>
          <DialogFoot verb="Save" busy={adding.isPending} whyNot={whyNot} onClose={onClose} />
        </div>
      </Stack>
    </form>
  );
}
