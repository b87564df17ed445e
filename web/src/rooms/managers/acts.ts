// What can be done with the instances: in which menu it stands, what it is called, why not now. Pure.
import type { Manager, Privilege } from '../../live/types';
import type { IconName } from '../../shell/icons';

/** As in the API's paths. `remove` is the deletion; those of the server are about the one Manager there is while HA is
 * off. */
export type Verb =
  | 'start'
  | 'restart'
  | 'stop'
  | 'make-active'
  | 'restart-active'
  | 'step-aside'
  | 'remove'
  | 'start-passives'
  | 'restart-passives'
  | 'stop-passives'
  | 'start-server'
  | 'restart-server'
  | 'stop-server';

/** What is done to all Passives in one operation. */
export type PassivesVerb = 'start-passives' | 'restart-passives' | 'stop-passives';

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

const control = (label: string, icon: IconName): Reading => ({ label, icon, privilege: 'managers.control' });

const READINGS: Record<Verb, Reading> = {
  start: control('Start Kyvos Manager Service', 'play'),
  restart: control('Restart Kyvos Manager Service', 'restart'),
  stop: control('Stop Kyvos Manager Service', 'stop'),
  'make-active': control('Make Active', 'up'),
  'restart-active': control('Restart Active Kyvos Manager Instance', 'restart'),
  'step-aside': control('Step Aside', 'leave'),
  remove: { label: 'Delete', icon: 'close', privilege: 'managers.membership' },
  'start-passives': control('Start Kyvos Manager Service (all passive)', 'play'),
  'restart-passives': control('Restart Kyvos Manager Service (all passive)', 'restart'),
  'stop-passives': control('Stop Kyvos Manager Service (all passive)', 'stop'),
  'start-server': control('Start Kyvos Manager server', 'play'),
  'restart-server': control('Restart Kyvos Manager server', 'restart'),
  'stop-server': control('Stop Kyvos Manager server', 'stop'),
};

export const readingOf = (verb: Verb): Reading => READINGS[verb];

/** What stands in the menu of one instance. What is not possible now stands there too, with its reason. */
export function verbsOf(manager: Pick<Manager, 'mode' | 'role'>): Verb[] {
  const process: Verb[] = ['start', 'restart', 'stop'];
  if (manager.role === 'witness') return [...process, 'remove'];
  if (manager.mode === 'active') return [...process, 'make-active', 'restart-active', 'step-aside', 'remove'];
  return [...process, 'make-active', 'remove'];
}

/** Who takes over when the Active leaves: of those that can, whoever lacks least of the log. */
export function successorOf(managers: Manager[]): Manager | undefined {
  const able = managers.filter(({ blocked }) => blocked.make_active === undefined);
  return able.sort((a, b) => (a.lag ?? 0) - (b.lag ?? 0) || a.id - b.id)[0];
}

const passivesOf = (managers: Manager[]) =>
  managers.filter(({ mode, role }) => mode === 'passive' && role !== 'witness');

/** The Passives something is done to: only what runs is stopped, only what does not run is started. */
export function concernedBy(verb: PassivesVerb, managers: Manager[]): Manager[] {
  const running = verb !== 'start-passives';
  return passivesOf(managers).filter(({ state }) => (state === 'running') === running);
}

/** The sooner ones are told; what holds one of them back does not hold back the others. */
function ofPassives(verb: PassivesVerb, managers: Manager[]): string | undefined {
  const concerned = concernedBy(verb, managers);
  if (concerned.length === 0) return verb === 'start-passives' ? 'Every Passive runs.' : 'No Passive runs.';
  const single = {
    'start-passives': 'start',
    'restart-passives': 'restart',
    'stop-passives': 'stop',
  } as const;
  const reasons = concerned.map(({ blocked }) => blocked[single[verb]]);
  return verb === 'start-passives' && reasons.includes(undefined)
    ? undefined
    : reasons.find((why) => why !== undefined);
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
    case 'start-passives':
    case 'restart-passives':
    case 'stop-passives':
      return ofPassives(verb, managers);
    case 'start-server':
      return 'It runs: it serves this page.';
    case 'stop-server':
      return 'Nobody could start it again from here. On its host: systemctl stop kyvos-manager';
    case 'step-aside':
      return ofStepAside(about, managers);
    case 'make-active':
      return about.blocked.make_active;
    case 'restart-active':
    case 'restart-server':
      return about.blocked.restart_active;
    case 'start':
    case 'restart':
    case 'stop':
    case 'remove':
      return about.blocked[verb];
  }
}
