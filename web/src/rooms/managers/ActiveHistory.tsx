// Who was Active, since when, for how long, and why it changed.
import { useNow } from '../../live/clock';
import type { Tenure } from '../../live/types';
import { count, duration } from '../../shell/format';
import { DataTable, PagedListing, RowName } from '../../shell/listing';
import { Age, Empty, Pill } from '../../shell/parts';
import { useTenures } from './queries';

const COLUMNS = ['Epoch', 'Instance', 'Since', 'For', 'Why it became Active', 'Term'];
const NUMBERS = ['Epoch', 'For', 'Term'];

function Row({ tenure }: { tenure: Tenure }) {
  const now = useNow();
  const end = tenure.until ? Date.parse(tenure.until) : now;
  return (
    <tr data-epoch={tenure.epoch}>
      <td className="number">{count(tenure.epoch)}</td>
      <RowName>
        {tenure.alias || tenure.host || `Kyvos Manager ${tenure.manager}`}{' '}
        {!tenure.until && <Pill tone="ok">Active</Pill>}
      </RowName>
      <td>
        <Age at={tenure.since} />
      </td>
      <td className="number">{duration(Math.max(0, end - Date.parse(tenure.since)))}</td>
      <td className="wraps">{tenure.because}</td>
      <td className="number">{tenure.term}</td>
    </tr>
  );
}

export function ActiveHistory() {
  const tenures = useTenures();
  return (
    <section className="panel" aria-label="Active history">
      <PagedListing query={tenures} empty={<Empty title="Nobody was Active yet." />}>
        {(items) => (
          <DataTable label="Active history" columns={COLUMNS} numbers={NUMBERS}>
            {items.map((tenure) => (
              <Row key={tenure.epoch} tenure={tenure} />
            ))}
          </DataTable>
        )}
      </PagedListing>
    </section>
  );
}
