import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import type { Blocker } from 'react-router';
import { describe, expect, it, vi } from 'vitest';
import { LeaveDialog } from './LeaveDialog';

function blocked() {
  const proceed = vi.fn();
  return { blocker: { state: 'blocked', proceed, reset: vi.fn() } as unknown as Blocker, proceed };
}

const dialog = (blocker: Blocker, count: number) => (
  <MantineProvider env="test">
    <LeaveDialog blocker={blocker} count={count} />
  </MantineProvider>
);

describe('who leaves with unsaved edits', () => {
  it('is asked, and told how many they are', () => {
    const { blocker, proceed } = blocked();
    render(dialog(blocker, 2));
    expect(screen.getByText('2 changes on this page are not saved.')).toBeTruthy();
    expect(proceed).not.toHaveBeenCalled();
  });

  it('is let go when they are saved before the answer', () => {
    const { blocker, proceed } = blocked();
    const { rerender } = render(dialog(blocker, 1));
    rerender(dialog(blocker, 0));
    expect(proceed).toHaveBeenCalledOnce();
  });
});
