// What can be done with Kyvos services: with one, all of a type, or the cluster; with which, in which order, what follows from
// it, and why not now. Pure.
import type { Host, Service, ServiceType, ServiceWhy } from '../../live/types';
import { count, plural } from '../../shell/format';
import type { IconName } from '../../shell/icons';
import { byType, isBehind, nameOf, stateReading, titleOfType, titlesOfType } from './reading';

export type Verb = 'start' | 'restart' | 'stop';

/** With one service, with all of a type, or (without either) with all there are but the Kyvos Managers. */
export interface Act {
  verb: Verb;
  service?: string | undefined;
  type?: ServiceType | undefined;
  /** Of many: only those that run with an older configuration. */
  onlyStale?: boolean;
}

export const VERBS: Record<Verb, { word: string; icon: IconName }> = {
  start: { word: 'Start', icon: 'play' },
  restart: { word: 'Restart', icon: 'restart' },
  stop: { word: 'Stop', icon: 'stop' },
};

export const WHYS: { value: ServiceWhy; label: string }[] = [
  { value: 'operator', label: 'I decided so' },
  { value: 'maintenance', label: 'For maintenance' },
  { value: 'schedule', label: 'By schedule' },
];

export const AT_ONCE_MAX = 100;

const isManager = ({ type }: Pick<Service, 'type'>) => type === 'kyvos_manager';

/** Those it is about, in the order in which they are started. */
export function concernedBy({ service, type, onlyStale }: Act, all: Service[]): Service[] {
  if (service !== undefined) return all.filter(({ id }) => id === service);
  const many = all.filter((one) => (type === undefined ? !isManager(one) : one.type === type));
  return onlyStale ? many.filter(isBehind) : many;
}

export function subjectOf(act: Act, all: Service[]): string {
  if (act.type !== undefined) return `all ${titlesOfType(act.type)}`;
  if (act.service === undefined) return 'all Kyvos services';
  const one = all.find(({ id }) => id === act.service);
  return one ? nameOf(one) : act.service;
}

export const labelOf = (act: Act, all: Service[]) => `${VERBS[act.verb].word} ${subjectOf(act, all)}`;

export interface Wave {
  type: ServiceType;
  hosts: string[];
}

/** Type by type, as it will be done. */
export function wavesOf(act: Act, all: Service[]): Wave[] {
  const waves = byType(concernedBy(act, all)).map(({ type, services }) => ({
    type,
    hosts: services.map(({ host }) => host),
  }));
  return act.verb === 'stop' ? waves.reverse() : waves;
}

const isUp = (service: Service) => service.wanted.state === 'running' && stateReading(service).word === 'Up';
const isStopped = (service: Service) => stateReading(service).word === 'Stopped';

const DONE: Record<Verb, { is: (service: Service) => boolean; one: string; all: string }> = {
  start: { is: isUp, one: 'It is up.', all: 'All of them are up.' },
  stop: { is: isStopped, one: 'It is stopped, as it is wanted.', all: 'All of them are stopped.' },
  restart: { is: () => false, one: '', all: '' },
};

/** Why it cannot be done now; undefined when it can. */
export function hindranceOf(act: Act, all: Service[]): string | undefined {
  const concerned = concernedBy(act, all);
  const alone = act.service !== undefined;
  if (concerned.length === 0 && act.onlyStale) return 'None of them runs with an older configuration.';
  if (concerned.length === 0) return alone ? 'It is no longer there.' : 'There is no such service.';
  if (concerned.some(isManager)) return 'A Kyvos Manager is started and stopped under Kyvos Manager Nodes.';
  const busy = concerned.find(({ operation }) => operation != null);
  if (busy) return `Operation ${busy.operation} is about ${alone ? 'it' : nameOf(busy)}.`;
  const done = DONE[act.verb];
  return concerned.every(done.is) ? (alone ? done.one : done.all) : undefined;
}

const NAMED = 4;

