//! The applied state: facts in the machine's memory, history on sled, checkpoints of both.
//!
//! ```text
//!   committed entries ──→ Machine::apply ──→ answers                facts live in memory
//!                              └── rows ──→ scribe ──→ shelves       history lives on sled
//!   now and then: Machine::freeze ──→ image + history ──→ checkpoint, off the apply path
//! ```
//!
//! The law: everything here is derived from checkpoint and log. At a start the newest checkpoint gives the
//! facts, openraft applies the log from there to the last known commit, and rows that the shelves already
//! have are passed over. So losing the shelves loses nothing.

mod builder;
mod history;
mod patience;
mod quirks;
mod rows;
mod scribe;
mod shelf;
mod shelving;
mod suspicion;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};

pub use self::builder::CheckpointBuilder;
pub use self::history::History;
use self::rows::StoredRow;
pub(crate) use self::scribe::{Scribe, ScribeThread, import};
pub(crate) use self::shelf::{DIR as HISTORY_DIR, Shelves};
pub(crate) use self::shelving::{InMemory, Shelving};
pub(crate) use self::suspicion::{clear_suspicion, suspect, suspicion};
use crate::aside::aside;
use crate::checkpoint::{self, CheckpointDir, CheckpointFile, CheckpointInbox, Head};
use crate::health::{StoreHealth, lock};
use crate::machine::{Applied, Committed, Frozen, Machine};
use crate::stored::{Entry, LogId, StoredMembership};
use crate::types::{Answer, TypeConfig};

/// Entries handed to the machine at once. Bounds how long a checkpoint waits to be frozen.
const RUN_MAX: usize = 256;
/// See [`crate::machine::Row`].
const ROW_KEY_MAX_BYTES: usize = 512;
const ROW_VALUE_MAX_BYTES: usize = 16 << 10;

/// The applied state of one member.
pub struct StateStore<M: Machine> {
    core: Arc<Core<M>>,
}

/// What the store and the builders of checkpoints share.
pub(crate) struct Core<M: Machine> {
    pub machine: Arc<M>,
    /// Locked while the machine changes, so that whoever holds it sees facts and position agree.
    pub position: Mutex<Position>,
    pub scribe: Scribe,
    pub history: History,
    pub checkpoints: Arc<CheckpointDir>,
    pub newest: Mutex<Option<Checkpoint>>,
    pub cluster_id: [u8; 16],
    pub health: StoreHealth,
}

/// How far the facts are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    pub last: Option<LogId>,
    pub membership: StoredMembership,
}

/// A checkpoint that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub head: Head,
    pub path: PathBuf,
}

type Waiting = Option<ApplyResponder<TypeConfig>>;

impl<M: Machine> StateStore<M> {
    pub(crate) fn new(core: Core<M>) -> StateStore<M> {
        StateStore { core: Arc::new(core) }
    }

    /// Where checkpoints from other members are received.
    pub fn inbox(&self) -> CheckpointInbox {
        CheckpointInbox::new(self.core.checkpoints.clone(), self.core.cluster_id)
    }

    async fn apply_run(&self, run: Vec<(Entry, Waiting)>) -> io::Result<()> {
        let Some((last, _)) = run.last() else { return Ok(()) };
        let upto = last.log_id.index;
        let committed: Vec<Committed> = run.iter().map(|(entry, _)| committed(entry)).collect();
        let applied = self.core.apply(&run, &committed);
        let (answers, rows) = split(&committed, applied);
        self.core.scribe.put(upto, rows).await?;
        for ((_, waiting), answer) in run.into_iter().zip(answers) {
            if let Some(waiting) = waiting {
                waiting.send(answer);
            }
        }
        Ok(())
    }
}

impl<M: Machine> Core<M> {
    /// Changes the facts and the position together.
    fn apply(&self, run: &[(Entry, Waiting)], committed: &[Committed]) -> Vec<Applied> {
        let mut position = lock(&self.position);
        let applied = self.machine.apply(committed);
        assert!(applied.len() == committed.len(), "one answer for each entry");
        for (entry, _) in run {
            position.last = Some(entry.log_id);
            if let EntryPayload::Membership(membership) = &entry.payload {
                position.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
            }
        }
        applied
    }

