// The slot under the top bar: what the whole group should know, the gravest first. The texts come from the server;
// only what no server can say (nobody Active here, connection lost, switched) is said in our words.
import { ActionIcon, Button } from '@mantine/core';
import { useState } from 'react';
import { localReadsKnownUntil } from '../live/client';
import { useNow } from '../live/clock';
import { lastHeardAt, useConnection } from '../live/connection';
import type { Parting } from '../live/failover';
import { useCluster } from '../live/session';
import type { Cluster } from '../live/types';
import classes from './Banners.module.css';
import { useDoing } from './doing';
import { duration } from './format';
import { Icon, type IconName } from './icons';
import { type Banner, bannersOf } from './notices';

const ICONS: Record<Banner['severity'], IconName> = { error: 'error', warning: 'warning', info: 'info' };

function BannerLine({
  banner,
  detail,
  onClose,
}: {
  banner: Banner;
  detail?: string | undefined;
  onClose?: () => void;
}) {
  const { open } = useDoing();
  return (
    <div className={`${classes.banner} ${classes[banner.severity]}`} data-code={banner.code}>
      <Icon name={ICONS[banner.severity]} size={17} />
      <span>
        <span className={classes.severity}>{banner.severity}: </span>
        {banner.text}
        {banner.remedy && (
          <Button
            size="compact-xs"
            variant="default"
            ml={8}
            onClick={() => banner.remedy && open(banner.remedy.doing)}
          >
            {banner.remedy.label}
          </Button>
        )}
        {detail && <span className={classes.detail}> {detail}</span>}
      </span>
      {onClose && (
        <ActionIcon variant="subtle" size="sm" color="gray" aria-label="Dismiss" onClick={onClose}>
          <Icon name="close" size={13} />
        </ActionIcon>
      )}
    </div>
  );
}

/** How old what we show is, while we cannot read it afresh. */
function useStaleness(): string | undefined {
  const now = useNow();
  const lost = useConnection().state === 'lost';
  const heardAt = lastHeardAt();
  if (lost && heardAt !== undefined) return `What is shown is ${duration(Date.now() - heardAt)} old.`;
  const knownUntil = localReadsKnownUntil();
  if (knownUntil !== undefined)
    return `Other pages show what this Manager knew ${duration(Math.max(0, now - knownUntil))} ago.`;
  return undefined;
}

/** `switched`: this page was opened because the Manager that served it before is gone. */
export function Banners({ switched }: { switched: Parting | undefined }) {
  const cluster: Cluster | undefined = useCluster().data;
  const heard = useConnection();
  const lost = heard.state === 'lost';
  const staleness = useStaleness();
  const [dismissed, setDismissed] = useState(false);
  const banners = bannersOf(cluster, {
    lost,
    switched: dismissed ? undefined : switched,
    silentMs: heard.lostAt === undefined ? 0 : Date.now() - heard.lostAt,
  });
  return (
    <section aria-label="Notices" aria-live="polite" className={classes.slot}>
      {banners.map((banner) => (
        <BannerLine
          key={banner.code}
          banner={banner}
          detail={banner.explainsStaleness ? staleness : undefined}
          {...(banner.code === 'SWITCHED' ? { onClose: () => setDismissed(true) } : {})}
        />
      ))}
    </section>
  );
}
