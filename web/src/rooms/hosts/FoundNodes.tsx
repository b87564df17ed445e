// Nodes of any number, and the field with which one is found.
import { TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Icon } from '../../shell/icons';
import { LongList } from '../../shell/listing';
import type { Placed } from '../../shell/paging';
import { Empty } from '../../shell/parts';
import { foundAmong, type Named } from './finding';

interface FoundNodesProps<Node> {
  nodes: Node[];
  /** Draws those of a page, of so many that were found. */
  children: (shown: Placed<Node>[], found: number) => ReactNode;
}

export function FoundNodes<Node extends Named>({ nodes, children }: FoundNodesProps<Node>) {
  const [text, setText] = useState('');
  const found = foundAmong(nodes, text);
  return (
    <>
      <TextInput
        size="xs"
        px={14}
        py={8}
        maw={280}
        aria-label="Find a node"
        placeholder="Name or alias"
        leftSection={<Icon name="search" size={13} />}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
      />
      {found.length === 0 && <Empty title="No node is called that" />}
      {found.length > 0 && (
        <LongList rows={found} noun="nodes" sought={text}>
          {(shown) => children(shown, found.length)}
        </LongList>
      )}
    </>
  );
}
