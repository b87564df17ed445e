import { MantineProvider } from '@mantine/core';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { type Action, ActionMenu } from './ActionMenu';

const shown = (actions: Action[]) =>
  render(
    <MantineProvider env="test">
      <div id="content" />
      <ActionMenu actions={actions}>
        <button type="button">Actions for km1</button>
      </ActionMenu>
    </MantineProvider>,
  );

describe('a menu', () => {
  it('opens from a button that stays the same element, acts, and gives the focus back', async () => {
    const onAct = vi.fn();
    shown([{ label: 'Edit', icon: 'edit', onAct }]);
    const button = screen.getByRole('button');
    await userEvent.click(button);
    await userEvent.click(await screen.findByRole('menuitem', { name: 'Edit' }));
    expect(onAct).toHaveBeenCalledOnce();
    await waitFor(() => expect(screen.queryByRole('menu')).toBeNull());
    expect([screen.getByRole('button'), document.activeElement]).toEqual([button, button]);
  });

  it('goes by Escape, and by a second press of its button', async () => {
    shown([{ label: 'Edit', icon: 'edit', onAct: () => undefined }]);
    const button = screen.getByRole('button');
    for (const close of [() => userEvent.keyboard('{Escape}'), () => userEvent.click(button)]) {
      await userEvent.click(button);
      const menu = await screen.findByRole('menu');
      expect(menu.getAttribute('aria-labelledby')).toBe(button.id);
      expect(button.getAttribute('aria-controls')).toBe(menu.id);
      await close();
      await waitFor(() => expect(button.getAttribute('aria-expanded')).toBe('false'));
    }
  });

  it('leaves what is not possible findable, with its reason', async () => {
    const onAct = vi.fn();
    shown([{ label: 'Stop', icon: 'stop', whyNot: 'It is Active.', onAct }]);
    await userEvent.click(screen.getByRole('button'));
    await userEvent.click(await screen.findByRole('menuitem', { name: /It is Active/ }));
    expect(onAct).not.toHaveBeenCalled();
  });
});
