// Why no Kyvos Manager can be added now, for every button that would: the first thing that is missing.
import { useWhyNot } from '../../../live/session';
import { useDrScript } from '../recovery/queries';
import { useNowhere } from './queries';

export function useWhyNotAdd(): string | undefined {
  const mayNot = useWhyNot('managers.membership');
  const script = useDrScript().data;
  const nowhere = useNowhere().data ?? undefined;
  const pending =
    script?.state === 'pending' ? 'Push the Kyvos Manager Disaster Recovery script first.' : undefined;
  return mayNot ?? pending ?? nowhere;
}
