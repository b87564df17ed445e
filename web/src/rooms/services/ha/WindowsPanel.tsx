// Maintenance windows: when nothing is done by itself, with what, and who said so.
import { useState } from 'react';
import { useNow } from '../../../live/clock';
import { useWhyNot } from '../../../live/session';
import type { MaintenanceWindow } from '../../../live/types';
import { absolute } from '../../../shell/format';
import { Icon } from '../../../shell/icons';
import { late } from '../../../shell/late';
import { DataTable, Listing, Panel, RowName } from '../../../shell/listing';
import { Age, Empty, GuardedButton, Pill } from '../../../shell/parts';
import { useWindows } from './queries';
import { windowReading, windowSubject } from './windows';

const WindowDialog = late('WindowDialog', () => import('./WindowDialog'));
const CloseWindowDialog = late('CloseWindowDialog', () => import('./CloseWindowDialog'));

const COLUMNS = ['With', 'State', 'From', 'Until', 'Note', 'By', 'Actions'];

interface RowProps {
  window: MaintenanceWindow;
  whyNot: string | undefined;
  onClose: () => void;
}

function Row({ window, whyNot, onClose }: RowProps) {
  const { word, tone, icon } = windowReading(window, useNow());
  return (
    <tr data-window={window.id}>
      <RowName className="wraps">{windowSubject(window)}</RowName>
      <td>
        <Pill tone={tone} icon={icon}>
          {word}
        </Pill>
      </td>
      <td>
        <Age at={window.from} />
      </td>
      <td>
        {absolute(window.until)}
        <div className="quiet">
          <Age at={window.until} />
        </div>
      </td>
      <td className="wraps">{window.note || <span className="quiet">–</span>}</td>
      <td>{window.by}</td>
      <td style={{ width: 90 }}>
        {word !== 'Over' && (
          <GuardedButton
            whyNot={whyNot}
            variant="default"
            size="compact-xs"
            aria-label={`Close the window for ${windowSubject(window)}`}
            onClick={onClose}
          >
            Close
          </GuardedButton>
        )}
      </td>
    </tr>
  );
}

export function WindowsPanel() {
  const query = useWindows();
  const whyNot = useWhyNot('services.manage');
  const [opening, setOpening] = useState(false);
  const [doomed, setDoomed] = useState<MaintenanceWindow>();
  return (
    <Panel
      title="Maintenance windows"
      section="windows"
      actions={
        <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setOpening(true)}>
          Open window
        </GuardedButton>
      }
    >
      <Listing
        query={query}
        items={query.data}
        placeholders={2}
        empty={<Empty title="No window">While one is open, nothing is started by itself in it.</Empty>}
      >
        {(windows) => (
          <DataTable label="Maintenance windows" columns={COLUMNS}>
            {[...windows].reverse().map((window) => (
              <Row key={window.id} window={window} whyNot={whyNot} onClose={() => setDoomed(window)} />
            ))}
          </DataTable>
        )}
      </Listing>
      <WindowDialog opened={opening} onClose={() => setOpening(false)} />
      <CloseWindowDialog window={doomed} onClose={() => setDoomed(undefined)} />
    </Panel>
  );
}
