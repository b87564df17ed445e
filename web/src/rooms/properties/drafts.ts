// Edits not saved yet. A draft remembers the revision it was made on; when the property has moved since, that is a
// conflict, whether we saw it live or were told by 412. Pure: nothing here knows React or the server.
import type { Property } from '../../live/types';
import { valueProblem } from './validate';

export interface Draft {
  file: string;
  name: string;
  /** undefined: back to the default. */
  value: string | undefined;
  base: { revision: number; value: string };
}

export type Drafts = ReadonlyMap<string, Draft>;

export interface Conflict {
  by: string;
  revision: number;
  before: string;
  theirs: string;
}

export const keyOf = ({ file, name }: Pick<Property, 'file' | 'name'>) => `${file}/${name}`;

/** The drafts with this property edited to `value` (undefined: reset). Typing the current value again drops the draft. */
export function edited(drafts: Drafts, property: Property, value: string | undefined): Drafts {
  const next = new Map(drafts);
  const key = keyOf(property);
  const base = drafts.get(key)?.base ?? { revision: property.revision, value: property.value };
  const same = value === undefined ? property.is_default : value === base.value;
  if (same && base.revision === property.revision) next.delete(key);
  else next.set(key, { file: property.file, name: property.name, value, base });
  return next;
}

export function without(drafts: Drafts, key: string): Drafts {
  const next = new Map(drafts);
  next.delete(key);
  return next;
}

/** Keeps my value, now knowing theirs. */
export function rebased(drafts: Drafts, property: Property): Drafts {
  const draft = drafts.get(keyOf(property));
  if (!draft) return drafts;
  const base = { revision: property.revision, value: property.value };
  return new Map(drafts).set(keyOf(property), { ...draft, base });
}

/** What is left after some were saved: what was edited meanwhile stays, decided on what we saved, which has
 * that revision now. */
export function afterSaving(drafts: Drafts, saved: ReadonlyMap<Draft, { revision: number }>): Drafts {
  const left = new Map([...drafts].filter(([, draft]) => !saved.has(draft)));
  for (const [draft, { revision }] of saved) {
    const later = left.get(keyOf(draft));
    if (later) left.set(keyOf(draft), { ...later, base: { ...later.base, revision } });
  }
  return left;
}

/** A property as it will be once a draft of it is saved: what is edited meanwhile is an edit of that. */
export const onceSaved = (property: Property, { value }: Draft): Property => ({
  ...property,
  value: value ?? property.default ?? '',
  is_default: value === undefined,
});

/** The other one's change, when the property moved after the draft was begun. */
export function conflictOf(draft: Draft | undefined, property: Property): Conflict | undefined {
  if (!draft || draft.base.revision === property.revision) return undefined;
  const { modified } = property;
  return {
    by: modified?.by ?? 'someone',
    revision: modified?.revision ?? property.revision,
    before: draft.base.value,
    theirs: property.value,
  };
}

export function shownValue(draft: Draft | undefined, property: Property): string {
  if (!draft) return property.value;
  return draft.value ?? property.default ?? '';
}

/** Why Save must wait, or undefined: values that do not fit, conflicts not decided. */
export function unsaveable(drafts: Drafts, properties: Property[]): string | undefined {
  if (drafts.size === 0) return 'Nothing is changed.';
  const mine = properties.filter((property) => drafts.has(keyOf(property)));
  const draftOf = (property: Property) => drafts.get(keyOf(property));
  if (mine.some((property) => valueProblem(property.kind, shownValue(draftOf(property), property))))
    return 'A value does not fit yet.';
  if (mine.some((property) => conflictOf(draftOf(property), property)))
    return 'Decide about the values that were changed meanwhile.';
  return undefined;
}
