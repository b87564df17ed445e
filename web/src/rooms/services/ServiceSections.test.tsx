import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { describe, expect, it } from 'vitest';
import { keys, newQueryClient } from '../../live/queries';
import type { ServiceCount, ServiceWatch } from '../../live/types';
import { aCluster, aServiceCount } from '../../testing/samples';
import { ServiceSections } from './ServiceSections';

const watching: ServiceWatch = {
  state: 'watching',
  because: null,
  since: '2026-11-28T07:00:00Z',
  stale: false,
  stale_since: null,
  servers: [],
  serving: 0,
  warning: null,
  troubles: [],
  sightings: 2,
  undeclared: 0,
  undeclared_first: [],
  profile_verified: true,
};
const away: ServiceWatch = { ...watching, state: 'away', stale: true, stale_since: watching.since ?? null };

function show(types: ServiceCount[], watch: ServiceWatch = watching) {
  const queries = newQueryClient();
  const cluster = { state: 'running' as const, because: '', stale: false };
  queries.setQueryData(keys.cluster, aCluster());
  queries.setQueryData(keys.serviceCounts, { cluster, types });
  queries.setQueryData(keys.serviceWatch, watch);
  return render(
    <MantineProvider>
      <QueryClientProvider client={queries}>
        <MemoryRouter>
          <ServiceSections />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const two = { expected: 2, wanted_running: 2, up: 2 };
const section = (name: string) => within(screen.getByRole('region', { name }));
const linkOf = (link: HTMLElement) => link.getAttribute('href');

describe('the section of a type', () => {
  it('leads to its services, and says how many are up', () => {
    show([aServiceCount({ ...two, type: 'query_engine' })]);
    const engines = section('Query Engines');
    expect(linkOf(engines.getByRole('link'))).toBe('/nodes-and-services/services?type=query_engine');
    expect(engines.getByText('2/2 up').textContent).toBe('2/2 up, of those wanted running');
  });

  it('names those that are missing, each with the way to its evidence, and counts the rest', () => {
    const missing = ['query_engine.q1', 'query_engine.q2.site'];
    const down = { expected: 9, wanted_running: 9, up: 2, missing: 7, missing_first: missing };
    show([aServiceCount({ ...down, type: 'query_engine' })]);
    const engines = section('Query Engines');
    expect(engines.getByText('7 down')).toBeTruthy();
    const second = engines.getByRole('link', { name: 'Why is Query Engine on q2.site down?' });
    expect(linkOf(second)).toBe('/?do=why&service=query_engine.q2.site');
    expect(linkOf(engines.getByRole('link', { name: '5 more' }))).toBe(
      '/nodes-and-services/services?type=query_engine&show=look',
    );
  });

  it('says what to do while there is none', () => {
    show([]);
    expect(linkOf(screen.getByRole('link', { name: 'Nodes' }))).toBe('/nodes-and-services');
  });
});

// sections 2.3, 5.2: it is watched and shown, never decided
describe('the Coordination Master', () => {
  const master = aServiceCount({ ...two, coordination_master: 'bi_server.km2' });

  it('is named where it is one, with the way to what is known of it', () => {
    show([master]);
    const link = section('BI Servers').getByRole('link', { name: /^Why is BI Server on km2/ });
    expect(linkOf(link)).toBe('/?do=why&service=bi_server.km2');
    expect(screen.queryByText(/when last seen/)).toBeNull();
  });

  it('is who it was while nobody can look', () => {
    show([master], away);
    expect(screen.getByText(/when last seen/)).toBeTruthy();
  });

  it.each([
    ['is said to be missing', two, watching, true],
    ['is not missing to who cannot look', two, away, false],
    ['is not missing while the BI Servers rest', { expected: 2 }, watching, false],
  ])('%s', (_, change, watch, isSaid) => {
    show([aServiceCount(change)], watch);
    expect(screen.queryByText('No Coordination Master is seen.') !== null).toBe(isSaid);
  });
});
