// The tab Services HA: its switches and bounds, the maintenance windows, the schedules, and how the services stand with it.
import { Stack } from '@mantine/core';
import { SchedulesPanel } from '../schedules/SchedulesPanel';
import { ServicesHaPanel } from './ServicesHaPanel';
import { StandingsPanel } from './StandingsPanel';
import { WindowsPanel } from './WindowsPanel';

export function ServicesHaTab() {
  return (
    <Stack gap="md">
      <ServicesHaPanel />
      <WindowsPanel />
      <SchedulesPanel />
      <StandingsPanel />
    </Stack>
  );
}
