//! A member's disk: what is on it, what is on its way there, and what a crash leaves.
//!
//! A batch is on the disk when its flush has ended. Nobody was told of it before, so a crash meanwhile leaves all of it or none, or
//! its beginning up to some record. The real log frames a batch as one group, which is there whole or not; one
//! that is longer than a group may be, or that comes to the end of its segment, is several groups, each flushed before
//! the next is written, and the border may lie between any two records. Here that happens more often than on a real disk.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use openraft::alias::{EntryOf, LogIdOf, VoteOf};
use raft_store::types::TypeConfig;
use raft_store::{Kept, Platter, Record};
use serde::{Deserialize, Serialize};

use crate::clock::WorldTime;
use crate::dice::Dice;
use crate::ledger::Ledger;

pub type Entry = EntryOf<TypeConfig>;
pub type LogId = LogIdOf<TypeConfig>;
type Vote = VoteOf<TypeConfig>;

/// A lie that a disk may tell, so that the harness is seen to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// Says "written" at once and flushes half a second later.
    AnswersBeforeFlush,
    /// Never writes a vote.
    ForgetsVotes,
    /// Has one entry less after a crash.
    LosesTheLastEntry,
    /// Cuts nothing off, and what follows a cut stands behind what should be gone.
    ForgetsCuts,
    /// Has nothing left of an agent's folder after it was killed.
    ForgetsEpochs,
}

impl Lie {
    pub const ALL: [Self; 5] = [
        Self::AnswersBeforeFlush,
        Self::ForgetsVotes,
        Self::LosesTheLastEntry,
        Self::ForgetsCuts,
        Self::ForgetsEpochs,
    ];

    /// As it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnswersBeforeFlush => "answers-before-flush",
            Self::ForgetsVotes => "forgets-votes",
            Self::LosesTheLastEntry => "loses-the-last-entry",
            Self::ForgetsCuts => "forgets-cuts",
            Self::ForgetsEpochs => "forgets-epochs",
        }
    }
}

/// How long a lying disk's flush is put off.
const LATER_US: u64 = 500_000;

/// How long flushes take.
#[derive(Clone, Copy, Debug)]
pub struct Flushes {
    pub least_us: u64,
    pub jitter_us: u64,
}

/// The disk of one member. Clones are the same.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    time: Arc<WorldTime>,
    ledger: Arc<Mutex<Ledger>>,
    member: usize,
}

struct State {
    dice: Dice,
    /// How much of a batch is left that is neither whole nor gone.
    torn: Dice,
    flushes: Flushes,
    lie: Option<Lie>,
    log: Log,
    /// Batches whose flush has not ended, and when it ends if its end was put off.
    under_way: VecDeque<(Option<u64>, Vec<Record>)>,
    /// In memory only: the mark of the newest committed entry.
    noted: Option<LogId>,
    /// Flushes fail.
    failing: bool,
    /// One has failed since the process was started: it may answer from this log no more.
    failed: bool,
    /// Which run of the process the disk is open in: what an earlier one left under way is decided.
    run: u64,
}

/// What is on the disk.
#[derive(Clone, Default)]
pub struct Log {
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    pub entries: VecDeque<Entry>,
}

impl Log {
    /// The last entry, or the last forgotten one.
    pub fn last(&self) -> Option<LogId> {
        self.entries.back().map(|entry| entry.log_id).or(self.purged)
    }

    fn take(&mut self, record: Record, lie: Option<Lie>) {
        match record {
            Record::Entry(entry) => {
                if lie == Some(Lie::ForgetsCuts) {
                    let at = entry.log_id.index;
                    if self.entries.iter().any(|known| known.log_id.index == at) {
                        return;
                    }
                }
                self.entries.push_back(entry);
            }
            Record::Vote(_) if lie == Some(Lie::ForgetsVotes) => {}
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Truncate(_) if lie == Some(Lie::ForgetsCuts) => {}
            Record::Truncate(after) => {
                let after = after.map(|id| id.index);
                while self.entries.back().is_some_and(|last| Some(last.log_id.index) > after) {
                    self.entries.pop_back();
                }
            }
            Record::Purge(upto) => {
                while self.entries.front().is_some_and(|first| first.log_id.index <= upto.index) {
                    self.entries.pop_front();
                }
                self.purged = self.purged.max(Some(upto));
            }
        }
    }
}

impl State {
    /// How many records of a batch are on the disk whose flush did not end: all in one of two cases, none or the first few in the
    /// others.
    fn decided(&mut self, whole: usize) -> usize {
        if self.dice.chance(500) {
            return whole;
        }
        match self.torn.chance(500) {
            true => usize::try_from(self.torn.within(0..whole.max(1) as u64)).expect("an index"),
            false => 0,
        }
    }
}

