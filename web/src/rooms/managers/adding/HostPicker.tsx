// Choosing the host: every one is there, those that are not possible with their reason.
import { Radio, Stack } from '@mantine/core';
import { Empty, ProblemAlert, Rows, TextLink } from '../../../shell/parts';
import classes from './adding.module.css';
import type { Kind } from './choices';
import { useChoices } from './queries';

interface HostPickerProps {
  kind: Kind;
  host: string | undefined;
  onChoose: (host: string) => void;
}

export function HostPicker({ kind, host, onChoose }: HostPickerProps) {
  const { data: choices, error } = useChoices(kind);
  if (choices === undefined) return error ? <ProblemAlert error={error} /> : <Rows count={3} />;
  if (choices.length === 0)
    return (
      <Empty title="No node is registered">
        Add the host on <TextLink to="/nodes-and-services">Nodes</TextLink> first, or bring the instance in by
        hand with a <TextLink to={`/settings/tokens?make=${kind}`}>join token</TextLink>.
      </Empty>
    );
  return (
    <Radio.Group label="Host" value={host ?? ''} onChange={onChoose} data-picker={kind}>
      <Stack gap={0} mt={6} className={classes.hosts ?? ''} tabIndex={0}>
        {choices.map((choice) => (
          <Radio
            key={choice.host}
            className={classes.host ?? ''}
            value={choice.host}
            label={choice.host}
            description={choice.whyNot}
            disabled={choice.whyNot !== undefined}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}
