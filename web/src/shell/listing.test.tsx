import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { renderToString } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { LongList, PagedListing } from './listing';
import { ROWS_FIRST, ROWS_MAX } from './paging';

const rows = Array.from({ length: ROWS_MAX }, (_, at) => `row ${at}`);
const list = (
  <LongList rows={rows} noun="rows">
    {(shown) => shown.map(({ row }) => <p key={row}>{row}</p>)}
  </LongList>
);

describe('a long list', () => {
  // issue 6, point 8
  it('is drawn as far as a screen holds it first, and the rest of the page at once after', () => {
    expect(renderToString(list).match(/<p>/g)).toHaveLength(ROWS_FIRST);
    expect(render(list).container.querySelectorAll('p')).toHaveLength(ROWS_MAX);
  });
});

describe('a list that is read page by page', () => {
  const show = (pages: { items: string[]; kept_from?: number }[], hasNextPage: boolean) => {
    const query = {
      data: { pages },
      hasNextPage,
      isPending: false,
      isError: false,
      error: null,
      isFetchingNextPage: false,
      fetchNextPage: () => {},
    };
    return render(
      <MantineProvider env="test">
        <PagedListing query={query} empty={<p>nothing</p>}>
          {(items) => items.join()}
        </PagedListing>
      </MantineProvider>,
    );
  };

  it('says at its end from when on there is a past, and not before', () => {
    const { unmount } = show([{ items: ['a'], kept_from: 30 }], true);
    expect(screen.getByRole('button', { name: 'Load older' })).toBeTruthy();
    expect(screen.queryByText(/not kept any more/)).toBeNull();
    unmount();
    show(
      [
        { items: ['a'], kept_from: 30 },
        { items: [], kept_from: 40 },
      ],
      false,
    );
    expect(screen.getByText('Changes before index 40 are not kept any more.')).toBeTruthy();
  });

  it.each([0, undefined])('says nothing of it where all is kept (%s)', (kept_from) => {
    const page = kept_from === undefined ? { items: ['a'] } : { items: ['a'], kept_from };
    show([page], false);
    expect(screen.queryByText(/not kept any more/)).toBeNull();
  });
});
