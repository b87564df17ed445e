// How a menu asks before it acts.
import { useState } from 'react';
import { late } from '../../shell/late';
import type { Act } from './acts';

const ActDialog = late('ActDialog', () => import('./ActDialog'));

/** `ask` opens the dialog, `dialog` is to be drawn somewhere. */
export function useActDialog() {
  const [act, setAct] = useState<Act>();
  return { ask: setAct, dialog: <ActDialog act={act} onClose={() => setAct(undefined)} /> };
}
