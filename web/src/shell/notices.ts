// Which banners to show and in which order. Pure. The texts of requirements section 5.10 are contracts.
import type { Parting } from '../live/failover';
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
  /** Why this page was switched to; undefined when it was not. */
  switched: Parting | undefined;
  /** How long nothing has been heard of it; 0 while it is heard. */
  silentMs: number;
}

/** A silence that was announced and takes longer than this is no restart any more. */
const RESTART_MAX_MS = 120_000;
const GRAVITY: Record<Notice['severity'], number> = { error: 0, warning: 1, info: 2 };

const LOST: Banner = {
  code: 'CONNECTION_LOST',
  severity: 'error',
  text: 'Connection to this Manager lost. Trying the others…',
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

const asBanner = (notice: Notice): Banner => ({
  ...notice,
  remedy: REMEDIES[notice.code],
  explainsStaleness: notice.code === 'RESTARTING',
});

export function nameOf(cluster: Cluster, id: number | null | undefined): string | undefined {
  const member = cluster.members.find((one) => one.id === id);
  return member && (member.alias || member.host);
}

/** Only an Active one is called the new active instance; arriving at a Passive says who is. */
function switchedBanner(cluster: Cluster, why: Parting): Banner | undefined {
  const here = nameOf(cluster, cluster.here);
  const active = nameOf(cluster, cluster.active);
  if (active === undefined) return undefined;
  const text =
    cluster.active === cluster.here
      ? `You were switched to ${here} (new active instance).`
      : `You were switched to ${here}. The active instance is ${active}.`;
  const removed = why === 'removed' ? ' The instance that served this page was removed from the group.' : '';
  return { code: 'SWITCHED', severity: 'info', text: text + removed };
}

/** Of the group's notices, those that still hold: the last word of a Manager that restarts explains its silence. */
function heldNotices(cluster: Cluster | undefined, silentMs: number): Notice[] {
  const notices = cluster?.notices ?? [];
  return silentMs < RESTART_MAX_MS ? notices : notices.filter(({ code }) => code !== 'RESTARTING');
}

export function bannersOf(
  cluster: Cluster | undefined,
  { lost, switched, silentMs }: Circumstances,
): Banner[] {
  const notices = heldNotices(cluster, silentMs);
  const restarting = notices.some(({ code }) => code === 'RESTARTING');
  // Whether anybody is Active cannot be known from a Manager that does not answer, and need not worry one that restarts.
  const unknown = lost || restarting;
  const own: (Banner | undefined)[] = [];
  if (lost && !restarting) own.push(LOST);
  if (cluster && cluster.active == null && !unknown) own.push(NO_ACTIVE);
  if (cluster && switched) own.push(switchedBanner(cluster, switched));
  const said = new Set(own.map((banner) => banner?.code));
  if (unknown) said.add(NO_ACTIVE.code);
  const told = notices.filter((notice) => !said.has(notice.code)).map(asBanner);
  return [...own.filter((banner) => banner !== undefined), ...told].sort(
    (a, b) => GRAVITY[a.severity] - GRAVITY[b.severity],
  );
}
