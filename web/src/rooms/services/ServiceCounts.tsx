// How many services of each type are wanted running, and how many of them are up: lines of the Dashboard that lead to them.
import { VisuallyHidden } from '@mantine/core';
import { useCluster } from '../../live/session';
import { Pill, TextLink } from '../../shell/parts';
import { useServiceCounts } from './queries';
import { tallyOfCount, titlesOfType } from './reading';
import classes from './ServiceCounts.module.css';

export function ServiceCounts() {
  const ha = useCluster().data?.ha_enabled ?? false;
  const types = useServiceCounts().data?.filter(
    ({ type, expected }) => expected > 0 && (ha || type !== 'kyvos_manager'),
  );
  if (types === undefined) return null;
  if (types.length === 0) return <>No roles are given to nodes yet.</>;
  return (
    <ul className={classes.counts}>
      {types.map((count) => {
        const { type } = count;
        const { words, tone, stopped, behind } = tallyOfCount(count);
        return (
          <li key={type} data-type={type}>
            <TextLink to={`/nodes-and-services/services?type=${type}`}>{titlesOfType(type)}</TextLink>{' '}
            <Pill tone={tone}>
              {words}
              <VisuallyHidden> are up, of those wanted running</VisuallyHidden>
            </Pill>
            {stopped > 0 && <> {stopped} stopped</>}
            {behind > 0 && <> {behind} with an older configuration</>}
          </li>
        );
      })}
    </ul>
  );
}
