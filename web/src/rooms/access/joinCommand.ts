// The command that brings a further Manager in, ready to paste on its host. Pure. The token goes in the environment,
// because other users of a host can read command lines; it says itself where the group is and how to know it.
import type { JoinRole } from '../../live/types';

const CONFIG = '/etc/kyvos-manager/km.toml';

export function joinCommand(token: string, role: JoinRole): string {
  const witness = role === 'witness' ? ' --role witness' : '';
  return `KM_JOIN_TOKEN=${token} km join --config ${CONFIG}${witness}`;
}
