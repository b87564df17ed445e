//! What was asked of a store and what was acknowledged, and whether what it holds agrees.
//!
//! A store may hold what was asked and not acknowledged, from the beginning of that on and without gaps. It may
//! not hold less than was acknowledged, nor anything else.

use std::collections::BTreeMap;

use openraft::alias::{EntryOf, LeaderIdOf, LogIdOf, VoteOf};
use openraft::vote::RaftLeaderId;
use raft_store::types::TypeConfig;

use crate::ledger::Pages;

pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;

/// What a log says, as far as Raft relies on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) purged: Option<LogId>,
    pub(crate) entries: BTreeMap<u64, Entry>,
    pub(crate) vote: Option<Vote>,
}

/// One thing asked of a log. Many entries at once are many steps: the store may keep the first of them.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Entry(Entry),
    Vote(Vote),
    Truncate(Option<LogId>),
    Purge(LogId),
}

impl Held {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Entry(entry) => drop(self.entries.insert(entry.log_id.index, entry.clone())),
            Step::Vote(vote) => self.vote = Some(*vote),
            Step::Truncate(after) => {
                let from = after.map_or(0, |after| after.index + 1);
                drop(self.entries.split_off(&from));
            }
            Step::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index + 1));
                self.purged = Some(*upto);
            }
        }
    }

    /// The last entry, or what stands for it.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.entries.values().next_back().map(|entry| entry.log_id).or(self.purged)
    }

    fn told(&self) -> String {
        let entries: Vec<_> = self.entries.values().map(|entry| entry.log_id.index).collect();
        let (first, last) = (entries.first(), entries.last());
        format!("vote {:?}, purged {:?}, entries {first:?} to {last:?}", self.vote, self.purged)
    }
}

/// All that is known of one member over all its lives.
#[derive(Default)]
pub struct Truth {
    /// What its log held when it was last opened.
    base: Held,
    /// What was asked since, and up to where that was acknowledged.
    steps: Vec<Step>,
    acknowledged: usize,
    /// Every committed entry: what the leader would send again.
    pub(crate) committed: Pages,
    /// What its log holds when all that was asked is done.
    pub(crate) asked: Held,
    /// The newest term it saw.
    pub(crate) term: u64,
    /// Whether it was ever told that its directory is formatted.
    pub(crate) formatted: bool,
    /// How many steps were acknowledged in all its lives.
    pub told: u64,
}

impl Truth {
    pub(crate) fn ask(&mut self, step: Step) {
        self.asked.take(&step);
        self.steps.push(step);
    }

    /// How many steps were asked.
    pub(crate) fn mark(&self) -> usize {
        self.steps.len()
    }

    /// Everything up to a mark is on the disk: the log keeps the order in which it was asked.
    pub(crate) fn acknowledge(&mut self, mark: usize) {
        let before = self.acknowledged;
        self.acknowledged = before.max(mark);
        self.told += (self.acknowledged - before) as u64;
    }

    /// Whether a log that was opened again holds what it must, and nothing else; it is the base from then on.
    pub(crate) fn judge_log(&mut self, found: Held) -> Result<(), String> {
        let mut may_be = self.base.clone();
        self.steps[..self.acknowledged].iter().for_each(|step| may_be.take(step));
        let least = may_be.clone();
        let mut rest = self.steps[self.acknowledged..].iter();
        while may_be != found {
            let Some(step) = rest.next() else {
                return Err(format!(
                    "the log holds {}; acknowledged was {}; asked for was {}",
                    found.told(),
                    least.told(),
                    self.asked.told()
                ));
            };
            may_be.take(step);
        }
        self.base = found.clone();
        self.asked = found;
        self.steps.clear();
        self.acknowledged = 0;
        Ok(())
    }

    /// Whether the facts are those of the entries up to `upto`, and the history holds at least the rows of those.
    /// It may hold later ones: it can be ahead of a log that lost what only the others had flushed.
    pub(crate) fn judge_facts(
        &self,
        upto: Option<u64>,
        facts: &Pages,
        rows: &Pages,
    ) -> Result<(), String> {
        let end = upto.map_or(0, |upto| upto + 1);
        let wanted: Pages = self.committed.range(..end).map(own).collect();
        let known: Pages = rows.range(..end).map(own).collect();
        let ahead = rows.range(end..).find(|(at, row)| self.committed.get(at) != Some(row));
        if let Some((at, _)) = ahead {
            return Err(format!("the history has a row of {at}, which was never committed so"));
        }
        for (what, found) in [("the facts", facts), ("the history", &known)] {
            if *found != wanted {
                let wrong = wanted.iter().find(|(at, page)| found.get(at) != Some(page));
                return Err(format!(
                    "of {what} there are {} instead of {} up to {upto:?}; the first wrong one: {:?}",
                    found.len(),
                    wanted.len(),
                    wrong.map(|(at, _)| at)
                ));
            }
        }
        Ok(())
    }
}

fn own((at, page): (&u64, &Vec<u8>)) -> (u64, Vec<u8>) {
    (*at, page.clone())
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderIdOf::<TypeConfig>::new(term, 1), index)
}
