// The dialogs that an address can ask for, drawn once for all pages.
import { AddDialogs } from './adding/AddDialogs';
import { PushDialog } from './recovery/PushDialog';

export function AskedDialogs() {
  return (
    <>
      <AddDialogs />
      <PushDialog />
    </>
  );
}
