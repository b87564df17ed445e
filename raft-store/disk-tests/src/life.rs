//! One life of a member: opened, judged, kept busy until its power is cut or it has done enough, and closed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Once};

use bytes::Bytes;
use futures::stream;
use openraft::alias::LogIdOf;
use openraft::storage::{IOFlushed, RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::{EntryPayload, RaftLogReader, RaftSnapshotBuilder};
use raft_store::types::{Payload, TypeConfig};
use raft_store::{Identity, OpenError, Opened, Options};
use rand::RngExt;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::ledger::{Ledger, Pages, TABLE};
use crate::truth::{Entry, Held, Step, Truth, Vote, log_id};

/// How a life ended.
#[derive(Debug)]
pub enum Ended {
    /// It did all it was given to do.
    Whole,
    /// The disk answered with an error, or could not be opened. Innocent when its power was cut.
    Failed(String),
    /// What was promised does not hold, whatever the disk did.
    Broken(String),
}

/// What was seen of a life beside its end.
#[derive(Debug)]
pub struct Seen {
    /// How it ended.
    pub ended: Ended,
    /// Whether the history had to be made anew.
    pub history_replaced: bool,
}

/// Why a life did not go on.
enum Stop {
    Failed(String),
    Broken(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Failed(error.to_string())
    }
}

impl From<OpenError> for Stop {
    fn from(error: OpenError) -> Stop {
        Stop::Failed(error.to_string())
    }
}

/// Leaves out of the tests' output what sled says when its disk fails under it: the store takes it for an error.
fn quiet_contained_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !raft_store::panic_is_contained() {
                usual(panic);
            }
        }));
    });
}

/// Lives in `home` for so many steps. Blocks until every thread of the store is gone.
pub fn live(home: &Path, truth: &mut Truth, random: &mut StdRng, steps: u32) -> Seen {
    quiet_contained_panics();
    let ledger = Arc::new(Ledger::default());
    let mut seen = Seen { ended: Ended::Whole, history_replaced: false };
    let opened = match power_on(home, truth, ledger.clone()) {
        Ok(opened) => opened,
        Err(stop) => return Seen { ended: stop.into(), ..seen },
    };
    let aside = opened.health.report().quarantined;
    seen.history_replaced = !aside.is_empty();
    let wrong = aside.iter().find(|it| !it.was.ends_with("history"));
    let mut member = Member { opened, ledger, inflight: Vec::new(), applied: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match (wrong, runtime) {
        (Some(wrong), _) => Err(Stop::Broken(format!("put aside after a power cut: {wrong:?}"))),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(runtime)) => runtime.block_on(member.live(truth, random, steps)),
    };
    let Opened { log, state, closing, .. } = member.opened;
    drop((log, state));
    closing.wait();
    if let Err(stop) = done {
        seen.ended = stop.into();
    }
    seen
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Ended {
        match stop {
            Stop::Failed(what) => Ended::Failed(what),
            Stop::Broken(what) => Ended::Broken(what),
        }
    }
}

/// Segments so small that a few entries fill one; a failed write is told to whoever waits for it.
fn options() -> Options {
    Options {
        segment_bytes: 4 << 10,
        cache_bytes: 1 << 10,
        on_fatal: Arc::new(|_| ()),
        ..Options::default()
    }
}

fn power_on(home: &Path, truth: &mut Truth, ledger: Arc<Ledger>) -> Result<Opened<Ledger>, Stop> {
    let identity =
        Identity { cluster_id: Uuid::from_u128(0xC1), disk_id: Uuid::from_u128(0xD1), node_id: 1 };
    match raft_store::identity(home)? {
        Some(found) if found == identity => {}
        Some(found) => return Err(Stop::Broken(format!("the directory says it is {found:?}"))),
        None if truth.formatted => {
            return Err(Stop::Broken("the directory is no longer formatted".to_owned()));
        }
        None => raft_store::format(home, &identity)?,
    }
    truth.formatted = true;
    Ok(raft_store::open(home, &identity, options(), ledger)?)
}

/// An append that was not answered yet, with what its answer acknowledges.
type Inflight = (tokio::sync::oneshot::Receiver<io::Result<()>>, usize);

