// The dialog before services are started, restarted or stopped: with which, in which order, what follows and why; then how it
// goes on.
import {
  Alert,
  Button,
  Checkbox,
  Group,
  List,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Text,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useWhyNot } from '../../live/session';
import type { Service, ServiceType, ServiceWhy } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { plural } from '../../shell/format';
import { Icon } from '../../shell/icons';
import { ProblemAlert } from '../../shell/parts';
import { useHosts } from '../hosts/queries';
import { OperationProgress } from '../operations/OperationProgress';
import {
  type Act,
  AT_ONCE_MAX,
  concernedBy,
  hindranceOf,
  labelOf,
  named,
  risksOf,
  sentencesOf,
  VERBS,
  WHYS,
  waveName,
  wavesOf,
} from './acts';
import { operate, useServiceChange, useServices } from './queries';
import { byType, titlesOfType } from './reading';

const CLUSTER = 'cluster';

interface WhichProps {
  act: Act;
  all: Service[];
  onChange: (type: ServiceType | undefined) => void;
}

/** The whole cluster, or all of one type. */
function Which({ act, all, onChange }: WhichProps) {
  const types = byType(concernedBy({ verb: act.verb }, all));
  return (
    <NativeSelect
      label="Which"
      value={act.type ?? CLUSTER}
      onChange={({ currentTarget: { value } }) =>
        onChange(value === CLUSTER ? undefined : (value as ServiceType))
      }
      data={[
        { value: CLUSTER, label: 'All Kyvos services' },
        ...types.map(({ type }) => ({ value: type, label: `All ${titlesOfType(type)}` })),
      ]}
    />
  );
}

function Order({ act, all }: { act: Act; all: Service[] }) {
  const waves = wavesOf(act, all);
  if (act.service !== undefined) return null;
  return (
    <section aria-label="Order">
      <Text size="sm" fw={600}>
        {waves.length > 1 ? 'In this order' : 'With'}
      </Text>
      <List type="ordered" size="sm" listStyleType={waves.length > 1 ? 'decimal' : 'none'} data-order>
        {waves.map((wave) => (
          <List.Item key={wave.type}>
            {waveName(wave)} <span className="quiet">on {named(wave.hosts)}</span>
          </List.Item>
        ))}
      </List>
    </section>
  );
}

interface FormProps {
  asked: Act;
  all: Service[];
  onBegun: (operation: number) => void;
  onClose: () => void;
}

function OperateForm({ asked, all, onBegun, onClose }: FormProps) {
  const [type, setType] = useState(asked.type);
  const [why, setWhy] = useState<ServiceWhy>('operator');
  const [atOnce, setAtOnce] = useState<number | string>(1);
  const [onlyStale, setOnlyStale] = useState(false);
  const hosts = useHosts().data ?? [];
  const operating = useServiceChange(operate, { onSuccess: ({ operation }) => onBegun(operation) });
  const act: Act = { ...asked, type, onlyStale };
  const stale = concernedBy({ ...act, onlyStale: true }, all).length;
  const together = typeof atOnce === 'number' ? atOnce : 0;
  const isMany = act.service === undefined;
  const asksHowMany = isMany && act.verb === 'restart';
  const isNumber = Number.isInteger(together) && together >= 1 && together <= AT_ONCE_MAX;
  const risks = risksOf(act, all, hosts, together);
  const whyNot =
    useWhyNot('services.manage') ??
    hindranceOf(act, all) ??
    (asksHowMany && !isNumber ? `From 1 to ${AT_ONCE_MAX} side by side.` : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === undefined && !operating.isPending) operating.mutate({ act, why, atOnce: together });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {operating.isError && <ProblemAlert error={operating.error} title="Not begun" />}
        {isMany && <Which act={act} all={all} onChange={setType} />}
        {asksHowMany && (
          <Checkbox
            label="Only those with an older configuration"
            description={`${plural(stale, 'runs', 'run')} with older values than ${stale === 1 ? 'it' : 'they'} would read now.`}
            checked={onlyStale}
            onChange={({ currentTarget }) => setOnlyStale(currentTarget.checked)}
          />
        )}
        <Order act={act} all={all} />
        {sentencesOf(act, all, together).map((sentence) => (
          <Text size="sm" key={sentence}>
            {sentence}
          </Text>
        ))}
        {risks.length > 0 && (
          <Alert variant="default" className="tone-warn" icon={<Icon name="warning" />}>
            {risks.map((risk) => (
              <Text size="sm" key={risk}>
                {risk}
              </Text>
            ))}
          </Alert>
        )}
        {asksHowMany && (
          <NumberInput
            label="Side by side"
            description="How many of a type at a time; 1: one after the other."
            min={1}
            max={AT_ONCE_MAX}
            allowDecimal={false}
            value={atOnce}
            onChange={setAtOnce}
          />
        )}
        <NativeSelect
          label="Why"
          description="Stands beside what is wanted of it, so that nobody wonders."
          data={WHYS}
          value={why}
          onChange={({ currentTarget }) => setWhy(currentTarget.value as ServiceWhy)}
        />
        <DialogFoot
          verb={VERBS[act.verb].word}
          grave={act.verb === 'stop'}
          busy={operating.isPending}
          whyNot={whyNot}
          onClose={onClose}
        />
      </Stack>
    </form>
  );
}

/** What it is about is kept as it was when the dialog opened: its title must not change under the reader. */
function FormThenProgress({ asked, all, onClose }: Omit<FormProps, 'onBegun'>) {
  const [operation, setOperation] = useState<number>();
  if (operation === undefined)
    return <OperateForm asked={asked} all={all} onBegun={setOperation} onClose={onClose} />;
  return (
    <Stack gap="md">
      <OperationProgress id={operation} />
      <Group justify="flex-end">
        <Button onClick={onClose} data-autofocus>
          Close
        </Button>
      </Group>
    </Stack>
  );
}

const titleOf = (act: Act, all: Service[]) =>
  act.service === undefined ? `${VERBS[act.verb].word} services` : labelOf(act, all);

export function OperateDialog({ act, onClose }: { act: Act | undefined; onClose: () => void }) {
  const all = useServices().data;
  return (
    <Modal opened={act !== undefined} onClose={onClose} title={act && all && titleOf(act, all)} size="lg">
      {act && all && <FormThenProgress asked={act} all={all} onClose={onClose} />}
    </Modal>
  );
}