    /// The facts and their position, as of one moment.
    fn freeze(&self) -> (Box<dyn Frozen>, Position) {
        let position = lock(&self.position);
        (self.machine.freeze(), position.clone())
    }

    /// Replaces facts and position by those of a verified checkpoint.
    fn restore(&self, head: &Head, image: &[u8]) -> io::Result<()> {
        let mut position = lock(&self.position);
        self.machine.restore(image)?;
        *position = Position { last: head.log_id, membership: head.membership.clone() };
        Ok(())
    }
}

impl<M: Machine> RaftStateMachine<TypeConfig> for StateStore<M> {
    type SnapshotData = CheckpointFile;
    type SnapshotBuilder = CheckpointBuilder<M>;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let position = lock(&self.core.position);
        Ok((position.last, position.membership.clone()))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let mut runs = entries.ready_chunks(RUN_MAX);
        while let Some(run) = runs.next().await {
            let run: Vec<_> = run.into_iter().collect::<io::Result<_>>()?;
            self.apply_run(run).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> CheckpointBuilder<M> {
        CheckpointBuilder::new(self.core.clone())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: CheckpointFile,
    ) -> io::Result<()> {
        let core = self.core.clone();
        let meta = meta.clone();
        let installed = aside(move || install(&core, &meta, &snapshot)).await??;
        self.core.scribe.import(installed.path, installed.head).await
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<TypeConfig, CheckpointFile>>> {
        let Some(newest) = lock(&self.core.newest).clone() else { return Ok(None) };
        let file = CheckpointFile::open(&newest.path)?;
        Ok(Some(newest.snapshot(file)))
    }
}

impl Checkpoint {
    fn snapshot(&self, file: CheckpointFile) -> SnapshotOf<TypeConfig, CheckpointFile> {
        let meta = SnapshotMetaOf::<TypeConfig> {
            last_log_id: self.head.log_id,
            last_membership: self.head.membership.clone(),
        };
        SnapshotOf::<TypeConfig, _> { meta, snapshot: file }
    }
}

/// Makes a received checkpoint ours: durable first, then the facts.
fn install<M: Machine>(
    core: &Core<M>,
    meta: &SnapshotMetaOf<TypeConfig>,
    received: &CheckpointFile,
) -> io::Result<Checkpoint> {
    let (head, image) = checkpoint::read_image(received.path())?;
    let same = head.log_id == meta.last_log_id && head.membership == meta.last_membership;
    if !same || head.cluster_id != core.cluster_id {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the checkpoint is not the one that was announced",
        ));
    }
    let path = core.checkpoints.adopt(received.path(), &head)?;
    core.restore(&head, &image)?;
    core.health.set_checkpoint_bytes(received.bytes());
    let checkpoint = Checkpoint { head, path };
    *lock(&core.newest) = Some(checkpoint.clone());
    Ok(checkpoint)
}

fn committed(entry: &Entry) -> Committed {
    let payload = match &entry.payload {
        EntryPayload::Normal(payload) => Some(payload.0.clone()),
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    };
    Committed {
        index: entry.log_id.index,
        term: entry.log_id.leader_id.term,
        leader: entry.log_id.leader_id.node_id,
        payload,
    }
}

fn split(committed: &[Committed], applied: Vec<Applied>) -> (Vec<Answer>, Vec<StoredRow>) {
    let mut answers = Vec::with_capacity(applied.len());
    let mut rows = Vec::new();
    for (entry, applied) in committed.iter().zip(applied) {
        answers.push(Answer(applied.answer));
        for (position, row) in applied.rows.into_iter().enumerate() {
            assert!(row.key.len() <= ROW_KEY_MAX_BYTES, "a history key is at most 512 bytes");
            assert!(row.value.len() <= ROW_VALUE_MAX_BYTES, "a history value is at most 16 KiB");
            rows.push(StoredRow {
                revision: entry.index,
                position: position as u32,
                table: row.table,
                key: row.key,
                value: row.value,
            });
        }
    }
    (answers, rows)
}
