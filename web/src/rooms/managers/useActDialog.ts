// How a menu asks before it acts.
import { late } from '../../shell/late';
import { useDialogOf } from '../../shell/useDialogOf';

const ActDialog = late('ActDialog', () => import('./ActDialog'));

export const useActDialog = () => useDialogOf(ActDialog);
