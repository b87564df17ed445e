// Where a Manager or a witness may come: every host, those that may not with their reason. Pure.
import type { EligibleHost, Host } from '../../../live/types';

export type Kind = 'manager' | 'witness';

export interface Choice {
  host: string;
  whyNot: string | undefined;
}

/** A Manager needs the Web Portal and more, which the group judges. A witness may be anywhere where no Manager is. */
export function choicesOf(kind: Kind, eligible: EligibleHost[], hosts: Host[]): Choice[] {
  if (kind === 'manager')
    return eligible.map(({ host, eligible: may, because }) => ({
      host,
      whyNot: may ? undefined : (because ?? 'Not possible now.'),
    }));
  return hosts.map(({ name, manager }) => ({
    host: name,
    whyNot: manager == null ? undefined : 'A Kyvos Manager or a witness is there already.',
  }));
}

/** The possible ones first, each in the order of their names. */
export function inOrder(choices: Choice[]): Choice[] {
  const rank = ({ whyNot }: Choice) => (whyNot === undefined ? 0 : 1);
  return [...choices].sort((a, b) => rank(a) - rank(b) || a.host.localeCompare(b.host));
}

/** Why nobody can be added at all, or undefined. */
export const nowhere = (choices: Choice[]): string | undefined => {
  if (choices.some(({ whyNot }) => whyNot === undefined)) return undefined;
  const [first] = choices;
  if (first === undefined) return 'No node is registered. Add one on Nodes and Services.';
  return choices.length === 1 ? first.whyNot : `No host is eligible: ${first.host}: ${first.whyNot}`;
};
