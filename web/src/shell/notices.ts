// Which banners to show and in which order. Pure. The texts of requirements section 5.10 are contracts.
import type { Cluster, Notice } from '../live/types';
import type { Doing } from './doing';

export interface Banner extends Notice {
  /** What mends it, and how that is called. */
  remedy?: { doing: Doing; label: string } | undefined;
  /** The age of what is shown belongs behind this text. */
  explainsStaleness?: boolean;
}

interface Circumstances {
  lost: boolean;
  switched: boolean;
  /** It does not answer, and somebody had asked for its restart. */
  restarting: boolean;
}

const GRAVITY: Record<Notice['severity'], number> = { error: 0, warning: 1, info: 2 };

const LOST: Banner = {
  code: 'CONNECTION_LOST',
  severity: 'error',
  text: 'Connection to this Manager lost. Trying the others…',
  explainsStaleness: true,
};
const RESTARTING: Banner = {
  code: 'RESTARTING',
  severity: 'warning',
  text: 'Kyvos Manager is restarting…',
  explainsStaleness: true,
};
const NO_ACTIVE: Banner = {
  code: 'NO_ACTIVE',
  severity: 'error',
  text: 'No active Kyvos Manager. This instance is read-only. Retrying…',
  explainsStaleness: true,
};

const REMEDIES: Record<string, Banner['remedy']> = {
  NO_AUTOMATIC_FAILOVER: { doing: { do: 'add', role: 'witness' }, label: 'Add a witness' },
  DR_SCRIPT_PENDING: { doing: { do: 'push-dr-script' }, label: 'Push Disaster Recovery script' },
};

const withRemedy = (notice: Notice): Banner => ({ ...notice, remedy: REMEDIES[notice.code] });

export function nameOf(cluster: Cluster, id: number | null | undefined): string | undefined {
  const member = cluster.members.find((one) => one.id === id);
  return member && (member.alias || member.host);
}

/** Only an Active one is called the new active instance; arriving at a Passive says who is. */
function switchedBanner(cluster: Cluster): Banner | undefined {
  const here = nameOf(cluster, cluster.here);
  const active = nameOf(cluster, cluster.active);
  if (active === undefined) return undefined;
  const text =
    cluster.active === cluster.here
      ? `You were switched to ${here} (new active instance).`
      : `You were switched to ${here}. The active instance is ${active}.`;
  return { code: 'SWITCHED', severity: 'info', text };
}

export function bannersOf(
  cluster: Cluster | undefined,
  { lost, switched, restarting }: Circumstances,
): Banner[] {
  const own: (Banner | undefined)[] = [];
  const silent = lost || restarting;
  if (silent) own.push(restarting ? RESTARTING : LOST);
  if (cluster && cluster.active == null && !silent) own.push(NO_ACTIVE);
  if (cluster && switched) own.push(switchedBanner(cluster));
  const said = new Set(own.map((banner) => banner?.code));
  // Whether anybody is Active cannot be known from a Manager that does not answer.
  if (silent) said.add(NO_ACTIVE.code);
  const told = (cluster?.notices ?? []).filter((notice) => !said.has(notice.code)).map(withRemedy);
  return [...own.filter((banner) => banner !== undefined), ...told].sort(
    (a, b) => GRAVITY[a.severity] - GRAVITY[b.severity],
  );
}
