// Finding a node among a thousand. Pure.

/** What a node can be found by. */
export type Named = { alias: string } & ({ name: string } | { host: string });

const nameOf = (one: Named) => ('name' in one ? one.name : one.host);

/** Those whose name or alias has these letters. */
export function foundAmong<Node extends Named>(all: Node[], text: string): Node[] {
  const sought = text.trim().toLowerCase();
  return all.filter((one) => `${nameOf(one)}\n${one.alias}`.toLowerCase().includes(sought));
}
