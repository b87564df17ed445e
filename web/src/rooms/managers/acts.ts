// What can be done with the instances: in which menu it stands, what it is called, why not now. Pure.
import type { Manager, Privilege } from '../../live/types';
import type { IconName } from '../../shell/icons';

/** As in the API's paths. `remove` is the deletion; `restart-server` restarts the one Manager there is while HA is off. */
export type Verb =
  | 'restart'
  | 'make-active'
  | 'restart-active'
  | 'restart-server'
  | 'step-aside'
  | 'remove'
  | 'restart-passives';

/** Something somebody wants done: with one instance, or (without a number) with the group. */
export interface Act {
  verb: Verb;
  manager?: number;
}

interface Reading {
  label: string;
  icon: IconName;
  privilege: Privilege;
}

const READINGS: Record<Verb, Reading> = {
  restart: { label: 'Restart Kyvos Manager Service', icon: 'restart', privilege: 'managers.control' },
  'make-active': { label: 'Make Active', icon: 'up', privilege: 'managers.control' },
  'restart-active': {
    label: 'Restart Active Kyvos Manager Instance',
    icon: 'restart',
    privilege: 'managers.control',
  },
  'restart-server': { label: 'Restart Kyvos Manager server', icon: 'restart', privilege: 'managers.control' },
  'step-aside': { label: 'Step Aside', icon: 'leave', privilege: 'managers.control' },
  remove: { label: 'Delete', icon: 'close', privilege: 'managers.membership' },
  'restart-passives': {
    label: 'Restart Kyvos Manager Service (all passive)',
    icon: 'restart',
    privilege: 'managers.control',
  },
};

export const readingOf = (verb: Verb): Reading => READINGS[verb];

/** What stands in the menu of one instance. What is not possible now stands there too, with its reason. */
export function verbsOf(manager: Pick<Manager, 'mode' | 'role'>): Verb[] {
  if (manager.role === 'witness') return ['restart', 'remove'];
  if (manager.mode === 'active') return ['restart', 'make-active', 'restart-active', 'step-aside', 'remove'];
  return ['restart', 'make-active', 'remove'];
}

/** Who takes over when the Active leaves: of those that can, whoever lacks least of the log. */
export function successorOf(managers: Manager[]): Manager | undefined {
  const able = managers.filter(({ blocked }) => blocked.make_active === undefined);
  return able.sort((a, b) => (a.lag ?? 0) - (b.lag ?? 0) || a.id - b.id)[0];
}

/** The Passives that run: what is done to all Passives is done to these. */
export const runningPassives = (managers: Manager[]) =>
  managers.filter(({ mode, role, state }) => mode === 'passive' && role !== 'witness' && state === 'running');

function ofPassives(managers: Manager[]): string | undefined {
  const passives = runningPassives(managers);
  if (passives.length === 0) return 'No Passive runs.';
  return passives.map(({ blocked }) => blocked.restart).find((why) => why !== undefined);
}

function ofStepAside(active: Manager, managers: Manager[]): string | undefined {
  if (active.blocked.restart_active !== undefined) return active.blocked.restart_active;
  return successorOf(managers) ? undefined : 'No Passive can take over now.';
}

/** Why the group says that it cannot be done now; undefined when it can. */
export function hindranceOf({ verb, manager: id }: Act, managers: Manager[]): string | undefined {
  const active = managers.find(({ mode }) => mode === 'active');
  const about = id === undefined ? active : managers.find((manager) => manager.id === id);
  if (about === undefined) return 'There is no active Kyvos Manager.';
  switch (verb) {
    case 'restart-passives':
      return ofPassives(managers);
    case 'step-aside':
      return ofStepAside(about, managers);
    case 'restart':
      return about.blocked.restart;
    case 'make-active':
      return about.blocked.make_active;
    case 'restart-active':
    case 'restart-server':
      return about.blocked.restart_active;
    case 'remove':
      return about.blocked.remove;
  }
}
