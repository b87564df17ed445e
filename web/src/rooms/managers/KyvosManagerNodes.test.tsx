import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { describe, expect, it } from 'vitest';
import { keys, newQueryClient } from '../../live/queries';
import type { Cluster, Manager } from '../../live/types';
import { aCluster, aManager } from '../../testing/samples';
import { KyvosManagerNodes } from './KyvosManagerNodes';

function show(cluster: Cluster, managers: Manager[]) {
  const queries = newQueryClient();
  queries.setQueryData(keys.cluster, cluster);
  queries.setQueryData(keys.managers, managers);
  return render(
    <MantineProvider>
      <QueryClientProvider client={queries}>
        <MemoryRouter>
          <KyvosManagerNodes />
        </MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const active = aManager({ id: 1, host: 'km1.example', alias: 'Blue', mode: 'active', here: true });
const witness = aManager({ id: 3, host: 'w1.example', alias: '', role: 'witness' });
const rowNames = () => screen.getAllByRole('rowheader').map((cell) => cell.textContent);

describe('the section "Kyvos Manager Nodes"', () => {
  // rows 26, 69: absent, not hidden
  it('does not exist while ENABLE_KM_HA is no', () => {
    const { container } = show(aCluster({ ha_enabled: false }), [active]);
    expect(container.querySelector('section, table, [data-manager]')).toBeNull();
  });

  // row 48
  it('shows the default instance alone when no other is added', () => {
    show(aCluster({ voters: [1], quorum: 1, failure_tolerance: 0 }), [active]);
    expect(rowNames()).toEqual(['km1.example10.0.0.2 · serves this page']);
    expect(screen.getByText('Active')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Action menu of Blue, Running' }).dataset.status).toBe('ok');
  });

  // section 3.3: a witness is no instance
  it('gives a witness a line of its own and no row', () => {
    const cluster = aCluster();
    Object.assign(cluster.members[2] ?? {}, { role: 'witness', host: 'w1.example' });
    show(cluster, [active, aManager(), witness]);
    expect(rowNames()).toHaveLength(2);
    expect(screen.getByText(/Quorum witness w1\.example/)).toBeTruthy();
  });

  // A4, section 5.2
  it('calls nobody Active while nobody is', () => {
    show(aCluster({ active: null }), [active, aManager()]);
    expect(screen.queryByText('Active')).toBeNull();
    expect(screen.getByText('No active instance (electing)')).toBeTruthy();
  });
});
