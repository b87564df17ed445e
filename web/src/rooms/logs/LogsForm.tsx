// Which logs: of which instances, of which time, with the rotated files or without. The same in the dialog and on the page.
import { Button, Checkbox, Group, NativeSelect, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { serverNow } from '../../live/clock';
import type { Manager } from '../../live/types';
import { GuardedButton } from '../../shell/parts';
import { condition, displayName } from '../managers/status';
import { Downloads } from './Downloads';
import { PRESETS, type Preset, pathOf, type Range, rangeProblem } from './range';
import { useDownloads } from './useDownloads';

function Instances({
  managers,
  chosen,
  onChoose,
}: {
  managers: Manager[];
  chosen: number[];
  onChoose: (chosen: number[]) => void;
}) {
  return (
    <Checkbox.Group
      label="Instances"
      description="Also of one that is stopped: then through its host."
      value={chosen.map(String)}
      onChange={(values) => onChoose(values.map(Number))}
    >
      <Stack gap={6} mt={6}>
        {managers.map((manager) => (
          <Checkbox
            key={manager.id}
            value={String(manager.id)}
            label={manager.alias ? `${manager.alias} (${manager.host})` : manager.host}
            description={manager.blocked.logs ?? condition(manager).word}
            disabled={manager.blocked.logs !== undefined}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}

function Times({ range, onChange }: { range: Range; onChange: (to: Partial<Range>) => void }) {
  const field = (name: 'from' | 'until', label: string) => (
    <TextInput
      type="datetime-local"
      label={label}
      value={range[name]}
      onChange={({ currentTarget }) => onChange({ [name]: currentTarget.value })}
    />
  );
  return (
    <>
      <NativeSelect
        label="Time"
        data={[...PRESETS]}
        value={range.preset}
        onChange={({ currentTarget }) => onChange({ preset: currentTarget.value as Preset })}
      />
      {range.preset === 'between' && (
        <SimpleGrid cols={2}>
          {field('from', 'From (your local time)')}
          {field('until', 'Until (your local time)')}
        </SimpleGrid>
      )}
    </>
  );
}

interface LogsFormProps {
  managers: Manager[];
  /** Those that are ticked at first. */
  first: number[];
  /** What closes the dialog it stands in. */
  onClose?: () => void;
}

export function LogsForm({ managers, first, onClose }: LogsFormProps) {
  const [chosen, setChosen] = useState(first);
  const [range, setRange] = useState<Range>({ preset: 'day', from: '', until: '' });
  const [rotated, setRotated] = useState(false);
  const { items, busy, start, stop } = useDownloads();
  const whyNot =
    (chosen.length === 0 ? 'Choose an instance.' : undefined) ?? rangeProblem(range) ?? undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot !== undefined || busy) return;
    const wanted = managers.filter(({ id }) => chosen.includes(id));
    void start(
      wanted.map((manager) => ({
        key: String(manager.id),
        label: displayName(manager),
        path: pathOf(manager.id, range, rotated, serverNow()),
        otherwise: `km-logs-${manager.host}.tar.gz`,
      })),
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Instances managers={managers} chosen={chosen} onChoose={setChosen} />
        <Times range={range} onChange={(to) => setRange((now) => ({ ...now, ...to }))} />
        <Checkbox
          label="Include rotated files"
          checked={rotated}
          onChange={({ currentTarget }) => setRotated(currentTarget.checked)}
        />
        <Text size="sm" c="dimmed">
          One archive an instance. What looks like a password, token or key is taken out.
        </Text>
        <Downloads items={items} />
        <Group justify="flex-end" gap="xs">
          {busy && (
            <Button variant="default" onClick={stop}>
              Stop
            </Button>
          )}
          {onClose && (
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
          )}
          <GuardedButton type="submit" whyNot={whyNot} loading={busy}>
            Download
          </GuardedButton>
        </Group>
      </Stack>
    </form>
  );
}
