// The command that brings a further Manager in, ready to paste on its host. Pure.
import type { JoinRole } from '../../live/types';

export function joinCommand(server: string, token: string, role: JoinRole): string {
  const witness = role === 'witness' ? ' --role witness' : '';
  return `km join --server ${server} --token ${token}${witness}`;
}
