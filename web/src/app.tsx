// The map of the dashboard: which address shows which page.
import { createBrowserRouter } from 'react-router';
import { ChangePasswordPage } from './rooms/access/ChangePasswordPage';
import { TokensPage } from './rooms/access/TokensPage';
import { UsersPage } from './rooms/access/UsersPage';
import { AuditPage } from './rooms/audit/AuditPage';
import { LogsPage } from './rooms/logs/LogsPage';
import { MigrateRolePage } from './rooms/managers/migrate/MigrateRolePage';
import { NodesAndServicesPage } from './rooms/managers/NodesAndServicesPage';
import { OperationPage } from './rooms/operations/OperationPage';
import { OperationsPage } from './rooms/operations/OperationsPage';
import { PropertiesPage } from './rooms/properties/PropertiesPage';
import { Crashed } from './shell/Crashed';
import { DashboardPage } from './shell/DashboardPage';
import { Login } from './shell/Login';
import { NotFound } from './shell/NotFound';
import { SignedIn } from './shell/Shell';

export const router = createBrowserRouter([
  { path: '/login', element: <Login /> },
  {
    element: <SignedIn />,
    errorElement: <Crashed />,
    children: [
      { path: '/', element: <DashboardPage /> },
      { path: '/nodes-and-services/:tab?', element: <NodesAndServicesPage /> },
      { path: '/migrate-role', element: <MigrateRolePage /> },
      { path: '/utilities/logs', element: <LogsPage /> },
      { path: '/operations', element: <OperationsPage /> },
      { path: '/operations/:id', element: <OperationPage /> },
      { path: '/audit', element: <AuditPage /> },
      { path: '/settings/properties', element: <PropertiesPage /> },
      { path: '/settings/users', element: <UsersPage /> },
      { path: '/settings/tokens', element: <TokensPage /> },
      { path: '/profile/password', element: <ChangePasswordPage /> },
      { path: '*', element: <NotFound /> },
    ],
  },
]);
