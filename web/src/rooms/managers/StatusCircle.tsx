// The status circle of a Manager: colour, glyph inside, and words for those who see neither.
import { forwardRef } from 'react';
import classes from './StatusCircle.module.css';
import type { Condition, Glyph } from './status';

const GLYPHS: Record<Glyph, string> = {
  check: 'M5 8.2 7.2 10.4 11 5.8',
  stop: 'M6 6h4v4H6z',
  cross: 'M5.5 5.5l5 5M10.5 5.5l-5 5',
  half: 'M8 4.5V8l2.5 1.5',
  question: 'M6.3 6.3a1.8 1.8 0 1 1 2.5 1.8c-.5.2-.8.5-.8 1M8 11.3h.01',
};

interface StatusCircleProps extends React.ComponentPropsWithoutRef<'button'> {
  condition: Condition;
  /** Whose circle it is. */
  of: string;
}

/** A button: it opens the Action menu of its row. */
export const StatusCircle = forwardRef<HTMLButtonElement, StatusCircleProps>(
  ({ condition, of, className, ...rest }, ref) => (
    <button
      ref={ref}
      type="button"
      className={`${classes.circle} ${classes[condition.tone]} ${className ?? ''}`}
      data-status={condition.tone}
      aria-label={`Action menu of ${of}, ${condition.word}`}
      title={condition.word}
      {...rest}
    >
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
        <path d={GLYPHS[condition.glyph]} />
      </svg>
    </button>
  ),
);
StatusCircle.displayName = 'StatusCircle';
