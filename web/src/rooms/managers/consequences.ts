// What follows from an act on the instances, in sentences, before anybody agrees to it. Pure.
import type { Cluster, Manager } from '../../live/types';
import { count, plural } from '../../shell/format';
import { type Act, concernedBy, type PassivesVerb, successorOf } from './acts';
import { displayName } from './status';

export interface Consequences {
  sentences: string[];
  /** What cannot be done meanwhile: to be agreed to apart. */
  risk?: string | undefined;
  /** It does not answer: nobody can tell it, so it has to be given up. */
  lost?: boolean;
}

const NO_QUORUM_MEANWHILE =
  'Without it the others have no quorum: no change can be made until it is back and has caught up.';
const NO_QUORUM_AFTERWARDS =
  'Without it the others have no quorum: nobody is Active and no change can be made until it is started on its host. To have one voter less for good, delete it instead.';

/** "Quorum 2 of 3 · tolerates 1 failure" of so many voters. */
export function quorumOf(voters: number): string {
  const needed = Math.floor(voters / 2) + 1;
  return `Quorum ${needed} of ${voters} · tolerates ${plural(voters - needed, 'failure')}`;
}

function ofStart(manager: Manager): Consequences {
  return { sentences: [`${displayName(manager)} is started on ${manager.host}. It stays Passive.`] };
}

function ofRestart(manager: Manager): Consequences {
  if (manager.state !== 'running')
    return {
      sentences: [
        `${displayName(manager)} does not answer. Whatever is left of it on ${manager.host} is ended, and it is started anew. It stays Passive.`,
      ],
    };
  return {
    sentences: [`${displayName(manager)} ends in good order and begins anew. It stays Passive.`],
    risk: manager.quorum_without ? undefined : NO_QUORUM_MEANWHILE,
  };
}

function ofStop(manager: Manager): Consequences {
  return {
    sentences: [
      `${displayName(manager)} ends in good order and stays stopped until somebody starts it. It stays in the group, as Passive.`,
    ],
    risk: manager.quorum_without ? undefined : NO_QUORUM_AFTERWARDS,
  };
}

function ofMakeActive(manager: Manager): Consequences {
  const behind = plural(manager.lag ?? 0, 'entry', 'entries');
  return {
    sentences: [
      `${displayName(manager)} becomes Active. It is ${behind} behind.`,
      'Current active becomes Passive.',
    ],
  };
}

function ofRestartActive(active: Manager | undefined, heir: Manager | undefined): Consequences {
  if (!active || !heir)
    return { sentences: ['No healthy passive: Kyvos Manager will be unavailable during restart'] };
  return {
    sentences: [
      `${displayName(heir)} takes over first. Then ${displayName(active)} restarts and comes back as Passive.`,
    ],
  };
}

function ofStepAside(active: Manager | undefined, heir: Manager | undefined): Consequences {
  const [from, to] = [active && displayName(active), heir && displayName(heir)];
  return {
    sentences: [
      `${to ?? 'Another instance'} becomes Active. ${from ?? 'The Active'} stays in the group as Passive, so that its host can be looked after.`,
    ],
  };
}

function ofRestartPassives(passives: Manager[]): Consequences {
  return {
    sentences: ['They restart one after the other, each caught up before the next. The Active goes on.'],
    risk: passives.every(({ quorum_without }) => quorum_without)
      ? undefined
      : 'While one of them restarts the others have no quorum: no change can be made until it is back.',
  };
}

function ofStopPassives(passives: Manager[], cluster: Cluster): Consequences {
  const stopped = new Set(passives.map(({ id }) => id));
  const voters = cluster.members.filter(({ id }) => cluster.voters.includes(id));
  const left = voters.filter(({ id, reachable }) => !stopped.has(id) && (reachable || id === cluster.here));
  const enough = left.length >= cluster.quorum;
  return {
    sentences: ['They end in good order and stay stopped until somebody starts them.'],
    risk: enough
      ? undefined
      : `Of ${plural(voters.length, 'voter')}, ${count(left.length)} would be left and ${count(cluster.quorum)} are needed: the quorum is lost. Nobody is Active and no change can be made until enough of them are started on their hosts.`,
  };
}

function ofPassives(verb: PassivesVerb, managers: Manager[], cluster: Cluster): Consequences {
  const passives = concernedBy(verb, managers);
  switch (verb) {
    case 'start-passives':
      return { sentences: ['They are started on their hosts. They stay Passive, and the Active goes on.'] };
    case 'restart-passives':
      return ofRestartPassives(passives);
    case 'stop-passives':
      return ofStopPassives(passives, cluster);
  }
}

/** Those that would be left must be able to agree on things. */
function riskOfRemoval(manager: Manager, cluster: Cluster): string | undefined {
  const left = cluster.members.filter(({ id }) => cluster.voters.includes(id) && id !== manager.id);
  const answering = left.filter(({ id, reachable }) => reachable || id === cluster.here).length;
  if (left.length === 0 || 2 * answering > left.length) return undefined;
  return `Of the ${count(left.length)} voters that would be left, ${count(answering)} answer: no change could be made until more of them do.`;
}

function ofRemove(manager: Manager, cluster: Cluster, heir: Manager | undefined): Consequences {
  const name = displayName(manager);
  const votersLeft = cluster.voters.filter((id) => id !== manager.id).length;
  // One that was stopped on purpose is told through its host, or when it comes back.
  const lost = manager.state !== 'running' && manager.state !== 'stopped';
  const sentences = [
    `${name} leaves the group for good. Its data directory is not touched, and nobody takes it back under its old number.`,
    ...(manager.mode === 'active' && heir ? [`It is Active: ${displayName(heir)} takes over first.`] : []),
    `Afterwards: ${quorumOf(votersLeft)}.`,
  ];
  return { sentences, risk: riskOfRemoval(manager, cluster), lost };
}

export function consequencesOf(
  { verb, manager: id }: Act,
  managers: Manager[],
  cluster: Cluster,
): Consequences {
  const active = managers.find(({ mode }) => mode === 'active');
  const heir = successorOf(managers);
  switch (verb) {
    case 'restart-active':
      return ofRestartActive(active, heir);
    case 'restart-server':
      return { sentences: ['Kyvos Manager will be unavailable during restart. Kyvos services go on.'] };
    case 'step-aside':
      return ofStepAside(active, heir);
    case 'start-passives':
    case 'restart-passives':
    case 'stop-passives':
      return ofPassives(verb, managers, cluster);
    // Never possible; they stand in the menu with their reason.
    case 'start-server':
    case 'stop-server':
      return { sentences: [] };
  }
  const manager = managers.find((one) => one.id === id);
  if (manager === undefined) return { sentences: ['This instance is no longer in the group.'] };
  switch (verb) {
    case 'start':
      return ofStart(manager);
    case 'restart':
      return ofRestart(manager);
    case 'stop':
      return ofStop(manager);
    case 'make-active':
      return ofMakeActive(manager);
    case 'remove':
      return ofRemove(manager, cluster, heir);
  }
}
