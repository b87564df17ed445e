// One service on the tab Services: what is wanted of it and why, what is made of it and since when, what can be done with it.
// And the line above all of a type, with how many of them are as they should be.
import { memo, type ReactElement } from 'react';
import type { Service, ServiceType } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { useDoing } from '../../shell/doing';
import { RowName } from '../../shell/listing';
import { Age, Pill } from '../../shell/parts';
import { RowButton, RowDots } from '../../shell/RowButton';
import type { Act } from './acts';
import {
  isBehind,
  nameOf,
  questionOf,
  stateReading,
  type Tally,
  titlesOfType,
  wantedReading,
} from './reading';
import { ServiceActions } from './ServiceActions';

export const COLUMNS = ['Node', 'Wanted', 'State', 'Since', 'What is known', 'Actions'];

function Dots({ of, actions }: { of: string; actions: ReactElement }) {
  return (
    <ActionMenu actions={actions} width={320}>
      <RowDots aria-label={`Actions for ${of}`} />
    </ActionMenu>
  );
}

function Wanted({ service }: { service: Service }) {
  const { word, because } = wantedReading(service);
  return (
    <>
      {word}
      <div className="quiet" style={{ fontSize: '0.75rem' }}>
        {because}
        {service.wanted.since && (
          <>
            , <Age at={service.wanted.since} />
          </>
        )}
      </div>
    </>
  );
}

/** Apart from its row: the address, which it changes, is no reason to draw rows anew. */
function Why({ service }: { service: Service }) {
  const { open } = useDoing();
  return (
    <RowButton
      aria-label={questionOf(service)}
      onClick={() => open({ do: 'why', service: service.id })}
      data-why={service.id}
    >
      Why?
    </RowButton>
  );
}

interface RowProps {
  service: Service;
  place: number;
  onAsk: (act: Act) => void;
}

/** Drawn anew only when this one changed, of thousands that are read again together. */
export const ServiceRow = memo(function ServiceRow({ service, place, onAsk }: RowProps) {
  const { word, tone, icon } = stateReading(service);
  return (
    <tr data-service={service.id} data-state={word} aria-rowindex={place}>
      <RowName>
        {service.host}
        {service.coordination_master && (
          <div>
            <Pill tone="info">Coordination Master</Pill>
          </div>
        )}
        {isBehind(service) && (
          <div data-behind>
            <Pill tone="warn">Older configuration</Pill>
          </div>
        )}
      </RowName>
      <td data-column="wanted">
        <Wanted service={service} />
      </td>
      <td data-column="state">
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>{' '}
        <Why service={service} />
      </td>
      <td>
        <Age at={service.verdict?.since ?? service.since} />
      </td>
      <td className="wraps" style={{ width: '45%', minWidth: 260 }}>
        {service.verdict?.because ?? service.because}
      </td>
      <td style={{ width: 48 }}>
        <Dots
          of={nameOf(service)}
          actions={<ServiceActions about={{ service: service.id }} onAsk={onAsk} />}
        />
      </td>
    </tr>
  );
});

interface TypeProps {
  type: ServiceType;
  tally: Tally;
  place: number;
  actions: ReactElement;
}

export function TypeRow({ type, tally, place, actions }: TypeProps) {
  return (
    <tr data-type={type} className="group-row" aria-rowindex={place}>
      <th scope="rowgroup" colSpan={COLUMNS.length - 1}>
        {titlesOfType(type)}{' '}
        <Pill tone={tally.tone}>
          {tally.words} {type === 'kyvos_manager' ? 'seen' : 'up'}
        </Pill>{' '}
        {tally.stopped > 0 && <Pill tone="idle">{tally.stopped} wanted stopped</Pill>}{' '}
        {tally.behind > 0 && <Pill tone="warn">{tally.behind} with an older configuration</Pill>}
      </th>
      <td style={{ width: 48 }}>
        <Dots of={titlesOfType(type)} actions={actions} />
      </td>
    </tr>
  );
}
