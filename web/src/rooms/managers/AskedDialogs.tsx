// The dialogs that an address can ask for, drawn once for all pages.
import { LogsDialog } from '../logs/LogsDialog';
import { WhyDialog } from '../services/WhyDialog';
import { AddDialogs } from './adding/AddDialogs';
import { PushDialog } from './recovery/PushDialog';

export function AskedDialogs() {
  return (
    <>
      <AddDialogs />
      <PushDialog />
      <LogsDialog />
      <WhyDialog />
    </>
  );
}
