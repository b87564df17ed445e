// How the services stand with Services HA: those of which something is to be known, why, and what waits for a person.
import { memo } from 'react';
import type { ServiceStanding } from '../../../live/types';
import { useDoing } from '../../../shell/doing';
import { DataTable, Listing, LongList, Panel, RowName } from '../../../shell/listing';
import { Age, Empty, Pill, TextLink } from '../../../shell/parts';
import { RowButton } from '../../../shell/RowButton';
import { useStandings } from '../queries';
import { titleOfType } from '../reading';
import { Acknowledge } from './Acknowledge';
import { byUrgency, counted, isHeld, standingReading } from './standing';

const COLUMNS = ['Service', 'Stands', 'Because', 'Looked at again', 'Restarts', 'Actions'];
const NUMBERS = ['Restarts'];

/** Drawn anew only when this one changed. */
const Row = memo(function Row({ standing, place }: { standing: ServiceStanding; place: number }) {
  const { open } = useDoing();
  const { word, tone, icon, sentence } = standingReading(standing.reason);
  const name = `${titleOfType(standing.type)} on ${standing.host}`;
  return (
    <tr data-standing={standing.id} data-reason={standing.reason} aria-rowindex={place}>
      <RowName>{name}</RowName>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
        {standing.operation != null && (
          <div>
            <TextLink to={`/operations/${standing.operation}`}>operation {standing.operation}</TextLink>
          </div>
        )}
      </td>
      <td className="wraps" style={{ width: '55%', minWidth: 260 }}>
        {sentence} {standing.because}
      </td>
      <td>
        <Age at={standing.until} />
      </td>
      <td className="number">{standing.restarts}</td>
      <td style={{ width: 150 }}>
        {isHeld(standing) ? (
          <Acknowledge standing={standing} />
        ) : (
          <RowButton
            aria-label={`Why is ${name} like that?`}
            onClick={() => open({ do: 'why', service: standing.id })}
          >
            Why?
          </RowButton>
        )}
      </td>
    </tr>
  );
});

export function StandingsPanel() {
  const query = useStandings({ notable: true });
  const notable = query.data && byUrgency(query.data);
  return (
    <Panel
      title="What is done, and what is not"
      section="standings"
      beside={
        <span className="quiet">
          {notable &&
            counted(notable)
              .map(([word, n]) => `${n} ${word.toLowerCase()}`)
              .join(' · ')}
        </span>
      }
    >
      <Listing
        query={query}
        items={notable}
        empty={
          <Empty title="Nothing is to be done">
            Every service is up, or stopped because somebody wants that.
          </Empty>
        }
      >
        {(standings) => (
          <LongList rows={standings} noun="services">
            {(shown) => (
              <DataTable
                label="What is done, and what is not"
                columns={COLUMNS}
                numbers={NUMBERS}
                rows={standings.length}
              >
                {shown.map(({ row, place }) => (
                  <Row key={row.id} standing={row} place={place} />
                ))}
              </DataTable>
            )}
          </LongList>
        )}
      </Listing>
    </Panel>
  );
}
