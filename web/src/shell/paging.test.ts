import { describe, expect, it } from 'vitest';
import { placed, ROWS_MAX, spanOf } from './paging';

describe('a long list', () => {
  it('is drawn a page at a time, whole and without a row twice', () => {
    const rows = Array.from({ length: 5 * ROWS_MAX + 3 }, (_, row) => row);
    const { pages } = spanOf(rows.length, 0);
    expect(pages).toBe(6);
    const drawn = Array.from({ length: pages }, (_, page) => {
      const span = spanOf(rows.length, page);
      expect(span.to - span.from).toBeLessThanOrEqual(ROWS_MAX);
      return rows.slice(span.from, span.to);
    });
    expect(drawn.flat()).toEqual(rows);
  });

  it('that is short, or empty, has one page', () => {
    expect(spanOf(ROWS_MAX, 0)).toEqual({ page: 0, pages: 1, from: 0, to: ROWS_MAX });
    expect(spanOf(0, 0)).toEqual({ page: 0, pages: 1, from: 0, to: 0 });
  });

  it('shows its last page when it became shorter than what was shown', () => {
    expect(spanOf(ROWS_MAX + 1, 7)).toEqual({ page: 1, pages: 2, from: ROWS_MAX, to: ROWS_MAX + 1 });
    expect(spanOf(3, -1).page).toBe(0);
  });

  it('tells of each row which of all it is, after the head', () => {
    const rows = Array.from({ length: ROWS_MAX + 2 }, (_, row) => `row ${row}`);
    expect(placed(rows, spanOf(rows.length, 0))[0]).toEqual({ row: 'row 0', place: 2 });
    expect(placed(rows, spanOf(rows.length, 1))).toEqual([
      { row: `row ${ROWS_MAX}`, place: ROWS_MAX + 2 },
      { row: `row ${ROWS_MAX + 1}`, place: ROWS_MAX + 3 },
    ]);
  });
});
