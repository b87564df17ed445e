// What somebody fills in about a host: from a host to fields, from fields to what is sent, and what is wrong. Pure.
import type { Host, HostRole, HostTransport } from '../../live/types';

export interface HostDraft {
  name: string;
  roles: HostRole[];
  kind: 'agent' | 'ssh';
  address: string;
  user: string;
  program: string;
  config: string;
}

const SSH_PORT = 22;
const NAME_MAX = 253;
const PATH_MAX = 512;

export const EMPTY: HostDraft = {
  name: '',
  roles: [],
  kind: 'agent',
  address: '',
  user: 'kyvos',
  program: '/usr/bin/km',
  config: '/etc/km/agent.toml',
};

export function draftOf({ name, roles, transport }: Host): HostDraft {
  if (transport.kind === 'agent') return { ...EMPTY, name, roles, kind: 'agent' };
  const { address, user, program, config } = transport;
  return { name, roles, kind: 'ssh', address, user, program, config };
}

/** The address with its port: 22 where none was typed. A name, an IPv4 address, or [IPv6]. */
export function withPort(address: string): string {
  const typed = address.trim();
  const bare = /^\[[^\]]+\]$/.test(typed) || !typed.includes(':');
  return bare ? `${typed}:${SSH_PORT}` : typed;
}

export function transportOf(draft: HostDraft): HostTransport {
  if (draft.kind === 'agent') return { kind: 'agent' };
  const { user, program, config } = draft;
  return { kind: 'ssh', address: withPort(draft.address), user, program, config };
}

const PORT = /:(\d{1,5})$/;
const portOf = (address: string) => Number(PORT.exec(address)?.[1]);

type Wrong = Partial<Record<keyof HostDraft, string>>;

function wrongWithSsh({ address, user, program, config }: HostDraft): Wrong {
  const wrong: Wrong = {};
  if (address.trim() === '') wrong.address = 'Host and port of its SSH server.';
  else {
    const port = portOf(withPort(address));
    if (!(port >= 1 && port <= 65_535)) wrong.address = 'A port from 1 to 65535 belongs behind the colon.';
  }
  if (user.trim() === '') wrong.user = 'Who to sign in as.';
  if (!program.startsWith('/') || program.length > PATH_MAX) wrong.program = 'An absolute path.';
  if (!config.startsWith('/') || config.length > PATH_MAX) wrong.config = 'An absolute path.';
  return wrong;
}

/** What is wrong with a draft, by field; empty when nothing is. */
export function wrongWith(draft: HostDraft): Wrong {
  const wrong: Wrong = draft.kind === 'ssh' ? wrongWithSsh(draft) : {};
  if (draft.name.trim() === '') wrong.name = 'A host needs a name.';
  if (draft.name.trim().length > NAME_MAX) wrong.name = `At most ${NAME_MAX} characters.`;
  return wrong;
}
