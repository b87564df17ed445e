// How acts become items of a menu: each possible, or with the reason why not.
import { useWhyNot } from '../../live/session';
import type { Action } from '../../shell/ActionMenu';
import { type Act, hindranceOf, readingOf } from './acts';
import { useManagers } from './queries';

export function useItems(ask: (act: Act) => void): (act: Act) => Action {
  const managers = useManagers().data ?? [];
  const control = useWhyNot('managers.control');
  const membership = useWhyNot('managers.membership');
  return (act) => {
    const { label, icon, privilege } = readingOf(act.verb);
    const mayNot = privilege === 'managers.membership' ? membership : control;
    return { label, icon, whyNot: mayNot ?? hindranceOf(act, managers), onAct: () => ask(act) };
  };
}
