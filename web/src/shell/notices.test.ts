import { describe, expect, it } from 'vitest';
import { aCluster } from '../testing/samples';
import { bannersOf } from './notices';

const calm: Parameters<typeof bannersOf>[1] = { lost: false, switched: undefined, silentMs: 0 };
const codes = (...args: Parameters<typeof bannersOf>) => bannersOf(...args).map(({ code }) => code);

describe('banners', () => {
  it('a calm cluster has none', () => {
    expect(bannersOf(aCluster(), calm)).toEqual([]);
  });

  it('stand in order of gravity, whatever order the server sent them in', () => {
    const cluster = aCluster({
      notices: [
        { code: 'HINT', severity: 'info', text: 'i' },
        { code: 'NO_AUTOMATIC_FAILOVER', severity: 'warning', text: 'w' },
        { code: 'DISK_FULL', severity: 'error', text: 'e' },
      ],
    });
    expect(codes(cluster, calm)).toEqual(['DISK_FULL', 'NO_AUTOMATIC_FAILOVER', 'HINT']);
  });

  // section 5.10, banner 4
  it('say that there is no Active, once, in the words of the contract', () => {
    const text = 'No active Kyvos Manager. This instance is read-only. Retrying…';
    const cluster = aCluster({ active: null, notices: [{ code: 'NO_ACTIVE', severity: 'error', text }] });
    expect(bannersOf(cluster, calm).map((banner) => banner.text)).toEqual([text]);
  });

  it('a lost connection replaces what can no longer be known', () => {
    const cluster = aCluster({
      active: null,
      notices: [{ code: 'NO_ACTIVE', severity: 'error', text: 'x' }],
    });
    expect(codes(cluster, { ...calm, lost: true })).toEqual(['CONNECTION_LOST']);
  });

  // section 5.10, banner 5
  it('say of a silence that was announced that it is a restart, for two minutes', () => {
    const text = 'Kyvos Manager is restarting…';
    const cluster = aCluster({
      active: null,
      notices: [
        { code: 'NO_ACTIVE', severity: 'error', text: 'x' },
        { code: 'RESTARTING', severity: 'warning', text },
      ],
    });
    expect(bannersOf(cluster, calm).map((banner) => banner.text)).toEqual([text]);
    const silence = { ...calm, lost: true };
    expect(codes(cluster, { ...silence, silentMs: 30_000 })).toEqual(['RESTARTING']);
    expect(codes(cluster, { ...silence, silentMs: 130_000 })).toEqual(['CONNECTION_LOST']);
  });

  // section 5.10, banner 2
  it('lead from a group of two to a witness', () => {
    const notice = { code: 'NO_AUTOMATIC_FAILOVER', severity: 'warning', text: 'w' } as const;
    expect(bannersOf(aCluster({ notices: [notice] }), calm)[0]?.remedy).toEqual({
      doing: { do: 'add', role: 'witness' },
      label: 'Add a witness',
    });
  });

  // section 5.10, banner 1; row 28
  it('lead from enabled HA to the Disaster Recovery script', () => {
    const notice = { code: 'DR_SCRIPT_PENDING', severity: 'warning', text: 'w' } as const;
    expect(bannersOf(aCluster({ notices: [notice] }), calm)[0]?.remedy?.label).toBe(
      'Push Disaster Recovery script',
    );
  });

  // section 5.10, banner 6
  it('tell who the new active instance is after a switch', () => {
    const [banner] = bannersOf(aCluster({ here: 2, active: 2 }), { ...calm, switched: 'silent' });
    expect(banner?.text).toBe('You were switched to Green (new active instance).');
  });

  it('do not call a Passive the new active instance', () => {
    const [banner] = bannersOf(aCluster({ here: 2, active: 3 }), { ...calm, switched: 'silent' });
    expect(banner?.text).toBe('You were switched to Green. The active instance is km3.example.');
  });

  it('say that the one that served the page before was removed', () => {
    const [banner] = bannersOf(aCluster({ here: 2, active: 2 }), { ...calm, switched: 'removed' });
    expect(banner?.text).toBe(
      'You were switched to Green (new active instance). The instance that served this page was removed from the group.',
    );
  });

  it('wait with the switch until an Active is known', () => {
    expect(codes(aCluster({ here: 2, active: null }), { ...calm, switched: 'silent' })).toEqual([
      'NO_ACTIVE',
    ]);
  });
});
