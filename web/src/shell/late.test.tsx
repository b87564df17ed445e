import { act, render } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { late, readLate } from './late';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const Dialog = ({ title }: { title: string }) => <p>{title}</p>;

describe('what is no part of a first view', () => {
  // row 49: the Manager of a page may die before all of it was read
  it('is drawn once its file was read, however often nobody answered', async () => {
    const file = vi.fn(() => Promise.resolve({ Dialog }));
    file.mockRejectedValueOnce(new TypeError('no answer'));
    const Late = late('Dialog', file);
    const { container } = render(<Late title="Add node" />);
    expect(container.textContent).toBe('');
    await act(() => vi.advanceTimersByTimeAsync(2000));
    expect(container.textContent).toBe('Add node');
  });

  it('is drawn at once where it was read before it was asked for', async () => {
    const Late = late('Dialog', () => Promise.resolve({ Dialog }));
    await readLate();
    expect(render(<Late title="Add node" />).container.textContent).toBe('Add node');
  });
});
