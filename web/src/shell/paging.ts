// A long list is drawn a page at a time: what nobody sees costs a browser as much as what somebody reads. Pure.

/** As many rows as a browser draws without a pause, and more than a screen holds. */
export const ROWS_MAX = 50;

/** As many as a screen holds: these are drawn first, and the rest of the page once they are seen. */
export const ROWS_FIRST = 20;

export interface Span {
  /** Which page it is, counted from 0. */
  page: number;
  pages: number;
  /** The first row of it, and the one after its last, counted from 0. */
  from: number;
  to: number;
}

/** What page `wanted` of so many rows holds; the last one, if there are fewer pages by now. */
export function spanOf(rows: number, wanted: number): Span {
  const pages = Math.max(1, Math.ceil(rows / ROWS_MAX));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  const from = page * ROWS_MAX;
  return { page, pages, from, to: Math.min(rows, from + ROWS_MAX) };
}

/** A row, and its place among all rows of its table: its head is the first, as assistive technology counts. */
export interface Placed<Row> {
  row: Row;
  place: number;
}

/** Those of a span, each with its place. */
export const placed = <Row>(rows: Row[], { from, to }: Span): Placed<Row>[] =>
  rows.slice(from, to).map((row, at) => ({ row, place: from + at + 2 }));
