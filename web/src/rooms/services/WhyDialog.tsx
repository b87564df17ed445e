// Why a service is as it is: the verdict, what each observer said, and what is done about it by itself or why nothing is.
// Opened by the address, so that whoever reads of it elsewhere can be led here.
import { List, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ServiceDetail, ServiceEvidence } from '../../live/types';
import { useDoing } from '../../shell/doing';
import { DataTable, RowName } from '../../shell/listing';
import { Age, Pill, ProblemAlert, Rows, TextLink } from '../../shell/parts';
import { observerOf, RULES, saysReading } from './evidence';
import { Acknowledge } from './ha/Acknowledge';
import { isHeld, standingReading } from './ha/standing';
import { useService, useStandings } from './queries';
import { questionOf, stateReading, wantedReading } from './reading';

const COLUMNS = ['Who looked', 'Says', 'In its words', 'When'];

function Says({ evidence, host }: { evidence: ServiceEvidence; host: string }) {
  const { word, tone, icon } = saysReading(evidence.says);
  const { who, how } = observerOf(evidence, host);
  return (
    <tr data-observer={evidence.observer} data-says={evidence.says}>
      <RowName className="wraps">
        {who}
        <div className="quiet" style={{ fontWeight: 400 }}>
          {how}
        </div>
      </RowName>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
      </td>
      <td className="wraps" style={{ width: '50%', minWidth: 220 }}>
        {evidence.because}
      </td>
      <td>
        <Age at={evidence.at} />
      </td>
    </tr>
  );
}

function Evidence({ service }: { service: ServiceDetail }) {
  if (service.evidence.length === 0) return null;
  return (
    <section aria-label="Evidence">
      <Text size="sm" fw={600} mb={4}>
        What each observer said
      </Text>
      <DataTable label="Evidence" columns={COLUMNS}>
        {service.evidence.map((evidence) => (
          <Says key={`${evidence.observer} ${evidence.by ?? ''}`} evidence={evidence} host={service.host} />
        ))}
      </DataTable>
      <details style={{ marginTop: 8 }}>
        <summary>How it is judged</summary>
        <List size="sm" spacing={2}>
          {RULES.map((rule) => (
            <List.Item key={rule}>{rule}</List.Item>
          ))}
        </List>
      </details>
    </section>
  );
}

function Facts({ service }: { service: ServiceDetail }) {
  const wanted = wantedReading(service);
  const facts: [string, ReactNode][] = [
    [
      'Wanted',
      <>
        {wanted.word}, {wanted.because}{' '}
        {service.wanted.since && (
          <span className="quiet">
            <Age at={service.wanted.since} />
          </span>
        )}
      </>,
    ],
    ['Unit on its host', service.unit],
    ['Asked at', service.address],
    ['Last seen up', service.last_up && <Age at={service.last_up} />],
    [
      'Configuration',
      service.stale_properties.length > 0
        ? `older values of ${service.stale_properties.join(', ')}; it reads them when it is restarted`
        : 'no older one than it would read now, as far as is known',
    ],
    [
      'Operation',
      service.operation && (
        <TextLink to={`/operations/${service.operation}`}>operation {service.operation}</TextLink>
      ),
    ],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value ?? <span className="quiet">{name === 'Last seen up' ? 'never' : 'none'}</span>}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What is done by itself. */
function Automation({ id, host }: Pick<ServiceDetail, 'id' | 'host'>) {
  const standing = useStandings({ host }).data?.find((one) => one.id === id);
  if (standing === undefined) return null;
  const { word, tone, icon, sentence } = standingReading(standing.reason);
  return (
    <section aria-label="Services HA" data-reason={standing.reason}>
      <Text size="sm" fw={600}>
        What Services HA does
      </Text>
      <Text size="sm" component="div">
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>{' '}
        {sentence} {standing.because}
        {standing.until && (
          <>
            {' '}
            That is looked at again <Age at={standing.until} /> at the latest.
          </>
        )}
      </Text>
      {standing.restarts > 0 && (
        <Text size="sm" className="quiet">
          Restarted by itself: {standing.restarts} lately, last <Age at={standing.last_restart} />.
        </Text>
      )}
      {isHeld(standing) && <Acknowledge standing={standing} />}
    </section>
  );
}

function Answer({ service }: { service: ServiceDetail }) {
  const { word, tone, icon } = stateReading(service);
  const { verdict } = service;
  return (
    <Stack gap="md">
      <Text size="sm" component="div" data-verdict={verdict?.verdict ?? 'none'}>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>{' '}
        <span className="quiet">
          <Age at={verdict?.since ?? service.since} />
        </span>
        <div style={{ marginTop: 4 }}>{verdict?.because ?? service.because}</div>
        {(verdict?.stale ?? service.stale) && (
          <div data-stale>That may not be so any more: the Active has not looked at every service yet.</div>
        )}
      </Text>
      <Evidence service={service} />
      <Automation id={service.id} host={service.host} />
      <Facts service={service} />
    </Stack>
  );
}

function Content({ id }: { id: string }) {
  const query = useService(id);
  if (query.data) return <Answer service={query.data} />;
  return query.isError ? <ProblemAlert error={query.error} /> : <Rows count={3} />;
}

/** Its title is the question, as soon as it is known what is asked. */
function Title({ id }: { id: string }) {
  const service = useService(id).data;
  return service ? questionOf(service) : `Why is ${id} as it is?`;
}

export function WhyDialog() {
  const { doing, close } = useDoing();
  const id = doing?.do === 'why' ? doing.service : undefined;
  return (
    <Modal opened={id !== undefined} onClose={close} title={id && <Title id={id} />} size="xl">
      {id && <Content id={id} />}
    </Modal>
  );
}