/** "km1, km2 and 12 more" */
export function named(hosts: string[]): string {
  if (hosts.length <= NAMED + 1) return hosts.join(', ');
  return `${hosts.slice(0, NAMED).join(', ')} and ${count(hosts.length - NAMED)} more`;
}

function ofOne(verb: Verb, service: Service): string[] {
  const unit = service.unit ? ` (unit ${service.unit})` : '';
  switch (verb) {
    case 'start':
      return [`It is started on ${service.host}${unit}, and waited for until it serves.`];
    case 'restart':
      return [`It ends on ${service.host}${unit}, begins anew, and is waited for until it serves.`];
    case 'stop':
      return [`It ends in good order on ${service.host}${unit}, and stays stopped until somebody starts it.`];
  }
}

function ofMany(verb: Verb, atOnce: number): string[] {
  const told = 'What cannot be done on one host is passed over, and told of at the end.';
  switch (verb) {
    case 'start':
      return [`Each type is waited for until it serves before the next is started. ${told}`];
    case 'restart':
      return [
        `${atOnce === 1 ? 'One after the other' : `${count(atOnce)} of a type at a time`}, each waited for until it serves. It ends at the first that does not come back.`,
      ];
    case 'stop':
      return [
        `They end in good order and stay stopped until somebody starts them. ${told} The Kyvos Managers go on.`,
      ];
  }
}

/** What becomes of the others meanwhile. */
function ofTypes(verb: Verb, concerned: Service[]): string[] {
  if (verb === 'start') return [];
  const has = (type: ServiceType) => concerned.some((service) => service.type === type);
  return [
    ...(has('zookeeper')
      ? ['Meanwhile what is seen of services may be stale. Kyvos Manager HA is not affected.']
      : []),
    ...(has('postgres')
      ? ['Meanwhile Kyvos services may miss their repository. Kyvos Manager goes on.']
      : []),
  ];
}

/** A restart has them run, whatever was wanted of them. */
function ofWanted(verb: Verb, concerned: Service[]): string[] {
  const stopped = concerned.filter(({ wanted }) => wanted.state === 'stopped').map(({ host }) => host);
  if (verb === 'stop' || stopped.length === 0) return [];
  const alone = concerned.length === 1;
  return [
    alone
      ? 'It is wanted stopped now; from then on it is wanted running.'
      : `Wanted stopped now, and running from then on: those on ${named([...new Set(stopped)])}.`,
  ];
}

/** What follows from it, in sentences, before anybody agrees to it. */
export function sentencesOf(act: Act, all: Service[], atOnce: number): string[] {
  const concerned = concernedBy(act, all);
  const [first] = concerned;
  if (first === undefined) return [];
  const told = act.service === undefined ? ofMany(act.verb, atOnce) : ofOne(act.verb, first);
  return [...told, ...ofWanted(act.verb, concerned), ...ofTypes(act.verb, concerned)];
}

/** What may go wrong: hosts that do not answer, and types of which none is left meanwhile. */
export function risksOf(act: Act, all: Service[], hosts: Host[], atOnce: number): string[] {
  const concerned = concernedBy(act, all);
  const silent = new Set(hosts.filter(({ state }) => state === 'silent').map(({ name }) => name));
  const unheard = [...new Set(concerned.map(({ host }) => host))].filter((host) => silent.has(host));
  const whole = wavesOf(act, all).filter(({ hosts: of }) => of.length > 1 && of.length <= atOnce);
  return [
    ...(unheard.length > 0 ? [`Of ${named(unheard)} nothing is heard: there it cannot be done now.`] : []),
    ...(act.verb === 'restart' && act.service === undefined && whole.length > 0
      ? [`All at the same time: ${whole.map(({ type }) => titlesOfType(type)).join(', ')}.`]
      : []),
  ];
}

/** What a wave is called in a list of them. */
export const waveName = ({ type, hosts }: Wave) =>
  hosts.length === 1 ? titleOfType(type) : plural(hosts.length, titleOfType(type), titlesOfType(type));
