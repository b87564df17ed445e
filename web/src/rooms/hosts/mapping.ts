// What runs where: hosts down, roles across. Pure. A Kyvos Manager whose host nobody registered has its line as well:
// what is not written down is not left out.
import type { Host, HostRole, Manager } from '../../live/types';

export interface Line {
  host: string;
  alias: string;
  /** False: known only from the Kyvos Manager on it. */
  registered: boolean;
  roles: HostRole[];
  manager: Manager | undefined;
}

export function linesOf(hosts: Host[], managers: Manager[]): Line[] {
  const on = (host: Host) => managers.find(({ id, host: name }) => id === host.manager || name === host.name);
  const lines = hosts.map((host) => ({
    host: host.name,
    alias: host.alias,
    registered: true,
    roles: host.roles,
    manager: on(host),
  }));
  const placed = new Set(lines.map(({ manager }) => manager?.id));
  const others = managers.filter(({ id }) => !placed.has(id));
  return [
    ...lines,
    ...others.map((manager) => ({
      host: manager.host,
      alias: manager.alias,
      registered: false,
      roles: [],
      manager,
    })),
  ];
}

/** How many role instances the lines show; Managers only where they are shown. */
export function instancesOf(lines: Line[], withManagers: boolean): number {
  const managers = withManagers ? lines.filter(({ manager }) => manager !== undefined).length : 0;
  return lines.reduce((sum, { roles }) => sum + roles.length, managers);
}
