import { render } from '@testing-library/react';
import { renderToString } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { LongList } from './listing';
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
