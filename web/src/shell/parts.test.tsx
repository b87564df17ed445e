import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { GuardedButton } from './parts';

const button = (whyNot: string | undefined, onClick: () => void) => (
  <MantineProvider>
    <GuardedButton whyNot={whyNot} onClick={onClick}>
      Save
    </GuardedButton>
  </MantineProvider>
);

describe('a guarded button', () => {
  it('stays the same element when the reason comes and goes, so that no click and no focus is lost', () => {
    const { rerender } = render(button(undefined, () => undefined));
    const before = screen.getByRole('button');
    before.focus();
    rerender(button('Nobody is Active.', () => undefined));
    expect(screen.getByRole('button')).toBe(before);
    expect(document.activeElement).toBe(before);
  });

  it('does nothing while there is a reason, and says it', async () => {
    const act = vi.fn();
    const { rerender } = render(button('Nobody is Active.', act));
    await userEvent.click(screen.getByRole('button', { description: 'Nobody is Active.' }));
    expect(act).not.toHaveBeenCalled();
    rerender(button(undefined, act));
    await userEvent.click(screen.getByRole('button'));
    expect(act).toHaveBeenCalledOnce();
  });
});
