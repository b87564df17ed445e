// The group in one look: the Active in the middle, a line to every other member that says how far behind or how long
// silent it is. Drawn for the eye; a sentence says the same to those who listen.
import { useCluster } from '../../live/session';
import type { Cluster, ClusterMember, Manager } from '../../live/types';
import { duration, plural } from '../../shell/format';
import classes from './GroupPicture.module.css';
import { HEIGHT, type Point, placesOf, WIDTH } from './layout';
import { useManagers } from './queries';
import { displayName } from './status';

const SILENT_MS = 1_000;
const NAME_MAX = 20;

type Link = 'well' | 'behind' | 'silent';

interface Seen {
  member: ClusterMember;
  behind: number;
  link: Link;
  words: string;
}

function see(member: ClusterMember, manager: Manager | undefined, here: number): Seen {
  const behind = manager?.lag ?? 0;
  const reachable = member.reachable || member.id === here;
  if (!reachable) {
    const since =
      member.last_contact_ms == null ? 'never heard' : `silent for ${duration(member.last_contact_ms)}`;
    return { member, behind, link: 'silent', words: since };
  }
  if (behind > 0)
    return { member, behind, link: 'behind', words: `${plural(behind, 'entry', 'entries')} behind` };
  const slow = (member.last_contact_ms ?? 0) > SILENT_MS;
  return { member, behind, link: 'well', words: slow ? duration(member.last_contact_ms ?? 0) : 'in step' };
}

const short = (name: string) => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);

function Line({ from, to, seen }: { from: Point; to: Point; seen: Seen }) {
  return (
    <>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} className={`${classes.link} ${classes[seen.link]}`} />
      <text
        x={(2 * from.x + 3 * to.x) / 5}
        y={(2 * from.y + 3 * to.y) / 5 + 4}
        className={classes.label}
        textAnchor="middle"
      >
        {seen.words}
      </text>
    </>
  );
}

function Member({ at, seen, active, here }: { at: Point; seen: Seen; active: boolean; here: boolean }) {
  const kind = seen.link === 'silent' ? classes.gone : active ? classes.active : classes.passive;
  const role =
    seen.link === 'silent'
      ? 'No contact'
      : active
        ? 'Active'
        : seen.member.role === 'witness'
          ? 'Quorum witness'
          : 'Passive';
  const radius = active ? 25 : 20;
  return (
    <g transform={`translate(${at.x} ${at.y})`}>
      {here && <circle r={radius + 5} className={classes.here} />}
      {seen.member.role === 'witness' ? (
        <rect x={-14} y={-14} width={28} height={28} transform="rotate(45)" className={kind} />
      ) : (
        <circle r={radius} className={kind} />
      )}
      <text className={classes.number} textAnchor="middle" dy="0.36em">
        {seen.link === 'silent' ? '×' : seen.member.id}
      </text>
      <text className={classes.name} textAnchor="middle" y={active ? -radius - 23 : radius + 18}>
        {short(displayName(seen.member))}
      </text>
      <text className={classes.role} textAnchor="middle" y={active ? -radius - 8 : radius + 33}>
        {role}
        {here ? ' · this one' : ''}
      </text>
    </g>
  );
}

/** The picture as a sentence. */
export function inWords(cluster: Cluster, seen: Seen[]): string {
  const active = seen.find(({ member }) => member.id === cluster.active);
  const head = active ? `${displayName(active.member)} is Active.` : 'No active instance (electing).';
  const rest = seen.filter((one) => one !== active).map((one) => `${displayName(one.member)}: ${one.words}.`);
  return [head, ...rest].join(' ');
}

export function GroupPicture() {
  const cluster = useCluster().data;
  const managers = useManagers().data;
  if (!cluster) return null;
  const seen = cluster.members.map((member) =>
    see(
      member,
      managers?.find((manager) => manager.id === member.id),
      cluster.here,
    ),
  );
  const places = placesOf(
    seen.map(({ member }) => member.id),
    cluster.active ?? undefined,
  );
  const middle = cluster.active == null ? undefined : places.get(cluster.active);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className={classes.picture}
      role="img"
      aria-label={inWords(cluster, seen)}
    >
      {middle === undefined && (
        <text x={WIDTH / 2} y={44} textAnchor="middle" className={classes.nobody}>
          No active instance (electing)
        </text>
      )}
      {seen.map((one) => {
        const at = places.get(one.member.id);
        const isMiddle = one.member.id === cluster.active;
        return middle && at && !isMiddle && <Line key={one.member.id} from={middle} to={at} seen={one} />;
      })}
      {seen.map((one) => {
        const at = places.get(one.member.id);
        const active = one.member.id === cluster.active;
        return (
          at && (
            <Member
              key={one.member.id}
              at={at}
              seen={one}
              active={active}
              here={one.member.id === cluster.here}
            />
          )
        );
      })}
    </svg>
  );
}
