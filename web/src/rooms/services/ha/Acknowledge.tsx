// Saying that somebody has looked why a service was restarted so often, or its recovery called off.
import { useWhyNot } from '../../../live/session';
import type { ServiceStanding } from '../../../live/types';
import { GuardedButton, ProblemAlert } from '../../../shell/parts';
import { useServiceChange } from '../queries';
import { titleOfType } from '../reading';
import { acknowledge } from './queries';

export function Acknowledge({ standing }: { standing: ServiceStanding }) {
  const whyNot = useWhyNot('services.manage');
  const seeing = useServiceChange(acknowledge);
  return (
    <>
      <GuardedButton
        whyNot={whyNot}
        variant="default"
        size="compact-xs"
        loading={seeing.isPending}
        aria-label={`Acknowledge ${titleOfType(standing.type)} on ${standing.host}`}
        onClick={() => seeing.mutate(standing.id)}
      >
        Acknowledge
      </GuardedButton>
      {seeing.isError && <ProblemAlert error={seeing.error} title="Not noted" />}
    </>
  );
}
