// Asks before a schedule is deleted.
import type { ServiceSchedule } from '../../../live/types';
import { ConfirmDialog } from '../../../shell/dialogs';
import { useServiceChange } from '../queries';
import { removeSchedule } from './queries';

interface RemoveProps {
  schedule: ServiceSchedule | undefined;
  onClose: () => void;
}

export function RemoveScheduleDialog({ schedule, onClose }: RemoveProps) {
  const removing = useServiceChange(removeSchedule, { onSuccess: onClose });
  return (
    <ConfirmDialog
      of={schedule}
      change={removing}
      title={`Delete schedule ${schedule?.name ?? ''}`}
      onClose={onClose}
    >
      It is not done any more. What it began goes on, and what sleeps goes on sleeping.
    </ConfirmDialog>
  );
}
