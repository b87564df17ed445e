// The navigation: what exists now, by the names of requirements section 5.1.
import { NavLink, useLocation } from 'react-router';
import { Icon, type IconName } from './icons';
import classes from './Nav.module.css';

interface Entry {
  to: string;
  label: string;
  icon: IconName;
}

const MAIN: Entry[] = [
  { to: '/', label: 'Dashboard', icon: 'dashboard' },
  { to: '/nodes-and-services', label: 'Nodes and Services', icon: 'nodes' },
  { to: '/operations', label: 'Operations', icon: 'operations' },
  { to: '/alerts', label: 'Alerts', icon: 'bell' },
  { to: '/audit', label: 'Audit', icon: 'audit' },
  { to: '/migrate-role', label: 'Migrate role', icon: 'roles' },
];
const UTILITIES: Entry[] = [{ to: '/utilities/logs', label: 'Download Logs', icon: 'download' }];
const SETTINGS: Entry[] = [
  { to: '/settings/properties', label: 'Kyvos Manager Properties', icon: 'properties' },
  { to: '/settings/users', label: 'Users', icon: 'users' },
  { to: '/settings/tokens', label: 'Tokens', icon: 'key' },
];
const PROFILE: Entry[] = [{ to: '/profile/password', label: 'Change Password', icon: 'lock' }];

function Entries({ entries }: { entries: Entry[] }) {
  const { pathname } = useLocation();
  return entries.map(({ to, label, icon }) => {
    const active = to === '/' ? pathname === '/' : pathname.startsWith(to);
    return (
      <NavLink key={to} to={to} end={to === '/'} className={classes.item} data-active={active || undefined}>
        <Icon name={icon} size={17} />
        {label}
      </NavLink>
    );
  });
}

function Heading({ children }: { children: string }) {
  return <h2 className={classes.heading}>{children}</h2>;
}

export function Nav() {
  return (
    <nav aria-label="Main" className={classes.nav}>
      <Entries entries={MAIN} />
      <Heading>Utilities</Heading>
      <Entries entries={UTILITIES} />
      <Heading>Kyvos Manager Settings</Heading>
      <Entries entries={SETTINGS} />
      <Heading>User Profile</Heading>
      <Entries entries={PROFILE} />
    </nav>
  );
}
