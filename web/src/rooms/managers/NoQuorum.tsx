// The truth while nobody is Active: what this node is and knows, when it last heard of the others, why, and what to do.
import { List, Text } from '@mantine/core';
import { useCluster } from '../../live/session';
import type { Cluster, ClusterMember } from '../../live/types';
import { count, duration } from '../../shell/format';
import { Panel } from '../../shell/listing';
import { Command, Pill } from '../../shell/parts';
import { Explained } from './Explained';
import { nobodyActive } from './nobodyActive';
import { displayName } from './status';

function lastHeard(member: ClusterMember, here: number): string {
  if (member.id === here) return 'this one';
  return member.last_contact_ms == null
    ? 'never heard since it started'
    : `last heard ${duration(member.last_contact_ms)} ago`;
}

function Voters({ cluster }: { cluster: Cluster }) {
  const voters = cluster.members.filter((member) => cluster.voters.includes(member.id));
  return (
    <List size="sm" spacing={3} listStyleType="none">
      {voters.map((member) => {
        const answers = member.reachable || member.id === cluster.here;
        return (
          <List.Item key={member.id}>
            <Pill tone={answers ? 'ok' : 'bad'} icon={answers ? 'check' : 'close'}>
              {answers ? 'Answers' : 'Silent'}
            </Pill>{' '}
            {displayName(member)} <span className="quiet">{lastHeard(member, cluster.here)}</span>
          </List.Item>
        );
      })}
    </List>
  );
}

/** Commands take the whole line, so that they stand under each other. */
const FULL_WIDTH = { itemWrapper: { display: 'block' }, itemLabel: { display: 'block' } };

function WhatToDo({ missing }: { missing: number }) {
  return (
    <List size="sm" spacing={8} type="ordered" styles={FULL_WIDTH}>
      <List.Item>
        See what every Manager knows, on each host:
        <Command>km status</Command>
      </List.Item>
      <List.Item>
        Start the silent ones, or mend the network between the hosts.{' '}
        {missing === 1 ? 'One more is' : `${missing} more are`} enough; the group then elects an Active by
        itself.
        <Command>systemctl start km</Command>
      </List.Item>
    </List>
  );
}

function State({ answering, cluster }: { answering: number; cluster: Cluster }) {
  return (
    <Pill tone={answering < cluster.quorum ? 'bad' : 'warn'} icon="error">
      {answering} of {cluster.voters.length} voters answer, {cluster.quorum} are needed
    </Pill>
  );
}

export function NoQuorum() {
  const cluster = useCluster().data;
  const nobody = nobodyActive(cluster);
  if (cluster === undefined || nobody === undefined) return null;
  return (
    <Panel
      title={nobody.missing > 0 ? 'No quorum' : 'No active instance'}
      section="no-quorum"
      beside={nobody.removed ? null : <State answering={nobody.answering} cluster={cluster} />}
    >
      <div
        className="card-grid"
        style={{ padding: 14, gridTemplateColumns: 'repeat(auto-fit, minmax(320px, 1fr))' }}
      >
        <div>
          <Text size="sm" mb="sm">
            Nothing can be changed now, and nothing acknowledged is lost. This Manager shows what it knew:
            facts up to revision {count(cluster.applied)}, term {cluster.term}.
            {!nobody.removed && ' It keeps looking for the others.'}
          </Text>
          {!nobody.removed && <Voters cluster={cluster} />}
          <Explained question="Why is nobody Active?" topic="active" />
        </div>
        {nobody.missing > 0 && <WhatToDo missing={nobody.missing} />}
      </div>
    </Panel>
  );
}
