// The buttons of rows: plain elements, because a list has hundreds of them.
import type { ComponentProps } from 'react';
import { Icon } from './icons';
import classes from './RowButton.module.css';

/** A word. */
export function RowButton(props: ComponentProps<'button'>) {
  return <button type="button" className={classes.word} {...props} />;
}

/** A mark alone; its name says what it is. */
export function RowMark(props: ComponentProps<'button'> & { 'aria-label': string }) {
  return <button type="button" className={classes.mark} {...props} />;
}

/** What opens the menu of a row. */
export function RowDots(props: ComponentProps<'button'> & { 'aria-label': string }) {
  return (
    <RowMark {...props}>
      <Icon name="dots" />
    </RowMark>
  );
}