struct Member {
    opened: Opened<Ledger>,
    ledger: Arc<Ledger>,
    inflight: Vec<Inflight>,
    applied: Option<LogIdOf<TypeConfig>>,
}

impl Member {
    async fn live(
        &mut self,
        truth: &mut Truth,
        random: &mut StdRng,
        steps: u32,
    ) -> Result<(), Stop> {
        self.judge(truth).await?;
        for _ in 0..steps {
            match random.random_range(0..100_u8) {
                0..50 => self.append(truth, random).await?,
                50..62 => self.vote(truth, random).await?,
                62..68 => self.truncate(truth, random).await?,
                68..90 => self.commit(truth, random).await?,
                _ => self.checkpoint(truth, random).await?,
            }
            if self.inflight.len() > 3 || random.random_bool(0.3) {
                self.settle(truth).await?;
            }
        }
        self.settle(truth).await
    }

    /// As openraft goes on after a start: the facts from the checkpoint, then what is known to be committed.
    async fn judge(&mut self, truth: &mut Truth) -> Result<(), Stop> {
        let log = &mut self.opened.log;
        let purged = log.get_log_state().await?.last_purged_log_id;
        let mut reader = log.get_log_reader().await;
        let entries = reader.try_get_log_entries(0..u64::MAX).await?;
        let entries = entries.into_iter().map(|entry| (entry.log_id.index, entry)).collect();
        let vote = reader.read_vote().await?;
        truth.judge_log(Held { purged, entries, vote }).map_err(Stop::Broken)?;
        self.applied = self.opened.state.applied_state().await?.0;
        if let Some(applied) = self.applied
            && truth.asked.last().is_none_or(|last| last.index < applied.index)
        {
            truth.ask(Step::Purge(applied));
            self.opened.log.purge(applied).await?;
        }
        let committed = self.opened.log.read_committed().await?;
        if let Some(committed) = committed.filter(|committed| Some(*committed) > self.applied) {
            self.apply_upto(truth, committed.index).await?;
        }
        let upto = self.applied.map(|applied| applied.index);
        self.opened.history.reached(upto.unwrap_or(0)).await?;
        let rows = self.opened.history.scan_table(TABLE, None, usize::MAX)?;
        let rows: Pages = rows.into_iter().collect();
        truth.judge_facts(upto, &self.ledger.pages(), &rows).map_err(Stop::Broken)
    }

    async fn apply_upto(&mut self, truth: &Truth, upto: u64) -> Result<(), Stop> {
        let from = self.applied.map_or(0, |applied| applied.index + 1);
        let entries: Vec<Entry> =
            truth.asked.entries.range(from..=upto).map(|(_, entry)| entry.clone()).collect();
        if entries.len() as u64 != upto + 1 - from {
            return Err(Stop::Broken(format!("{from} to {upto} are committed and not all there")));
        }
        self.applied = entries.last().map(|entry| entry.log_id);
        let items = entries.into_iter().map(|entry| Ok((entry, None)));
        Ok(self.opened.state.apply(stream::iter(items)).await?)
    }

    async fn append(&mut self, truth: &mut Truth, random: &mut StdRng) -> Result<(), Stop> {
        let first = truth.asked.last().map_or(0, |last| last.index + 1);
        let last_term = truth.asked.last().map_or(1, |last| last.leader_id.term);
        let term = truth.term.max(last_term);
        let entries: Vec<Entry> = (first..first + random.random_range(1..7))
            .map(|index| {
                let payload = truth
                    .committed
                    .get(&index)
                    .cloned()
                    .unwrap_or_else(|| vec![random.random(); random.random_range(1..700)]);
                // The first entry of every log is Raft's own.
                let payload = match index {
                    0 => EntryPayload::Blank,
                    _ => EntryPayload::Normal(Payload(Bytes::from(payload))),
                };
                Entry { log_id: log_id(term, index), payload }
            })
            .collect();
        entries.iter().for_each(|entry| truth.ask(Step::Entry(entry.clone())));
        self.hand_over(truth, entries).await
    }

