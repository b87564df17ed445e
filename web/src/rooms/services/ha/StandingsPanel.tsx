// How the services stand with Services HA: those of which something is to be known, why, and what waits for a person.
import type { ServiceStanding } from '../../../live/types';
import { useDoing } from '../../../shell/doing';
import { DataTable, Listing, Panel, RowName } from '../../../shell/listing';
import { Age, Empty, GuardedButton, Pill, TextLink } from '../../../shell/parts';
import { useStandings } from '../queries';
import { titleOfType } from '../reading';
import { Acknowledge } from './Acknowledge';
import { byUrgency, counted, isHeld, standingReading } from './standing';

const COLUMNS = ['Service', 'Stands', 'Because', 'Looked at again', 'Restarts', 'Actions'];
const NUMBERS = ['Restarts'];
/** As many as a person reads; the others are counted. */
const SHOWN_MAX = 100;

function Row({ standing }: { standing: ServiceStanding }) {
  const { open } = useDoing();
  const { word, tone, icon, sentence } = standingReading(standing.reason);
  const name = `${titleOfType(standing.type)} on ${standing.host}`;
  return (
    <tr data-standing={standing.id} data-reason={standing.reason}>
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
          <GuardedButton
            whyNot={undefined}
            variant="subtle"
            size="compact-xs"
            aria-label={`Why is ${name} like that?`}
            onClick={() => open({ do: 'why', service: standing.id })}
          >
            Why?
          </GuardedButton>
        )}
      </td>
    </tr>
  );
}

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
          <>
            <DataTable label="What is done, and what is not" columns={COLUMNS} numbers={NUMBERS}>
              {standings.slice(0, SHOWN_MAX).map((standing) => (
                <Row key={standing.id} standing={standing} />
              ))}
            </DataTable>
            {standings.length > SHOWN_MAX && (
              <div className="panel-foot">{standings.length - SHOWN_MAX} further ones are like that</div>
            )}
          </>
        )}
      </Listing>
    </Panel>
  );
}