impl Disk {
    pub fn new(
        member: usize,
        time: Arc<WorldTime>,
        ledger: Arc<Mutex<Ledger>>,
        (dice, flushes, lie): (Dice, Flushes, Option<Lie>),
    ) -> Self {
        let state = State {
            torn: dice.part("torn"),
            dice,
            flushes,
            lie,
            log: Log::default(),
            under_way: VecDeque::new(),
            noted: None,
            failing: false,
            failed: false,
            run: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), time, ledger, member }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_flushes(&self, flushes: Flushes) {
        self.lock().flushes = flushes;
    }

    /// From now on flushes fail, or do so no more.
    pub fn set_failing(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// Whether flushes fail now.
    pub fn is_failing(&self) -> bool {
        self.lock().failing
    }

    /// Whether a flush has failed since the process was started.
    pub fn has_failed(&self) -> bool {
        self.lock().failed
    }

    /// Another disk, with nothing on it. To be called while no process runs.
    pub fn replace(&self) {
        let mut state = self.lock();
        (state.log, state.noted) = (Log::default(), None);
        state.under_way.clear();
        state.run += 1;
    }

    /// What is on it for certain.
    pub fn log(&self) -> Log {
        self.lock().log.clone()
    }

    /// The process is gone, perhaps with the power: what was under way is on the disk, or is not, or its beginning is.
    pub fn crash(&self, with_power: bool) {
        let now = self.time.now();
        let mut state = self.lock();
        let state = &mut *state;
        for (ends, batch) in std::mem::take(&mut state.under_way) {
            let whole = batch.len();
            let written = match ends {
                Some(ends) if ends <= now || !with_power => whole,
                Some(_) => 0,
                None => state.decided(whole),
            };
            batch.into_iter().take(written).for_each(|record| state.log.take(record, state.lie));
            // What comes later cannot be there without what comes before it.
            if written < whole {
                break;
            }
        }
        if !with_power {
            // As a start does it: a note of what is not in the log is none.
            let last = state.log.last().map(|last| last.index);
            let noted = state.noted.filter(|noted| Some(noted.index) <= last);
            state.log.committed = state.log.committed.max(noted);
        }
        if state.lie == Some(Lie::LosesTheLastEntry) {
            state.log.entries.pop_back();
        }
        (state.noted, state.failed) = (None, false);
        state.run += 1;
    }

    /// Everything whose flush has ended is on the disk.
    fn settle(state: &mut State, now: u64) {
        while let Some((ends, _)) = state.under_way.front()
            && ends.is_some_and(|ends| ends <= now)
        {
            let (_, batch) = state.under_way.pop_front().expect("just looked at");
            batch.into_iter().for_each(|record| state.log.take(record, state.lie));
        }
    }
}

impl Platter for Disk {
    fn kept(&self) -> Kept {
        let log = self.log();
        let Log { vote, committed, purged, entries } = log;
        Kept { vote, committed, purged, entries: entries.into() }
    }

    fn write(&self, records: Vec<Record>) -> BoxFuture<'static, io::Result<()>> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|record| ledger.written(self.member, record));
        drop(ledger);
        let now = self.time.now();
        let mut state = self.lock();
        let Flushes { least_us, jitter_us } = state.flushes;
        let takes = least_us + state.dice.within(0..jitter_us + 1);
        let run = state.run;
        if state.lie == Some(Lie::AnswersBeforeFlush) {
            Self::settle(&mut state, now);
            state.under_way.push_back((Some(now + LATER_US), records));
            return Box::pin(async { Ok(()) });
        }
        state.under_way.push_back((None, records));
        let disk = self.clone();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_micros(takes)).await;
            let mut state = disk.lock();
            let state = &mut *state;
            if state.run != run {
                return Err(io::Error::other("of a process that is gone"));
            }
            let (_, batch) = state.under_way.pop_front().expect("one batch is written at a time");
            if state.failing {
                // What the kernel had of it may be on the disk all the same.
                let written = state.decided(batch.len());
                let written = batch.into_iter().take(written);
                written.for_each(|record| state.log.take(record, state.lie));
                state.failed = true;
                return Err(io::Error::other("the disk failed"));
            }
            batch.into_iter().for_each(|record| state.log.take(record, state.lie));
            let noted = state
                .noted
                .filter(|noted| Some(noted.index) <= state.log.last().map(|last| last.index));
            state.log.committed = state.log.committed.max(noted);
            Ok(())
        })
    }

    fn note(&self, committed: LogId) {
        let mut state = self.lock();
        state.noted = state.noted.max(Some(committed));
    }
}
