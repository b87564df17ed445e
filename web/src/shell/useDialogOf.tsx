// How a menu asks before it acts: the dialog is open as long as there is an act to be asked about.
import { type ComponentType, useState } from 'react';

/** `ask` opens the dialog, `dialog` is to be drawn somewhere. */
export function useDialogOf<Act>(Dialog: ComponentType<{ act: Act | undefined; onClose: () => void }>) {
  const [act, setAct] = useState<Act>();
  const ask = (about: Act) => setAct(() => about);
  return { ask, dialog: <Dialog act={act} onClose={() => setAct(undefined)} /> };
}
