//! A long seeded walk over everything that can happen to a store, beside a model that is plainly right.

use std::collections::BTreeMap;

use openraft::alias::VoteOf;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::{RaftLogReader, RaftSnapshotBuilder};
use raft_store::Opened;
use raft_store::types::TypeConfig;

use crate::support::{
    Counting, Entry, Home, LogId, append, apply, close, entry, eventually, run, segments,
};

type Vote = VoteOf<TypeConfig>;

/// Where the walk goes is decided by a plain generator, so that a seed says it all.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What the store should hold.
#[derive(Default)]
struct Model {
    term: u64,
    vote: Option<Vote>,
    purged: Option<LogId>,
    entries: Vec<Entry>,
    applied: Option<LogId>,
    counts: BTreeMap<Vec<u8>, u64>,
    rows: Vec<(u64, Vec<u8>)>,
    checkpoint: Option<LogId>,
    older: Option<LogId>,
}

impl Model {
    fn last(&self) -> Option<LogId> {
        self.entries.last().map(|entry| entry.log_id).or(self.purged)
    }

    fn next_index(&self) -> u64 {
        self.last().map_or(0, |last| last.index + 1)
    }

    fn unapplied(&self) -> Vec<Entry> {
        let from = self.applied.map_or(0, |applied| applied.index + 1);
        self.entries.iter().filter(|entry| entry.log_id.index >= from).cloned().collect()
    }
}

struct Walk {
    home: Home,
    opened: Option<Opened<Counting>>,
    model: Model,
    dice: Dice,
}

