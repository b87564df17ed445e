// The dialogs of the tab Nodes, of which one at a time is open.
import { notifications } from '@mantine/notifications';
import type { Host } from '../../live/types';
import { ConfirmDialog } from '../../shell/dialogs';
import { EnrolDialog } from './EnrolDialog';
import type { Open } from './HostActions';
import { HostDialog } from './HostForm';
import { OutlookDialog } from './OutlookDialog';
import { OwnKeyDialog } from './OwnKeyDialog';
import { forgetHost, useHostChange } from './queries';
import { TrustDialog } from './TrustDialog';

function RemoveDialog({ host, onClose }: { host: Host | undefined; onClose: () => void }) {
  const forgetting = useHostChange(forgetHost, {
    onSuccess: () => {
      notifications.show({ message: `${host?.name} is no longer looked after.` });
      onClose();
    },
  });
  return (
    <ConfirmDialog of={host} change={forgetting} title={`Delete node ${host?.name ?? ''}`} onClose={onClose}>
      It is no longer looked after. Whatever runs on it runs on, and nothing is removed from it.
    </ConfirmDialog>
  );
}

/** After registering, the step without which the host cannot be reached. */
const nextStep = (host: Host): Open =>
  host.transport.kind === 'agent' ? { dialog: 'enrol', host: host.id } : { dialog: 'trust', host: host.id };

interface DialogsProps {
  hosts: Host[];
  open: Open | undefined;
  onOpen: (to?: Open) => void;
}

export function HostDialogs({ hosts, open, onOpen }: DialogsProps) {
  const about = (dialog: Open['dialog']) =>
    open && 'host' in open && open.dialog === dialog ? hosts.find(({ id }) => id === open.host) : undefined;
  const close = () => onOpen(undefined);
  const edited = about('edit');
  return (
    <>
      <HostDialog
        opened={open?.dialog === 'add' || edited !== undefined}
        host={edited}
        onClose={close}
        onRegistered={(host) => onOpen(nextStep(host))}
      />
      <EnrolDialog host={about('enrol')} onClose={close} />
      <TrustDialog host={about('trust')} onClose={close} />
      <OwnKeyDialog opened={open?.dialog === 'own-key'} onClose={close} />
      <OutlookDialog host={about('outlook')} onClose={close} />
      <RemoveDialog host={about('remove')} onClose={close} />
    </>
  );
}
