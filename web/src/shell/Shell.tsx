// The frame around every page of a signed-in operator: top bar, navigation, banners, and the session itself.
import { AppShell, Burger, Center, Loader } from '@mantine/core';
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
import { useReadAtLeisure } from './leisure';
import { Nav } from './Nav';
import { nameOf } from './notices';
import { Rows } from './parts';
import { ServerSilent } from './ServerSilent';
import { TopBar } from './TopBar';

interface ShellProps {
  /** Those that an address of any page can ask for, and how their file is read. */
  dialogs: { read: () => Promise<unknown>; element: ReactNode };
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
  const dialogsAreRead = useReadAtLeisure(dialogs.read);
  const [navOpen, nav] = useDisclosure(false);
  const { pathname } = useLocation();
  const lost = useConnection().state === 'lost';
  const closeNav = nav.close;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu of small screens
  useEffect(closeNav, [pathname]);
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 246, breakpoint: 'md', collapsed: { mobile: !navOpen } }}
    >
      <AppShell.Header withBorder={false}>
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
      </AppShell.Header>
      <AppShell.Navbar>
        <Nav />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} bg="var(--km-page)" style={{ outline: 'none' }}>
        <Banners switched={switchedHere} />
        {dialogsAreRead && dialogs.element}
        <div style={{ padding: '16px clamp(12px, 2vw, 28px) 48px', maxWidth: 1680 }}>
          {lost && <LostPanel />}
          <div className={lost ? 'stale' : undefined}>
            <Suspense fallback={<Rows />}>
              <Outlet />
            </Suspense>
          </div>
        </div>
      </AppShell.Main>
    </AppShell>
  );
}
