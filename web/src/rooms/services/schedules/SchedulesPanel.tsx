// The schedules: when services go to sleep and wake by themselves, when that is due next, and what came of the last time.
import { ActionIcon } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { asProblem } from '../../../live/problem';
import { useWhyNot } from '../../../live/session';
import type { ServiceSchedule } from '../../../live/types';
import { type Action, ActionMenu } from '../../../shell/ActionMenu';
import { Icon } from '../../../shell/icons';
import { late } from '../../../shell/late';
import { DataTable, Listing, Panel, RowName } from '../../../shell/listing';
import { Age, Empty, GuardedButton, Pill, TextLink } from '../../../shell/parts';
import { useServiceChange } from '../queries';
import { draftOf } from './drafts';
import { setSchedule, useSchedules } from './queries';
import { clockWords, daysWords, outcomeReading, subjectOf } from './schedules';

const ScheduleDialog = late('ScheduleDialog', () => import('./ScheduleDialog'));
const RemoveScheduleDialog = late('RemoveScheduleDialog', () => import('./RemoveScheduleDialog'));

const COLUMNS = ['Name', 'What', 'When', 'Next', 'Last', 'Actions'];

function Last({ last }: Pick<ServiceSchedule, 'last'>) {
  if (!last) return <span className="quiet">never</span>;
  const { word, tone, icon } = outcomeReading(last.outcome);
  return (
    <>
      <Pill tone={tone} icon={icon}>
        {word}
      </Pill>{' '}
      <Age at={last.at} />
      {last.operation != null && (
        <div>
          <TextLink to={`/operations/${last.operation}`}>operation {last.operation}</TextLink>
        </div>
      )}
    </>
  );
}

function Row({ schedule, actions }: { schedule: ServiceSchedule; actions: Action[] }) {
  return (
    <tr data-schedule={schedule.name}>
      <RowName className="wraps">{schedule.name}</RowName>
      <td>{subjectOf(schedule)}</td>
      <td>
        {clockWords(schedule)}
        <div className="quiet">{daysWords(schedule.days)}</div>
      </td>
      <td data-column="next">
        {schedule.next ? <Age at={schedule.next} /> : <Pill tone="idle">Switched off</Pill>}
      </td>
      <td>
        <Last last={schedule.last} />
      </td>
      <td style={{ width: 48 }}>
        <ActionMenu actions={actions}>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for schedule ${schedule.name}`}>
            <Icon name="dots" />
          </ActionIcon>
        </ActionMenu>
      </td>
    </tr>
  );
}

/** Which dialog is open, and about which schedule; without one a new one is added. */
type Open = { dialog: 'edit'; schedule?: ServiceSchedule } | { dialog: 'remove'; schedule: ServiceSchedule };

function useMenu(onOpen: (to: Open) => void, whyNot: string | undefined) {
  const switching = useServiceChange(setSchedule);
  return (schedule: ServiceSchedule): Action[] => {
    const draft = { ...draftOf(schedule), enabled: !schedule.enabled };
    const onError = (error: Error) =>
      notifications.show({ color: 'red', message: `${schedule.name}: ${asProblem(error).message}` });
    return [
      { label: 'Edit', icon: 'edit', whyNot, onAct: () => onOpen({ dialog: 'edit', schedule }) },
      {
        label: schedule.enabled ? 'Switch off' : 'Switch on',
        icon: schedule.enabled ? 'stop' : 'play',
        whyNot,
        onAct: () => switching.mutate({ schedule, draft }, { onError }),
      },
      { label: 'Delete', icon: 'close', whyNot, onAct: () => onOpen({ dialog: 'remove', schedule }) },
    ];
  };
}

export function SchedulesPanel() {
  const query = useSchedules();
  const whyNot = useWhyNot('services.manage');
  const [open, setOpen] = useState<Open>();
  const menuOf = useMenu(setOpen, whyNot);
  const close = () => setOpen(undefined);
  return (
    <Panel
      title="Schedules"
      section="schedules"
      actions={
        <GuardedButton
          whyNot={whyNot}
          leftSection={<Icon name="plus" />}
          onClick={() => setOpen({ dialog: 'edit' })}
        >
          Add schedule
        </GuardedButton>
      }
    >
      <Listing
        query={query}
        items={query.data}
        placeholders={2}
        empty={<Empty title="No schedule">With one, services go to sleep and wake by themselves.</Empty>}
      >
        {(schedules) => (
          <DataTable label="Schedules" columns={COLUMNS}>
            {schedules.map((schedule) => (
              <Row key={schedule.id} schedule={schedule} actions={menuOf(schedule)} />
            ))}
          </DataTable>
        )}
      </Listing>
      <ScheduleDialog
        opened={open?.dialog === 'edit'}
        schedule={open?.dialog === 'edit' ? open.schedule : undefined}
        onClose={close}
      />
      <RemoveScheduleDialog
        schedule={open?.dialog === 'remove' ? open.schedule : undefined}
        onClose={close}
      />
    </Panel>
  );
}
