// What can be done with one service, with all of a type, or with the cluster, as items of a menu: each possible, or with the reason
// why not.
import { useWhyNot } from '../../live/session';
import type { ServiceType } from '../../live/types';
import { type Action, Actions } from '../../shell/ActionMenu';
import { useDoing } from '../../shell/doing';
import { type Act, hindranceOf, labelOf, VERBS, type Verb } from './acts';
import { useShownServices } from './queries';
import { titlesOfType } from './reading';

interface ServiceActionsProps {
  about: Omit<Act, 'verb'>;
  onAsk: (act: Act) => void;
  onControl?: (type: ServiceType) => void;
}

export function ServiceActions({ about, onAsk, onControl }: ServiceActionsProps) {
  const services = useShownServices().all ?? [];
  const mayNot = useWhyNot('services.manage');
  const { open } = useDoing();
  const { service, type } = about;
  const verbs = (Object.keys(VERBS) as Verb[]).map((verb): Action => {
    const act = { ...about, verb };
    return {
      label: service === undefined ? labelOf(act, services) : VERBS[verb].word,
      icon: VERBS[verb].icon,
      whyNot: mayNot ?? hindranceOf(act, services),
      onAct: () => onAsk(act),
    };
  });
  const why: Action[] = service
    ? [{ label: 'Why is it so?', icon: 'info', onAct: () => open({ do: 'why', service }) }]
    : [];
  const control: Action[] =
    type && type !== 'kyvos_manager'
      ? [{ label: `How ${titlesOfType(type)} are controlled`, icon: 'edit', onAct: () => onControl?.(type) }]
      : [];
  return <Actions actions={[...why, ...verbs, ...control]} />;
}
