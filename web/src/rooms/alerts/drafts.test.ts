import { describe, expect, it } from 'vitest';
import type { AlertChannel } from '../../live/types';
import { bodyOf, draftOf, EMPTY, recipientsOf, wrongWith } from './drafts';

const CHANNEL: AlertChannel = {
  id: 812,
  name: 'ops',
  kind: 'email',
  minimum_severity: 'error',
  webhook: null,
  email: {
    server: 'mail.example:587',
    encryption: 'starttls',
    ca_pem: null,
    username: 'km',
    from: 'km@example.com',
    to: ['ops@example.com', 'boss@example.com'],
  },
  waiting: 0,
  told: 0,
  given_up: 0,
  failed_tries: 0,
  next_try_at: null,
  last_try: null,
  revision: 812,
};

const WEBHOOK = { ...EMPTY, name: 'pager', url: 'https://pager.example/hook', secret: 'x'.repeat(16) };

describe('a channel that is filled in', () => {
  it('is sent as one of the two kinds, without what was left empty', () => {
    expect(bodyOf(WEBHOOK)).toEqual({
      name: 'pager',
      minimum_severity: 'warning',
      webhook: { url: 'https://pager.example/hook', secret: 'x'.repeat(16) },
    });
    expect(bodyOf({ ...draftOf(CHANNEL), username: '' })).toEqual({
      name: 'ops',
      minimum_severity: 'error',
      email: {
        server: 'mail.example:587',
        encryption: 'starttls',
        from: 'km@example.com',
        to: ['ops@example.com', 'boss@example.com'],
      },
    });
  });

  it('takes addresses by line, comma or blank', () => {
    expect(recipientsOf(' a@b, c@d\n\ne@f;')).toEqual(['a@b', 'c@d', 'e@f']);
  });

  it('has nothing wrong with it when it is complete', () => {
    expect(wrongWith(WEBHOOK, undefined)).toEqual({});
    const before = draftOf(CHANNEL);
    expect(wrongWith(before, before)).toEqual({});
  });

  it('says what is missing, field by field', () => {
    expect(Object.keys(wrongWith(EMPTY, undefined))).toEqual(['url', 'secret', 'name']);
    const mail = wrongWith({ ...EMPTY, kind: 'email', to: 'nobody', ca: 'x' }, undefined);
    expect(Object.keys(mail)).toEqual(['server', 'from', 'to', 'name', 'ca']);
  });

  it('keeps a secret that is left empty, and a password only for its name and server', () => {
    expect(wrongWith({ ...WEBHOOK, secret: '' }, WEBHOOK)).toEqual({});
    const before = draftOf(CHANNEL);
    for (const other of [{ server: 'evil.example:587' }, { username: 'other' }])
      expect(wrongWith({ ...before, ...other }, before).password).toBeDefined();
  });

  it('does not send a password in the clear', () => {
    const before = draftOf(CHANNEL);
    expect(wrongWith({ ...before, encryption: 'none' }, before).encryption).toBeDefined();
  });
});