    async fn hand_over(&mut self, truth: &Truth, entries: Vec<Entry>) -> Result<(), Stop> {
        let (done, flushed) = TypeConfig::oneshot();
        self.opened.log.append(entries, IOFlushed::signal(done)).await?;
        self.inflight.push((flushed, truth.mark()));
        Ok(())
    }

    async fn settle(&mut self, truth: &mut Truth) -> Result<(), Stop> {
        for (flushed, mark) in self.inflight.drain(..) {
            flushed.await.map_err(io::Error::other)??;
            truth.acknowledge(mark);
        }
        Ok(())
    }

    /// Never an older vote than one before: the judge of the log sees to it that none is forgotten.
    async fn vote(&mut self, truth: &mut Truth, random: &mut StdRng) -> Result<(), Stop> {
        let held = truth.asked.vote;
        truth.term = truth.term.max(1) + random.random_range(0..2);
        let vote = Vote::new(truth.term, random.random_range(1..4));
        if held.is_some_and(|held| vote <= held) {
            return Ok(());
        }
        truth.ask(Step::Vote(vote));
        let mark = truth.mark();
        self.opened.log.save_vote(&vote).await?;
        truth.acknowledge(mark);
        Ok(())
    }

    /// A new leader has another end of the log; what is committed is never cut off.
    async fn truncate(&mut self, truth: &mut Truth, random: &mut StdRng) -> Result<(), Stop> {
        let floor = self.applied.map_or(0, |applied| applied.index);
        let cuttable: Vec<_> =
            truth.asked.entries.range(floor..).map(|(_, entry)| entry.log_id).collect();
        let [.., _] = cuttable.as_slice() else { return Ok(()) };
        let after = cuttable[random.random_range(0..cuttable.len())];
        if Some(after) == truth.asked.last() || Some(after) < self.applied {
            return Ok(());
        }
        truth.term += 1;
        truth.ask(Step::Truncate(Some(after)));
        let mark = truth.mark();
        self.opened.log.truncate_after(Some(after)).await?;
        truth.acknowledge(mark);
        Ok(())
    }

    /// The others may have been faster: what is committed need not be on this disk yet.
    async fn commit(&mut self, truth: &mut Truth, random: &mut StdRng) -> Result<(), Stop> {
        if random.random_bool(0.7) {
            self.settle(truth).await?;
        }
        let from = self.applied.map_or(0, |applied| applied.index + 1);
        let Some(last) = truth.asked.last().filter(|last| last.index >= from) else {
            return Ok(());
        };
        let upto = random.random_range(from..=last.index);
        let newly = truth.asked.entries.range(from..=upto).filter_map(|(at, entry)| {
            let EntryPayload::Normal(payload) = &entry.payload else { return None };
            Some((*at, payload.0.to_vec()))
        });
        truth.committed.extend(newly.collect::<Vec<_>>());
        let committed = truth.asked.entries.get(&upto).map(|entry| entry.log_id);
        self.opened.log.save_committed(committed).await?;
        self.apply_upto(truth, upto).await
    }

    /// A checkpoint, and the log forgets some of what it stands for.
    async fn checkpoint(&mut self, truth: &mut Truth, random: &mut StdRng) -> Result<(), Stop> {
        let Some(applied) = self.applied else { return Ok(()) };
        let Some(mut builder) = self.opened.state.try_create_snapshot_builder(true).await else {
            return Ok(());
        };
        builder.build_snapshot().await?;
        let first = truth.asked.purged.map_or(0, |purged| purged.index + 1);
        if first > applied.index {
            return Ok(());
        }
        let upto = random.random_range(first..=applied.index);
        let Some(upto) = truth.asked.entries.get(&upto).map(|entry| entry.log_id) else {
            return Ok(());
        };
        self.opened.log.purge(upto).await?;
        // The store may keep more than that, for an older checkpoint.
        let purged = self.opened.log.get_log_state().await?.last_purged_log_id;
        if let Some(purged) = purged.filter(|purged| Some(*purged) != truth.asked.purged) {
            truth.ask(Step::Purge(purged));
        }
        Ok(())
    }
}
