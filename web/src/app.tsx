// The map of the dashboard: which address shows which page. Each page is a file of its own, so that the first one is not held up
// by the others; but the two that are opened first.
import { type ComponentType, lazy, useState } from 'react';
import { createBrowserRouter, matchPath } from 'react-router';
import { NodesAndServicesPage } from './rooms/managers/NodesAndServicesPage';
import { Crashed, PageNotRead } from './shell/Crashed';
import { DashboardPage } from './shell/DashboardPage';
import { Login } from './shell/Login';
import { late } from './shell/late';
import { NotFound } from './shell/NotFound';
import { SignedIn } from './shell/Shell';

/** What is drawn once its file was read. If that was so before, nothing is waited for: what React shows of waiting stays for a third
 * of a second, however soon the file comes. */
function later<Name extends string>(name: Name, file: () => Promise<Record<Name, ComponentType>>) {
  let found: ComponentType | undefined;
  const read = async (): Promise<{ default: ComponentType }> => {
    found = (await file())[name];
    return { default: found };
  };
  const Awaited = lazy(() => read().catch((error: unknown) => Promise.reject(new PageNotRead(error))));
  return { read, element: <Drawn key={name} page={() => found ?? Awaited} /> };
}

/** It stays the same one for as long as it is drawn, and keeps what it knows. */
function Drawn({ page }: { page: () => ComponentType }) {
  const [Page] = useState(page);
  return <Page />;
}

/** Those that tell how a cluster stands, and are opened first as a rule: they come with the frame, so that nothing waits for a second
 * file. */
const FIRST = { '/': <DashboardPage />, '/nodes-and-services/:tab?': <NodesAndServicesPage /> };

const PAGES = {
  '/migrate-role': later('MigrateRolePage', () => import('./rooms/managers/migrate/MigrateRolePage')),
  '/utilities/logs': later('LogsPage', () => import('./rooms/logs/LogsPage')),
  '/operations': later('OperationsPage', () => import('./rooms/operations/OperationsPage')),
  '/operations/:id': later('OperationPage', () => import('./rooms/operations/OperationPage')),
  '/alerts/:tab?': later('AlertsPage', () => import('./rooms/alerts/AlertsPage')),
  '/audit': later('AuditPage', () => import('./rooms/audit/AuditPage')),
  '/settings/properties': later('PropertiesPage', () => import('./rooms/properties/PropertiesPage')),
  '/settings/users': later('UsersPage', () => import('./rooms/access/UsersPage')),
  '/settings/tokens': later('TokensPage', () => import('./rooms/access/TokensPage')),
  '/profile/password': later('ChangePasswordPage', () => import('./rooms/access/ChangePasswordPage')),
};

const AskedDialogs = late('AskedDialogs', () => import('./rooms/managers/AskedDialogs'));

const unread = () => undefined;

/** Reads the page of this address while it is still asked who is signed in. */
export async function readFirstPage(): Promise<void> {
  const first = Object.entries(PAGES).filter(([path]) => matchPath(path, location.pathname));
  await Promise.all(first.map(([, { read }]) => read().catch(unread)));
}

/** Reads the pages that were not shown yet, so that a Manager that dies, or is replaced by a newer one, takes none of them with it. */
export async function readAllPages(): Promise<void> {
  for (const { read } of Object.values(PAGES)) await read().catch(unread);
}

export const router = createBrowserRouter([
  { path: '/login', element: <Login /> },
  {
    element: <SignedIn dialogs={<AskedDialogs />} />,
    errorElement: <Crashed />,
    children: [
      ...Object.entries(FIRST).map(([path, element]) => ({ path, element })),
      ...Object.entries(PAGES).map(([path, { element }]) => ({ path, element })),
      { path: '*', element: <NotFound /> },
    ],
  },
]);
