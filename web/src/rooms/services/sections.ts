// The sections of the Dashboard, one for each type of service, from counts alone: which there are, and what is marked in each. Pure.
import type { ServiceCount, ServiceType } from '../../live/types';
import { count } from '../../shell/format';
import type { Tone } from '../../shell/parts';
import { tallyOfCount } from './reading';

/** What a cluster is there for comes first, then what that needs. */
const ORDER: ServiceType[] = [
  'bi_server',
  'query_engine',
  'web_portal',
  'postgres',
  'zookeeper',
  'kyvos_manager',
];

/** Types of which there are any. Without HA, nothing tells where Kyvos Manager runs. */
export const sectionsOf = (types: ServiceCount[], ha: boolean): ServiceCount[] =>
  ORDER.flatMap((type) => types.filter((one) => one.type === type)).filter(
    ({ type, expected }) => expected > 0 && (ha || type !== 'kyvos_manager'),
  );

export interface Mark {
  words: string;
  tone: Tone;
}

/** Those that are down although they are to run; what nobody has looked at since loses its colour. */
export const downMark = ({ missing, stale }: ServiceCount): Mark => ({
  words: `${count(missing)} down`,
  tone: stale ? 'idle' : 'bad',
});

/** What else is to be known beside how many are up, the gravest first. */
export function marksOf(of: ServiceCount): Mark[] {
  const { stopped, behind } = tallyOfCount(of);
  const judged: [number, string, Tone][] = [
    [of.type === 'kyvos_manager' ? of.absent : 0, 'not seen', 'bad'],
    [of.degraded, 'degraded', 'warn'],
    [of.still_up, 'still up', 'warn'],
    [of.unknown, 'unknown', 'idle'],
  ];
  const set: [number, string, Tone][] = [
    [stopped, 'wanted stopped', 'idle'],
    [behind, 'with an older configuration', 'warn'],
  ];
  const shown = (all: [number, string, Tone][], stale: boolean): Mark[] =>
    all
      .filter(([many]) => many > 0)
      .map(([many, what, tone]) => ({ words: `${count(many)} ${what}`, tone: stale ? 'idle' : tone }));
  const stale: Mark[] = of.stale ? [{ words: 'Stale', tone: 'idle' }] : [];
  return [...stale, ...shown(judged, of.stale), ...shown(set, false)];
}

export interface Share {
  tone: Tone;
  many: number;
}

/** Those that are to run, by how they are, for the eye: of thousands one sees at once how many are not well. */
export function sharesOf(of: ServiceCount): Share[] {
  const { up, bad } = wellAndNot(of);
  const rest = Math.max(0, of.wanted_running - up - bad);
  // Of which the observers disagree is not told apart by what is wanted; it takes no more than is left.
  const warn = Math.min(rest, of.degraded);
  const shares: Share[] = [
    { tone: 'ok', many: up },
    { tone: 'warn', many: warn },
    { tone: 'idle', many: rest - warn },
    { tone: 'bad', many: bad },
  ];
  if (of.stale) return of.wanted_running > 0 ? [{ tone: 'idle', many: of.wanted_running }] : [];
  return shares.filter(({ many }) => many > 0);
}

function wellAndNot(of: ServiceCount): { up: number; bad: number } {
  return of.type === 'kyvos_manager'
    ? { up: of.present, bad: of.absent }
    : { up: of.up - of.still_up, bad: of.missing };
}

/** The host in the name of a service. */
export const hostOf = (id: string) => id.slice(id.indexOf('.') + 1);

/** How many are missing beyond those that are named. */
export const moreMissing = ({ missing, missing_first }: ServiceCount) => missing - missing_first.length;
