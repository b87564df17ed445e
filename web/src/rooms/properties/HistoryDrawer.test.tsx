import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newQueryClient } from '../../live/queries';
import type { Property } from '../../live/types';
import { HistoryDrawer } from './HistoryDrawer';

const property = { file: 'custom', name: 'greeting', value: 'hello', revision: 57 } as Property;
const change = { revision: 57, at: '2026-11-30T03:00:00.000Z', by: 'admin', action: 'set', value: 'hello' };

/** The drawer as it is with what a Manager tells of the property's past. */
function open(items: object[], kept_from: number) {
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json({ items, kept_from }));
  render(
    <QueryClientProvider client={newQueryClient()}>
      <MantineProvider env="test">
        <HistoryDrawer property={property} whyNot={undefined} onClose={() => {}} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

describe('the history of a property', () => {
  afterEach(() => vi.restoreAllMocks());

  it('says from when on it is kept, below what there is', async () => {
    open([change], 40);
    expect(await screen.findByText('Changes before index 40 are not kept any more.')).toBeTruthy();
    expect(screen.getByText('admin')).toBeTruthy();
  });

  it('says so as well where nothing is left, and never that nothing was changed', async () => {
    open([], 40);
    expect(await screen.findByText('Not changed lately')).toBeTruthy();
    expect(screen.queryByText('Never changed')).toBeNull();
  });

  it('says nothing of it where all there ever was is kept', async () => {
    open([change], 0);
    expect(await screen.findByText('admin')).toBeTruthy();
    expect(screen.queryByText(/not kept any more/)).toBeNull();
  });
});
