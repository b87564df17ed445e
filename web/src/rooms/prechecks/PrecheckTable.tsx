// The prechecks of one host and of the group: what was looked at, about which host, how good it is, and a way to look again.
import { Group, Text } from '@mantine/core';
import { useWhyNot } from '../../live/session';
import type { Precheck } from '../../live/types';
import { Icon } from '../../shell/icons';
import { DataTable, RowName } from '../../shell/listing';
import { Age, GuardedButton, Pill, ProblemAlert, Rows } from '../../shell/parts';
import { usePrechecks, useRunPrechecks } from './queries';
import { resultReading, summaryOf } from './status';

const COLUMNS = ['Check', 'Host', 'Result', 'Detail', 'Re-run'];

interface RowProps {
  check: Precheck;
  whyNot: string | undefined;
  onRun: () => void;
}

function Row({ check, whyNot, onRun }: RowProps) {
  const { word, tone, icon } = resultReading(check.result);
  const about = check.host ?? 'group';
  return (
    <tr data-check={check.check} data-result={check.result}>
      <RowName className="wraps">{check.title}</RowName>
      <td>{check.host ?? <span className="quiet">group</span>}</td>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
      </td>
      <td className="wraps" title={check.code ?? undefined}>
        {check.detail}
      </td>
      <td style={{ width: 70 }}>
        <GuardedButton
          whyNot={whyNot}
          variant="default"
          size="compact-xs"
          aria-label={`Re-run ${check.title} (${about})`}
          onClick={onRun}
        >
          <Icon name="refresh" size={13} />
        </GuardedButton>
      </td>
    </tr>
  );
}

interface PrecheckTableProps {
  /** About this one and the group; undefined: about all. */
  host: string | undefined;
  /** It stands in a panel, not in a dialog. */
  padded?: boolean;
}

/** The checks of a host are looked at together: one of them asked for anew is all of them asked for anew. */
export function PrecheckTable({ host, padded = false }: PrecheckTableProps) {
  const query = usePrechecks(host);
  const running = useRunPrechecks();
  const mayNot = useWhyNot('managers.control');
  const prechecks = query.data;
  const busy = running.isPending || prechecks?.running === true;
  const whyNot = mayNot ?? (busy ? 'They are being looked at now.' : undefined);
  if (prechecks === undefined)
    return query.isError ? <ProblemAlert error={query.error} /> : <Rows count={3} />;
  const { items } = prechecks;
  const summary = summaryOf(items);
  const run = (hosts: string[]) => running.mutate(hosts);
  return (
    <div data-prechecks>
      <Group justify="space-between" mb={8} px={padded ? 14 : 0}>
        <Text size="sm" component="div" aria-live="polite">
          <strong>Prechecks</strong> {items.length > 0 && <Pill tone={summary.tone}>{summary.words}</Pill>}{' '}
          <span className="quiet">
            {busy ? 'Looking…' : prechecks.as_of ? <Age at={prechecks.as_of} /> : 'Never looked at yet'}
          </span>
        </Text>
        <GuardedButton
          variant="default"
          size="compact-sm"
          whyNot={whyNot}
          leftSection={<Icon name="refresh" size={14} />}
          onClick={() => run(host ? [host] : [])}
        >
          Re-run all
        </GuardedButton>
      </Group>
      {running.isError && <ProblemAlert error={running.error} title="Not run" />}
      {items.length > 0 && (
        <DataTable label="Prechecks" columns={COLUMNS}>
          {items.map((check) => (
            <Row
              key={`${check.check} ${check.host}`}
              check={check}
              whyNot={whyNot}
              onRun={() => run(check.host ? [check.host] : host ? [host] : [])}
            />
          ))}
        </DataTable>
      )}
    </div>
  );
}
