// The state of the cluster on the Dashboard: in a word, why, and the operation that is about to change it.
import { Pill, TextLink } from '../../shell/parts';
import { clusterReading } from './cluster';
import { useServiceCounts } from './queries';

export function ClusterPill() {
  const cluster = useServiceCounts().data?.cluster;
  if (cluster === undefined) return <>–</>;
  const { word, tone, icon } = clusterReading(cluster);
  return (
    <Pill tone={tone} icon={icon}>
      {word}
    </Pill>
  );
}

export function ClusterBecause() {
  const cluster = useServiceCounts().data?.cluster;
  if (cluster === undefined) return null;
  const { because, operation } = cluster;
  return (
    <>
      {because}
      {operation != null && (
        <>
          {' '}
          <TextLink to={`/operations/${operation}`}>Operation {operation}</TextLink>
        </>
      )}
    </>
  );
}
