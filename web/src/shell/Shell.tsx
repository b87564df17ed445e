// The frame around every page of a signed-in operator: top bar, navigation, banners, and the session itself.
import { Burger, Center, Loader } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { type ReactNode, Suspense, useEffect, useRef } from 'react';
import { Navigate, Outlet, useLocation } from 'react-router';
import { useConnection } from '../live/connection';
import { takeSwitchedMark } from '../live/failover';
import { Live } from '../live/Live';
import { useCluster, useMe } from '../live/session';
import { Banners } from './Banners';
import { LostPanel } from './LostPanel';
import { readLate } from './late';
import { useReadAtLeisure } from './leisure';
import { Nav } from './Nav';
import { nameOf } from './notices';
import { Rows } from './parts';
import { ServerSilent } from './ServerSilent';
import classes from './Shell.module.css';
import { TopBar } from './TopBar';

/** What stands at the right edge is held there by this name while a dialog takes the page's scrollbar away. */
const BESIDE_THE_SCROLLBAR = 'right-scroll-bar-position';

interface ShellProps {
  /** Those that an address of any page can ask for. */
  dialogs: ReactNode;
}

/** Lets nobody in who is not signed in, and brings them back to the same page afterwards. */
export function SignedIn({ dialogs }: ShellProps) {
  const me = useMe();
  const { pathname, search } = useLocation();
  if (me.isPending) return <Waiting />;
  if (me.data === null)
    return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />;
  if (me.data === undefined) return <ServerSilent error={me.error} onRetry={() => void me.refetch()} />;
  return (
    <Live>
      <Shell dialogs={dialogs} />
    </Live>
  );
}

function Waiting() {
  return (
    <Center mih="100vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}

/** Read once, before any page changes the address. */
const switchedHere = takeSwitchedMark(location, history);

/** Says when another instance takes over while this page is open. */
function useNewActiveTold() {
  const cluster = useCluster().data;
  const known = useRef<number>(undefined);
  const active = cluster?.active ?? undefined;
  const name = cluster && nameOf(cluster, active);
  useEffect(() => {
    if (active === undefined) return;
    if (known.current !== undefined && known.current !== active)
      notifications.show({ message: `${name} is now the active instance.` });
    known.current = active;
  }, [active, name]);
}

function Shell({ dialogs }: ShellProps) {
  useNewActiveTold();
  useReadAtLeisure(readLate);
  const [navOpen, nav] = useDisclosure(false);
  const { pathname } = useLocation();
  const lost = useConnection().state === 'lost';
  const closeNav = nav.close;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu of small screens
  useEffect(closeNav, [pathname]);
  return (
    <>
      <header className={`${classes.bar} ${BESIDE_THE_SCROLLBAR}`}>
        <a className="skip-link" href="#content">
          Skip to content
        </a>
        <TopBar
          burger={
            <Burger
              opened={navOpen}
              onClick={nav.toggle}
              hiddenFrom="md"
              size="sm"
              color="white"
              aria-label="Menu"
            />
          }
        />
      </header>
      <div className={classes.nav} data-open={navOpen || undefined}>
        <Nav />
      </div>
      <main id="content" tabIndex={-1} className={classes.main}>
        <Banners switched={switchedHere} />
        {dialogs}
        <div style={{ padding: '16px clamp(12px, 2vw, 28px) 48px', maxWidth: 1680 }}>
          {lost && <LostPanel />}
          <div className={lost ? 'stale' : undefined}>
            <Suspense fallback={<Rows />}>
              <Outlet />
            </Suspense>
          </div>
        </div>
      </main>
    </>
  );
}
