// The page's unsaved edits and how they are saved: one after the other, each on the revision it was decided on, so that
// one refusal does not hide the rest.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, type ProblemError } from '../../live/problem';
import type { Property } from '../../live/types';
import { type Drafts, edited, keyOf, rebased, without } from './drafts';
import { commit, useRefreshProperties } from './queries';

export interface SaveReport {
  saved: number;
  refused: Map<string, ProblemError>;
}

const NONE: Drafts = new Map();

async function saveAll(drafts: Drafts, reason: string): Promise<SaveReport> {
  const refused = new Map<string, ProblemError>();
  for (const [key, draft] of drafts) {
    await commit(draft, reason).catch((error) => refused.set(key, asProblem(error)));
  }
  return { saved: drafts.size - refused.size, refused };
}

export function useDrafts() {
  const [drafts, setDrafts] = useState<Drafts>(NONE);
  const [refusals, setRefusals] = useState<Map<string, ProblemError>>(new Map());
  const refresh = useRefreshProperties();

  const forget = (key: string) => {
    const next = new Map(refusals);
    next.delete(key);
    setRefusals(next);
  };
  const saving = useMutation({
    mutationFn: (reason: string) => saveAll(drafts, reason),
    async onSuccess({ refused }) {
      // What is shown must be the saved state before the drafts go, or the old value would flash up.
      await refresh();
      setDrafts(new Map([...drafts].filter(([key]) => refused.has(key))));
      // A conflict is shown from the property itself, with the difference.
      setRefusals(new Map([...refused].filter(([, problem]) => problem.code !== 'CHANGED')));
    },
  });

  return {
    drafts,
    refusals,
    saving,
    edit(property: Property, value: string | undefined) {
      forget(keyOf(property));
      setDrafts(edited(drafts, property, value));
    },
    keepMine: (property: Property) => setDrafts(rebased(drafts, property)),
    drop(property: Property) {
      forget(keyOf(property));
      setDrafts(without(drafts, keyOf(property)));
    },
    revert() {
      setDrafts(NONE);
      setRefusals(new Map());
      saving.reset();
    },
  };
}

export type DraftsHandle = ReturnType<typeof useDrafts>;
