// Words about what the pointer rests on. They repeat what assistive technology is told in another way, and are made only then.
import { cloneElement, type PointerEvent, type ReactElement, useState } from 'react';
import { late } from './late';

const Tip = late('Tip', () => import('./Tip'));

interface HintProps {
  /** Without one there is nothing to say. */
  label: string | undefined;
  children: ReactElement<object>;
}

export function Hint({ label, children }: HintProps) {
  const [under, setUnder] = useState<HTMLElement>();
  const leave = () => setUnder(undefined);
  const pointed = {
    onPointerEnter: ({ pointerType, currentTarget }: PointerEvent<HTMLElement>) =>
      pointerType === 'mouse' && setUnder(currentTarget),
    onPointerLeave: leave,
    onPointerDown: leave,
  };
  return (
    <>
      {cloneElement(children, pointed)}
      {label !== undefined && under && <Tip label={label} target={under} onEscape={leave} />}
    </>
  );
}
