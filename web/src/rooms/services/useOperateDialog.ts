// How a menu asks before services are started, restarted or stopped.
import { late } from '../../shell/late';
import { useDialogOf } from '../../shell/useDialogOf';

const OperateDialog = late('OperateDialog', () => import('./OperateDialog'));

export const useOperateDialog = () => useDialogOf(OperateDialog);
