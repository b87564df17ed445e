// Services HA: whether and how what goes down is started again by itself, switch by switch; and how the services stand with it.
import { Group, Stack, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { hasCode } from '../../../live/problem';
import { useWhyNot } from '../../../live/session';
import type { ServicesHa, ServicesHaInput } from '../../../live/types';
import { duration, plural } from '../../../shell/format';
import { Icon } from '../../../shell/icons';
import { late } from '../../../shell/late';
import { Panel } from '../../../shell/listing';
import { GuardedButton, Pill, ProblemAlert, Rows } from '../../../shell/parts';
import { useServiceChange } from '../queries';
import { titlesOfType } from '../reading';
import { inputOf, switchedType } from './drafts';
import { setServicesHa, useServicesHa } from './queries';
import { switchReading } from './standing';

const HaSettingsDialog = late('HaSettingsDialog', () => import('./HaSettingsDialog'));

interface SwitchesProps {
  types: ServicesHa['types'];
  /** As it is, or as somebody just switched it. */
  input: ServicesHaInput;
  whyNot: string | undefined;
  onSwitch: (input: ServicesHaInput) => void;
}

/** Each takes effect at once. Those that cannot be used say why. */
function Switches({ types, input, whyNot, onSwitch }: SwitchesProps) {
  const disabled = whyNot !== undefined;
  return (
    <Stack gap="sm">
      {whyNot && (
        <Text size="sm" className="quiet" data-reason>
          {whyNot}
        </Text>
      )}
      <Switch
        label="Automation"
        description="Off: nothing at all is done by itself."
        checked={input.automation ?? true}
        disabled={disabled}
        onChange={({ currentTarget }) => onSwitch({ ...input, automation: currentTarget.checked })}
      />
      <Switch
        label="Services HA"
        description="What is down, was up before and is wanted running is started again."
        checked={input.enabled}
        disabled={disabled}
        onChange={({ currentTarget }) => onSwitch({ ...input, enabled: currentTarget.checked })}
      />
      <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
        <Text component="legend" size="sm" fw={600} mb={6}>
          Of which types
        </Text>
        <Group gap="lg">
          {types.map(({ type }) => (
            <Switch
              key={type}
              label={titlesOfType(type)}
              checked={!input.off_types?.includes(type)}
              disabled={disabled}
              onChange={({ currentTarget }) => onSwitch(switchedType(input, type, currentTarget.checked))}
            />
          ))}
        </Group>
      </fieldset>
    </Stack>
  );
}

const seconds = (s: number) => duration(1000 * s);

function Bounds({ ha }: { ha: ServicesHa }) {
  const sentences = [
    `Something is done once one is down for ${seconds(ha.settle_seconds)}.`,
    `After ${plural(ha.restarts_max, 'restart')} within ${seconds(ha.within_seconds)} it is held until somebody acknowledges it.`,
    `${seconds(ha.pause_seconds)} between the first two, then twice as long each time.`,
    `A host is gone after ${seconds(ha.host_gone_seconds)} of silence; ${
      ha.standbys.length === 0
        ? 'no standby is named'
        : `then a standby takes its place: ${ha.standbys.join(', ')}`
    }.`,
  ];
  return (
    <div data-bounds>
      {sentences.map((sentence) => (
        <Text size="sm" key={sentence}>
          {sentence}
        </Text>
      ))}
    </div>
  );
}

function Body({ ha, whyNot }: { ha: ServicesHa; whyNot: string | undefined }) {
  const setting = useServiceChange(setServicesHa);
  const meanwhile = hasCode(setting.error, 'CHANGED') ? 'Somebody else changed it meanwhile' : 'Not switched';
  return (
    <Stack gap="md" p={14} aria-busy={setting.isPending}>
      <Switches
        types={ha.types}
        input={setting.isPending ? setting.variables.input : inputOf(ha)}
        whyNot={whyNot}
        onSwitch={(input) => {
          if (!setting.isPending) setting.mutate({ input, revision: ha.revision });
        }}
      />
      <Bounds ha={ha} />
      <div aria-live="polite">
        {setting.isError && <ProblemAlert error={setting.error} title={meanwhile} />}
      </div>
    </Stack>
  );
}

export function ServicesHaPanel() {
  const query = useServicesHa();
  const ha = query.data;
  const reading = ha && switchReading(ha);
  const whyNot = useWhyNot('services.manage');
  const [editing, setEditing] = useState(false);
  return (
    <Panel
      title="Services HA"
      section="services-ha"
      beside={
        reading && (
          <Pill tone={reading.tone} icon={reading.icon}>
            {reading.word}
          </Pill>
        )
      }
      actions={
        <GuardedButton
          whyNot={whyNot}
          variant="default"
          leftSection={<Icon name="edit" />}
          onClick={() => setEditing(true)}
        >
          Change bounds and standbys
        </GuardedButton>
      }
    >
      {ha ? (
        <Body ha={ha} whyNot={whyNot} />
      ) : query.isError ? (
        <ProblemAlert error={query.error} />
      ) : (
        <Rows />
      )}
      {ha && <HaSettingsDialog ha={ha} opened={editing} onClose={() => setEditing(false)} />}
    </Panel>
  );
}
