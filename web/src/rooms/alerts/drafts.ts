// What somebody fills in about a channel: from a channel to fields, from fields to what is sent, and what is wrong. Pure.
import type { AlertChannel, AlertSeverity, ChannelInput, MailEncryption } from '../../live/types';

export interface ChannelDraft {
  name: string;
  kind: 'webhook' | 'email';
  minimum: AlertSeverity;
  ca: string;
  url: string;
  secret: string;
  server: string;
  encryption: MailEncryption;
  username: string;
  password: string;
  from: string;
  /** One address a line, or with commas. */
  to: string;
}

export const SEVERITIES: AlertSeverity[] = ['info', 'warning', 'error'];
export const ENCRYPTIONS: { value: MailEncryption; label: string }[] = [
  { value: 'starttls', label: 'STARTTLS: nothing is told before it is encrypted' },
  { value: 'tls', label: 'TLS from the first byte' },
  { value: 'none', label: 'None: for a relay on the host itself' },
];
const SECRET_MIN = 16;
const RECIPIENTS_MAX = 16;

export const EMPTY: ChannelDraft = {
  name: '',
  kind: 'webhook',
  minimum: 'warning',
  ca: '',
  url: '',
  secret: '',
  server: '',
  encryption: 'starttls',
  username: '',
  password: '',
  from: '',
  to: '',
};

export function draftOf({ name, minimum_severity: minimum, webhook, email }: AlertChannel): ChannelDraft {
  const common = { ...EMPTY, name, minimum, ca: webhook?.ca_pem ?? email?.ca_pem ?? '' };
  if (webhook) return { ...common, kind: 'webhook', url: webhook.url };
  if (!email) return common;
  const { server, encryption, from } = email;
  const username = email.username ?? '';
  return { ...common, kind: 'email', server, encryption, username, from, to: email.to.join('\n') };
}

export const recipientsOf = (to: string): string[] =>
  to
    .split(/[\s,;]+/)
    .map((address) => address.trim())
    .filter((address) => address !== '');

/** What is left out stays as it was: secrets are never shown, so they cannot be sent back. */
const given = <Name extends string>(name: Name, value: string) =>
  value === '' ? {} : ({ [name]: value } as Record<Name, string>);

export function bodyOf(draft: ChannelDraft): ChannelInput {
  const common = { name: draft.name.trim(), minimum_severity: draft.minimum };
  const ca = given('ca_pem', draft.ca.trim() === '' ? '' : draft.ca);
  if (draft.kind === 'webhook')
    return { ...common, webhook: { url: draft.url.trim(), ...ca, ...given('secret', draft.secret) } };
  const login = { ...given('username', draft.username.trim()), ...given('password', draft.password) };
  const { encryption } = draft;
  const mail = { server: draft.server.trim(), encryption, from: draft.from.trim() };
  return { ...common, email: { ...mail, ...ca, ...login, to: recipientsOf(draft.to) } };
}

type Wrong = Partial<Record<keyof ChannelDraft, string>>;

const ADDRESS = /^[^\s@,<>]+@[^\s@,<>]+$/;

function wrongWithWebhook({ url, secret }: ChannelDraft, before: ChannelDraft | undefined): Wrong {
  const wrong: Wrong = {};
  if (!/^https?:\/\/[^/\s@]+/.test(url.trim())) wrong.url = 'A URL that begins with https:// or http://.';
  const kept = before?.kind === 'webhook' && secret === '';
  if (!kept && secret.length < SECRET_MIN) wrong.secret = `A secret of ${SECRET_MIN} characters or more.`;
  return wrong;
}

/** A password belongs to its name and its server. */
function keepsPassword(draft: ChannelDraft, before: ChannelDraft | undefined): boolean {
  const same = before?.username === draft.username.trim() && before?.server === draft.server.trim();
  return before?.kind === 'email' && same && before.username !== '';
}

function wrongWithMail(draft: ChannelDraft, before: ChannelDraft | undefined): Wrong {
  const wrong: Wrong = {};
  const { server, username, password, encryption, from, to } = draft;
  if (!/^\S+:\d{1,5}$/.test(server.trim()))
    wrong.server = 'The server with its port, such as mail.example:587.';
  if (username.trim() !== '' && password === '' && !keepsPassword(draft, before))
    wrong.password = 'Another name or server needs its own password.';
  if (username.trim() !== '' && encryption === 'none')
    wrong.encryption = 'A password is not sent in the clear.';
  if (!ADDRESS.test(from.trim())) wrong.from = 'The address that writes.';
  const recipients = recipientsOf(to);
  if (recipients.length === 0 || recipients.length > RECIPIENTS_MAX)
    wrong.to = `1 to ${RECIPIENTS_MAX} addresses.`;
  const bad = recipients.find((address) => !ADDRESS.test(address));
  if (bad) wrong.to = `${bad} is no address.`;
  return wrong;
}

/** What is wrong with a draft, by field; empty when nothing is. `before`: the channel as it is now. */
export function wrongWith(draft: ChannelDraft, before: ChannelDraft | undefined): Wrong {
  const wrong = draft.kind === 'webhook' ? wrongWithWebhook(draft, before) : wrongWithMail(draft, before);
  if (draft.name.trim() === '') wrong.name = 'A channel needs a name.';
  if (draft.ca.trim() !== '' && !draft.ca.includes('-----BEGIN CERTIFICATE-----'))
    wrong.ca = 'A certificate in PEM form.';
  return wrong;
}
