// Asks before a maintenance window is closed before its time.
import type { MaintenanceWindow } from '../../../live/types';
import { ConfirmDialog } from '../../../shell/dialogs';
import { useServiceChange } from '../queries';
import { closeWindow } from './queries';
import { windowSubject } from './windows';

interface CloseProps {
  window: MaintenanceWindow | undefined;
  onClose: () => void;
}

export function CloseWindowDialog({ window, onClose }: CloseProps) {
  const closing = useServiceChange(closeWindow, { onSuccess: onClose });
  return (
    <ConfirmDialog
      of={window}
      change={closing}
      title="Close a maintenance window"
      verb="Close window"
      onClose={onClose}
    >
      From now on <strong>{window && windowSubject(window)}</strong> is started again by itself, where
      Services HA is on.
    </ConfirmDialog>
  );
}
