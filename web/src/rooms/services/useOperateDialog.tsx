// How a menu asks before services are started, restarted or stopped.
import { useState } from 'react';
import { late } from '../../shell/late';
import type { Act } from './acts';

const OperateDialog = late('OperateDialog', () => import('./OperateDialog'));

/** `ask` opens the dialog, `dialog` is to be drawn somewhere. */
export function useOperateDialog() {
  const [act, setAct] = useState<Act>();
  return { ask: setAct, dialog: <OperateDialog act={act} onClose={() => setAct(undefined)} /> };
}
