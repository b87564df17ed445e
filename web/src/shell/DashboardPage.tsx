// The Dashboard: the cluster and the group of Kyvos Managers in a few cards, the picture of the group, the services by type, and the
// Kyvos Manager Nodes.
import { Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useCluster } from '../live/session';
import type { Cluster } from '../live/types';
import { useAudit } from '../rooms/audit/queries';
import { PageMenu } from '../rooms/managers/GroupMenus';
import { GroupPicture } from '../rooms/managers/GroupPicture';
import { KyvosManagerNodes } from '../rooms/managers/KyvosManagerNodes';
import { NoQuorum } from '../rooms/managers/NoQuorum';
import { OperationStatusPill } from '../rooms/operations/OperationStatusPill';
import { useOperations } from '../rooms/operations/queries';
import { ClusterBecause, ClusterPill } from '../rooms/services/ClusterState';
import { ServiceSections } from '../rooms/services/ServiceSections';
import { WatchDetail, WatchPill } from '../rooms/services/WatchDetail';
import classes from './DashboardPage.module.css';
import { count, plural } from './format';
import { nameOf } from './notices';
import { Age, Page, Pill, Rows, TextLink, type Tone } from './parts';

interface CardProps {
  title: string;
  value: ReactNode;
  children?: ReactNode;
}

function Card({ title, value, children }: CardProps) {
  return (
    <section className={`panel ${classes.card}`} aria-label={title}>
      <Text component="h2" className={classes.title ?? ''}>
        {title}
      </Text>
      <div className={classes.value}>{value}</div>
      <div className={classes.detail}>{children}</div>
    </section>
  );
}

/** Of the group of Kyvos Managers, which runs on while the cluster rests. */
function stateOf(cluster: Cluster): { word: string; tone: Tone } {
  if (cluster.mode_here === 'no_quorum') return { word: 'No quorum', tone: 'bad' };
  if (cluster.active == null) return { word: 'Electing', tone: 'warn' };
  return { word: 'Running', tone: 'ok' };
}

function ClusterCard() {
  return (
    <Card title="Cluster state" value={<ClusterPill />}>
      <ClusterBecause />
    </Card>
  );
}

function GroupCard({ cluster }: { cluster: Cluster }) {
  const { word, tone } = stateOf(cluster);
  const active = nameOf(cluster, cluster.active);
  return (
    <Card title="Kyvos Manager" value={<Pill tone={tone}>{word}</Pill>}>
      {active ? `${active} is Active since epoch ${count(cluster.epoch)}` : 'No active instance (electing)'}
    </Card>
  );
}

function ToleranceCard({ cluster }: { cluster: Cluster }) {
  const fragile = cluster.failure_tolerance === 0;
  const reachable = cluster.members.filter(
    ({ id, reachable: answers }) => cluster.voters.includes(id) && (answers || id === cluster.here),
  ).length;
  return (
    <Card
      title="Failures tolerated"
      value={
        <span style={fragile ? { color: 'var(--km-bad)' } : undefined}>{cluster.failure_tolerance}</span>
      }
    >
      {reachable} of {plural(cluster.voters.length, 'voter')} {reachable === 1 ? 'answers' : 'answer'},{' '}
      {cluster.quorum} needed
    </Card>
  );
}

function OperationsCard() {
  const operations = useOperations().data;
  const running = operations?.filter(({ status }) => status === 'running' || status === 'queued').length ?? 0;
  const undecided = operations?.filter(({ status }) => status === 'needs_decision').length ?? 0;
  const last = operations?.[0];
  return (
    <Card title="Operations" value={<>{operations === undefined ? '–' : running} running</>}>
      {undecided > 0 && (
        <div>
          <Pill tone="warn" icon="warning">
            {undecided} need{undecided === 1 ? 's' : ''} a decision
          </Pill>
        </div>
      )}
      {last ? (
        <>
          <TextLink to={`/operations/${last.id}`}>{last.title}</TextLink>{' '}
          <OperationStatusPill operation={last} />
        </>
      ) : (
        'None so far'
      )}
    </Card>
  );
}

function LastChangeCard({ cluster }: { cluster: Cluster }) {
  const last = useAudit({ user: '', room: '' }).data?.pages[0]?.items[0];
  return (
    <Card title="Revision" value={count(cluster.revision)}>
      {last ? (
        <>
          <TextLink to="/audit">{last.action}</TextLink> {last.object} by {last.user}, <Age at={last.at} />
        </>
      ) : (
        'No change recorded yet'
      )}
    </Card>
  );
}

function WatchCard() {
  return (
    <Card title="Service watch" value={<WatchPill />}>
      <WatchDetail />
    </Card>
  );
}

function Group({ cluster }: { cluster: Cluster }) {
  if (!cluster.ha_enabled) return null;
  return (
    <section className={`panel ${classes.group}`} aria-labelledby="group">
      <Title order={2} id="group" className={classes.title ?? ''}>
        Group
      </Title>
      <GroupPicture />
    </section>
  );
}

export function DashboardPage() {
  const cluster = useCluster().data;
  return (
    <Page title="Dashboard" actions={<PageMenu />}>
      {cluster === undefined ? (
        <Rows />
      ) : (
        <>
          <NoQuorum />
          <div className={cluster.ha_enabled ? classes.top : undefined}>
            <div className={classes.cards}>
              <ClusterCard />
              <GroupCard cluster={cluster} />
              <ToleranceCard cluster={cluster} />
              <OperationsCard />
              <WatchCard />
              <LastChangeCard cluster={cluster} />
            </div>
            <Group cluster={cluster} />
          </div>
          <ServiceSections />
          <KyvosManagerNodes />
        </>
      )}
    </Page>
  );
}
