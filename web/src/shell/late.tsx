// What is no part of a first view (a dialog, an open menu) stands in a file of its own. It is read at leisure, and drawn from then on.
import type { ComponentType } from 'react';
import { useReadAtLeisure } from './leisure';

const reads: (() => Promise<void>)[] = [];

/** The component of that name in such a file. Where it stands, nothing is drawn until the file was read. */
export function late<Name extends string, Props extends object>(
  name: Name,
  file: () => Promise<Record<Name, ComponentType<Props>>>,
): ComponentType<Props> {
  let found: ComponentType<Props> | undefined;
  const read = async () => {
    found = (await file())[name];
  };
  reads.push(read);
  // biome-ignore lint/correctness/noComponentHookFactories: called while files are read, once for each
  return function Late(props: Props) {
    useReadAtLeisure(read);
    const Found = found;
    return Found && <Found {...props} />;
  };
}

/** Reads all of them, so that a Manager that dies takes none of them with it. */
export async function readLate(): Promise<void> {
  await Promise.all(reads.map((read) => read()));
}
