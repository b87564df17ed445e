// Add Kyvos Manager, as a button of a page. Not in the page at all while HA is off.
import { useCluster } from '../../../live/session';
import { useDoing } from '../../../shell/doing';
import { Icon } from '../../../shell/icons';
import { GuardedButton } from '../../../shell/parts';
import { useWhyNotAdd } from './useWhyNotAdd';

function Adding() {
  const { open } = useDoing();
  const whyNot = useWhyNotAdd();
  return (
    <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => open({ do: 'add' })}>
      Add Kyvos Manager
    </GuardedButton>
  );
}

export function AddManagerButton() {
  return useCluster().data?.ha_enabled ? <Adding /> : null;
}
