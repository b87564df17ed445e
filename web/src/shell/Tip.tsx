// The words of a hint, beside what they are about. They come once the pointer rested there, and go with it or by Escape.
import { Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';

interface TipProps {
  label: string;
  target: HTMLElement;
  onEscape: () => void;
}

const RESTED_MS = 250;

export function Tip({ label, target, onEscape }: TipProps) {
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    const rested = setTimeout(() => setOpened(true), RESTED_MS);
    return () => clearTimeout(rested);
  }, []);
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => key === 'Escape' && onEscape();
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [onEscape]);
  return <Tooltip label={label} target={target} opened={opened} />;
}
