import { describe, expect, it } from 'vitest';
import { aHost } from '../../testing/samples';
import { draftOf, EMPTY, transportOf, withPort, wrongWith } from './drafts';

const ssh = { ...EMPTY, name: 'bi1.example', kind: 'ssh', address: 'bi1.example' } as const;

describe('a host being registered', () => {
  it('gets the port of SSH where none was typed', () => {
    expect(withPort('bi1.example')).toBe('bi1.example:22');
    expect(withPort(' 10.0.0.4:2222 ')).toBe('10.0.0.4:2222');
    expect(withPort('[fd00::4]')).toBe('[fd00::4]:22');
    expect(withPort('[fd00::4]:2200')).toBe('[fd00::4]:2200');
  });

  it('says nothing of SSH when an agent is the way', () => {
    expect(transportOf({ ...ssh, kind: 'agent' })).toEqual({ kind: 'agent' });
    expect(transportOf(ssh)).toMatchObject({ kind: 'ssh', address: 'bi1.example:22', user: 'kyvos' });
  });

  it('names what is wrong, field by field', () => {
    expect(wrongWith(ssh)).toEqual({});
    expect(Object.keys(wrongWith({ ...ssh, name: ' ', address: '', user: '', program: 'km' }))).toEqual([
      'address',
      'user',
      'program',
      'name',
    ]);
    expect(wrongWith({ ...ssh, address: 'bi1:0' }).address).toMatch(/1 to 65535/);
    expect(wrongWith({ ...ssh, address: 'bi1:99999' }).address).toMatch(/1 to 65535/);
    expect(wrongWith({ ...EMPTY, name: 'km4' })).toEqual({});
  });

  it('begins with what the host is', () => {
    const host = aHost({ roles: ['postgres'] });
    expect(draftOf(host)).toMatchObject({ name: host.name, roles: ['postgres'], kind: 'agent' });
  });
});
