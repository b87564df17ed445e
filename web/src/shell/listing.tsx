// What every list has in common: the panel around it, what stands there while it has nothing to show, the head of its table,
// its older pages. It does not know what is listed.
import { Button, Title } from '@mantine/core';
import { type ReactNode, startTransition, useEffect, useId, useRef, useState } from 'react';
import { count, forgotten } from './format';
import { type Placed, placed, ROWS_FIRST, type Span, spanOf } from './paging';
import { GuardedButton, ProblemAlert, Rows } from './parts';

interface PanelProps {
  title: string;
  /** What stands beside the title. */
  beside?: ReactNode;
  /** What can be done, at the right. */
  actions?: ReactNode;
  /** A name for tests and styles. */
  section?: string;
  children: ReactNode;
}

export function Panel({ title, beside, actions, section, children }: PanelProps) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id} data-section={section}>
      <div className="panel-head">
        <Title order={2} id={id}>
          {title}
        </Title>
        {beside}
        {actions && <div className="panel-actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

interface Query {
  isPending: boolean;
  isError: boolean;
  error: unknown;
}

interface ListingProps<Item> {
  query: Query;
  items: Item[] | undefined;
  /** What stands there instead of an empty list. */
  empty: ReactNode;
  /** How many lines are hinted at while the first answer is awaited. */
  placeholders?: number;
  children: (items: Item[]) => ReactNode;
}

/** A list that failed to be read again stays on screen as it was. */
export function Listing<Item>({ query, items, empty, placeholders = 4, children }: ListingProps<Item>) {
  if (items !== undefined) return items.length === 0 ? empty : children(items);
  if (query.isPending) return <Rows count={placeholders} />;
  return query.isError && <ProblemAlert error={query.error} />;
}

interface PageRead<Item> {
  items: Item[];
  /** From which revision on there is a past; 0 for all there ever was. */
  kept_from?: number;
}

interface PagedQuery<Item> extends Query {
  data: { pages: PageRead<Item>[] } | undefined;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

interface PagedListingProps<Item> extends Omit<ListingProps<Item>, 'query' | 'items'> {
  query: PagedQuery<Item>;
}

export function PagedListing<Item>({ query, ...rest }: PagedListingProps<Item>) {
  const keptFrom = query.data?.pages.at(-1)?.kept_from ?? 0;
  return (
    <>
      <Listing query={query} items={query.data?.pages.flatMap(({ items }) => items)} {...rest} />
      {query.hasNextPage && (
        <div className="panel-foot">
          <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            Load older
          </Button>
        </div>
      )}
      {!query.hasNextPage && keptFrom > 0 && <div className="panel-foot">{forgotten(keptFrom)}</div>}
    </>
  );
}

interface PagesProps {
  span: Span;
  rows: number;
  /** What is listed, many of it. */
  noun: string;
  onPage: (page: number) => void;
}

function Pages({ span: { page, pages, from, to }, rows, noun, onPage }: PagesProps) {
  return (
    <nav className="panel-foot" aria-label={`Pages of ${noun}`}>
      <GuardedButton
        variant="default"
        whyNot={page === 0 ? 'This is the first page.' : undefined}
        onClick={() => onPage(page - 1)}
      >
        Previous
      </GuardedButton>
      <GuardedButton
        variant="default"
        whyNot={page + 1 === pages ? 'This is the last page.' : undefined}
        onClick={() => onPage(page + 1)}
      >
        Next
      </GuardedButton>
      <span aria-live="polite" data-pages>
        {count(from + 1)} to {count(to)} of {count(rows)} {noun}
      </span>
    </nav>
  );
}

interface LongListProps<Row> {
  rows: Row[];
  noun: string;
  /** What was sought: of something else the first page is shown. */
  sought?: string;
  children: (shown: Placed<Row>[]) => ReactNode;
}

/** A list of any length, a page of it at a time. Whoever turns the page begins to read at its top, with the keyboard too. */
export function LongList<Row>({ rows, noun, sought = '', children }: LongListProps<Row>) {
  const top = useRef<HTMLDivElement>(null);
  const [turned, setTurned] = useState({ page: 0, sought });
  const [seen, setSeen] = useState(false);
  useEffect(() => startTransition(() => setSeen(true)), []);
  const span = spanOf(rows.length, turned.sought === sought ? turned.page : 0);
  const turn = (page: number) => {
    setTurned({ page, sought });
    top.current?.focus();
    top.current?.scrollIntoView();
  };
  const shown = seen ? span : { ...span, to: Math.min(span.to, span.from + ROWS_FIRST) };
  return (
    <>
      <div ref={top} tabIndex={-1} className="page-top">
        {children(placed(rows, shown))}
      </div>
      {span.pages > 1 && <Pages span={span} rows={rows.length} noun={noun} onPage={turn} />}
    </>
  );
}

interface DataTableProps {
  label: string;
  /** How many rows there are in all, when not all of them are drawn. */
  rows?: number;
  /** An empty name is a column without a heading. */
  columns: readonly string[];
  /** Which of them hold numbers. */
  numbers?: readonly string[];
  /** Which of them hold marks, which stand in the middle. */
  middle?: readonly string[];
  children: ReactNode;
}

export function DataTable({ label, rows, columns, numbers = [], middle = [], children }: DataTableProps) {
  const alignment = (column: string) =>
    numbers.includes(column) ? 'number' : middle.includes(column) ? 'middle' : undefined;
  const head = (column: string) =>
    column === '' ? (
      <td key={column} />
    ) : (
      <th key={column} scope="col" className={alignment(column)}>
        {column}
      </th>
    );
  return (
    <div className="table-wrap">
      <table
        aria-label={label}
        className="marks-row"
        aria-rowcount={rows === undefined ? undefined : rows + 1}
      >
        <thead>
          <tr aria-rowindex={rows === undefined ? undefined : 1}>{columns.map(head)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** The cell that names its row. */
export function RowName({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <th scope="row" className={`row-name ${className ?? ''}`}>
      {children}
    </th>
  );
}