impl Walk {
    fn opened(&mut self) -> &mut Opened<Counting> {
        self.opened.as_mut().unwrap()
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..8 => self.append().await,
            8..10 => self.vote().await,
            10..14 => self.apply().await,
            14 => self.truncate().await,
            15 | 16 => self.checkpoint().await,
            17 => self.purge().await,
            18 => self.restart(false).await,
            _ => self.restart(true).await,
        }
    }

    async fn append(&mut self) {
        let count = self.dice.roll(6) + 1;
        let (next, term) = (self.model.next_index(), self.model.term);
        let more: Vec<Entry> = (0..count)
            .map(|at| {
                let payload = vec![b'a' + self.dice.roll(5) as u8; self.dice.roll(400) as usize];
                entry(term, next + at, &payload)
            })
            .collect();
        append(&mut self.opened().log, more.clone()).await.unwrap();
        self.model.entries.extend(more);
    }

    async fn vote(&mut self) {
        self.model.term += 1;
        let vote = Vote::new(self.model.term, self.dice.roll(3));
        self.opened().log.save_vote(&vote).await.unwrap();
        self.model.vote = Some(vote);
    }

    async fn apply(&mut self) {
        let unapplied = self.model.unapplied();
        let count = self.dice.roll(unapplied.len() as u64 + 1) as usize;
        let run = unapplied[..count].to_vec();
        let Some(last) = run.last() else { return };
        let last = last.log_id;
        self.opened().log.save_committed(Some(last)).await.unwrap();
        apply(self.opened(), run.clone()).await;
        for entry in run {
            let openraft::EntryPayload::Normal(payload) = entry.payload else { continue };
            *self.model.counts.entry(payload.0.to_vec()).or_default() += 1;
            self.model.rows.push((entry.log_id.index, payload.0.to_vec()));
        }
        self.model.applied = Some(last);
    }

    async fn truncate(&mut self) {
        let unapplied = self.model.unapplied().len() as u64;
        let cut = self.dice.roll(unapplied + 1) as usize;
        let keep = self.model.entries.len() - cut;
        let after = match keep {
            0 => self.model.purged,
            _ => Some(self.model.entries[keep - 1].log_id),
        };
        self.opened().log.truncate_after(after).await.unwrap();
        self.model.entries.truncate(keep);
        self.model.term += 1;
    }

    async fn checkpoint(&mut self) {
        let Some(applied) = self.model.applied else { return };
        let state = &mut self.opened().state;
        let mut builder = state.try_create_snapshot_builder(true).await.unwrap();
        let built = builder.build_snapshot().await.unwrap();
        assert_eq!(built.meta.last_log_id, Some(applied));
        if self.model.checkpoint != Some(applied) {
            self.model.older = self.model.checkpoint.replace(applied);
        }
    }

    async fn purge(&mut self) {
        let Some(checkpoint) = self.model.checkpoint else { return };
        let purged = self.model.purged.map_or(0, |purged| purged.index + 1);
        if checkpoint.index < purged {
            return;
        }
        let upto = purged + self.dice.roll(checkpoint.index - purged + 1);
        let asked = self.model.entries[(upto - purged) as usize].log_id;
        self.opened().log.purge(asked).await.unwrap();
        // What the older checkpoint needs stays, unless the log would end with what is purged.
        let allowed = match (self.model.last() == Some(asked), self.model.older) {
            (true, _) => Some(upto),
            (false, None) => None,
            (false, Some(older)) => Some(upto.min(older.index)),
        };
        let Some(upto) = allowed.filter(|upto| *upto >= purged) else { return };
        let at = (upto - purged) as usize;
        self.model.purged = Some(self.model.entries[at].log_id);
        self.model.entries.drain(..=at);
    }

    /// Closes and opens, or kills: goes on with a copy of the files as they are.
    async fn restart(&mut self, kill: bool) {
        // A vote waits for its turn, so everything before it is written when it returns.
        self.vote().await;
        let opened = self.opened.take().unwrap();
        if kill {
            // Purged segments go one by one, oldest first. A copy made meanwhile could have an older one and
            // miss a newer one, as no crash could.
            eventually("purged segments are gone", || {
                segments(self.home.path()).len() as u64 == opened.health.report().log_segments
            });
            let copy = self.home.copy();
            close(opened);
            self.home = copy;
        } else {
            close(opened);
        }
        self.opened = Some(self.home.open());
        self.catch_up().await;
        self.compare().await;
    }

    /// What openraft does at a start.
    async fn catch_up(&mut self) {
        let opened = self.opened.as_mut().unwrap();
        let (applied, _) = opened.state.applied_state().await.unwrap();
        assert_eq!(applied, self.model.checkpoint, "the checkpoint gives the facts");
        let committed = opened.log.read_committed().await.unwrap();
        assert_eq!(committed, self.model.applied, "what was shown is shown again");
        let from = applied.map_or(0, |applied| applied.index + 1);
        let upto = committed.map_or(0, |committed| committed.index + 1);
        let mut reader = opened.log.get_log_reader().await;
        let missed = reader.try_get_log_entries(from..upto.max(from)).await.unwrap();
        apply(opened, missed).await;
    }

    async fn compare(&mut self) {
        let opened = self.opened.as_mut().unwrap();
        let state = opened.log.get_log_state().await.unwrap();
        assert_eq!(state.last_purged_log_id, self.model.purged);
        assert_eq!(state.last_log_id, self.model.last());
        let mut reader = opened.log.get_log_reader().await;
        assert_eq!(reader.read_vote().await.unwrap(), self.model.vote);
        let entries = reader.try_get_log_entries(0..u64::MAX).await.unwrap();
        assert_eq!(entries, self.model.entries);
        if let Some(applied) = self.model.applied {
            opened.history.reached(applied.index).await.unwrap();
        }
        let mut rows = opened.history.scan_table(crate::support::ALL, None, usize::MAX).unwrap();
        rows.reverse();
        assert_eq!(rows, self.model.rows);
    }
}

fn walk(seed: u64, steps: u32) {
    run(async {
        let home = Home::new();
        let opened = Some(home.open());
        let mut walk = Walk { home, opened, model: Model::default(), dice: Dice(seed) };
        for _ in 0..steps {
            walk.step().await;
        }
        walk.compare().await;
        close(walk.opened.take().unwrap());
    });
}

#[test]
fn a_store_does_what_the_model_does_on_every_walk() {
    for seed in 1..=20 {
        // In a thread that bears the seed in its name, which a failure then shows.
        let named = std::thread::Builder::new().name(format!("seed {seed}"));
        let walked = named.spawn(move || walk(seed, 120)).unwrap().join();
        assert!(walked.is_ok(), "the walk of seed {seed}");
    }
}
