// Where am I, who am I: the cluster, the instance that serves this page and its mode, the signed-in user.
import { UnstyledButton, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useNavigate } from 'react-router';
import { useConnection } from '../live/connection';
import { keys } from '../live/queries';
import { signOut, useCluster, useMe } from '../live/session';
import type { Cluster } from '../live/types';
import { Bell } from '../rooms/alerts/Bell';
import { ActionMenu } from './ActionMenu';
import { Hint } from './Hint';
import { Icon } from './icons';
import { nameOf } from './notices';
import classes from './TopBar.module.css';

const MODES: Record<Cluster['mode_here'], { word: string; className: string | undefined }> = {
  active: { word: 'Active', className: classes.active },
  passive: { word: 'Passive', className: classes.passive },
  no_quorum: { word: 'No quorum', className: classes.nobody },
};

function Here() {
  const cluster = useCluster().data;
  const { state } = useConnection();
  if (!cluster) return null;
  const mode = MODES[cluster.mode_here];
  return (
    <div className={classes.here}>
      <span className={classes.cluster}>{cluster.name}</span>
      <span className={classes.instance}>
        <span className={classes.label}>This instance</span> {nameOf(cluster, cluster.here)}
      </span>
      <span className={`${classes.mode} ${state === 'lost' ? classes.nobody : mode.className}`}>
        {state === 'lost' ? 'Not answering' : mode.word}
      </span>
    </div>
  );
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Hint label={`Switch to ${other}`}>
      <UnstyledButton
        className={classes.button ?? ''}
        aria-label={`Switch to ${other}`}
        onClick={() => setColorScheme(other)}
      >
        <Icon name={scheme === 'dark' ? 'sun' : 'moon'} size={17} />
      </UnstyledButton>
    </Hint>
  );
}

function UserMenu() {
  const me = useMe().data;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const leave = async () => {
    await signOut();
    queries.clear();
    queries.setQueryData(keys.me, null);
    navigate('/login');
  };
  return (
    <ActionMenu
      heading={`Role: ${me?.role}`}
      actions={[
        { label: 'Change Password', icon: 'lock', onAct: () => navigate('/profile/password') },
        { label: 'Sign out', icon: 'close', onAct: leave },
      ]}
    >
      <UnstyledButton className={classes.button ?? ''} aria-label={`User ${me?.username}`}>
        <Icon name="user" size={17} />
        <span className={classes.username}>{me?.username}</span>
      </UnstyledButton>
    </ActionMenu>
  );
}

export function TopBar({ burger }: { burger: ReactNode }) {
  return (
    <div className={classes.bar}>
      {burger}
      <img src="/favicon.svg" alt="" width={24} height={24} />
      <span className={classes.product}>Kyvos Manager</span>
      <Here />
      <div className={classes.right}>
        <Bell />
        <SchemeToggle />
        <UserMenu />
      </div>
    </div>
  );
}
