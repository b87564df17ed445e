import { describe, expect, it } from 'vitest';
import { aHost, aManager } from '../../testing/samples';
import { instancesOf, linesOf } from './mapping';

// row 2
describe('what runs where', () => {
  const hosts = [
    aHost({ id: 1, name: 'km1', roles: ['web_portal', 'zookeeper'], manager: 1 }),
    aHost({ id: 2, name: 'bi1', roles: ['bi_server'] }),
  ];
  const managers = [aManager({ id: 1, host: 'km1' }), aManager({ id: 3, host: 'km3', alias: 'Berlin' })];

  it('is a line a host, with the Manager on it', () => {
    const lines = linesOf(hosts, [managers[0] as never]);
    expect(lines.map(({ host, manager }) => [host, manager?.id])).toEqual([
      ['km1', 1],
      ['bi1', undefined],
    ]);
  });

  it('does not hide a Manager whose host nobody registered', () => {
    const last = linesOf(hosts, managers).at(-1);
    expect(last).toMatchObject({ host: 'km3', alias: 'Berlin', registered: false, roles: [] });
  });

  // row 69
  it('counts Managers only where they are shown', () => {
    const lines = linesOf(hosts, managers);
    expect([instancesOf(lines, true), instancesOf(lines, false)]).toEqual([5, 3]);
  });
});
