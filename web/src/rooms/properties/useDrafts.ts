// The page's unsaved edits and how they are saved: one after the other, each on the revision it was decided on, so that
// one refusal does not hide the rest.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { asProblem, type ProblemError } from '../../live/problem';
import type { Property } from '../../live/types';
import { afterSaving, type Draft, type Drafts, edited, keyOf, onceSaved, rebased, without } from './drafts';
import { commit, type Saved, useKeepSaved } from './queries';

export interface SaveReport {
  saved: ReadonlyMap<Draft, Saved>;
  refused: Map<string, ProblemError>;
}

const NONE: Drafts = new Map();

interface Asked {
  drafts: Drafts;
  reason: string;
}

async function saveAll({ drafts, reason }: Asked): Promise<SaveReport> {
  const saved = new Map<Draft, Saved>();
  const refused = new Map<string, ProblemError>();
  for (const [key, draft] of drafts) {
    await commit(draft, reason).then(
      (now) => saved.set(draft, now),
      (error) => refused.set(key, asProblem(error)),
    );
  }
  return { saved, refused };
}

export function useDrafts() {
  const [drafts, setDrafts] = useState<Drafts>(NONE);
  const [refusals, setRefusals] = useState<Map<string, ProblemError>>(new Map());
  const keep = useKeepSaved();

  const forget = (key: string) => {
    const next = new Map(refusals);
    next.delete(key);
    setRefusals(next);
  };
  const saving = useMutation({
    mutationFn: saveAll,
    async onSuccess({ saved, refused }) {
      // What is shown must be the saved state before the drafts go, or the old value would flash up.
      await keep([...saved.values()]);
      setDrafts((now) => afterSaving(now, saved));
      // A conflict is shown from the property itself, with the difference.
      setRefusals(new Map([...refused].filter(([, problem]) => problem.code !== 'CHANGED')));
    },
  });

  return {
    drafts,
    refusals,
    saving,
    /** Saves what is edited now; what is edited from now on is left. */
    save: (reason: string, whenDone?: (report: SaveReport) => void) =>
      saving.mutate({ drafts, reason }, { onSuccess: (report) => whenDone?.(report) }),
    edit(property: Property, value: string | undefined) {
      const key = keyOf(property);
      const underWay = saving.isPending ? saving.variables.drafts.get(key) : undefined;
      forget(key);
      setDrafts((now) =>
        underWay && now.get(key) === underWay
          ? edited(without(now, key), onceSaved(property, underWay), value)
          : edited(now, property, value),
      );
    },
    keepMine: (property: Property) => setDrafts((now) => rebased(now, property)),
    drop(property: Property) {
      forget(keyOf(property));
      setDrafts((now) => without(now, keyOf(property)));
    },
    revert() {
      setDrafts(NONE);
      setRefusals(new Map());
      saving.reset();
    },
  };
}

export type DraftsHandle = ReturnType<typeof useDrafts>;
