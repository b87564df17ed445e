//! Building a checkpoint, off the apply path: freeze, let the history catch up, write, give it its name.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::RaftSnapshotBuilder;
use openraft::alias::SnapshotOf;

use crate::aside::aside;
use crate::checkpoint::{CheckpointFile, CheckpointWriter, Head};
use crate::disk;
use crate::health::lock;
use crate::machine::{Frozen, Machine};
use crate::state::shelving::Kept;
use crate::state::{Checkpoint, Core, History, Position};
use crate::types::TypeConfig;

/// How often a full disk is tried again. Each attempt may write a good part of the file, so not too often.
const RETRY: Duration = Duration::from_secs(5);

/// Builds one checkpoint of the facts as they were when it was made.
pub struct CheckpointBuilder<M: Machine> {
    core: Arc<Core<M>>,
    /// Behind a lock only because openraft asks builders to be shareable; nobody else ever takes it.
    frozen: Mutex<Option<(Box<dyn Frozen>, Position)>>,
}

impl<M: Machine> CheckpointBuilder<M> {
    pub(crate) fn new(core: Arc<Core<M>>) -> CheckpointBuilder<M> {
        let frozen = Mutex::new(Some(core.freeze()));
        CheckpointBuilder { core, frozen }
    }

    async fn build(&mut self) -> io::Result<(Checkpoint, CheckpointFile)> {
        let first = lock(&self.frozen).take();
        let (frozen, position) = first.unwrap_or_else(|| self.core.freeze());
        if let Some(last) = position.last {
            self.core.scribe.barrier(last.index).await?;
        }
        let core = self.core.clone();
        aside(move || write(&core, frozen, position)).await?
    }
}

impl<M: Machine> RaftSnapshotBuilder<TypeConfig> for CheckpointBuilder<M> {
    type SnapshotData = CheckpointFile;

    /// Waits for room while the disk is full, and then takes the facts as they are by then: an older
    /// checkpoint and the log still hold everything meanwhile.
    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<TypeConfig, CheckpointFile>> {
        loop {
            match self.build().await {
                Ok((checkpoint, file)) => {
                    self.core.health.set_checkpoint_full(false);
                    return Ok(checkpoint.snapshot(file));
                }
                Err(error) if passes(&error) => {
                    self.core.health.set_checkpoint_full(true);
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The disk is full, or the history is closed because it is.
fn passes(error: &io::Error) -> bool {
    disk::is_disk_full(error) || error.kind() == io::ErrorKind::WouldBlock
}

fn write<M: Machine>(
    core: &Core<M>,
    frozen: Box<dyn Frozen>,
    position: Position,
) -> io::Result<(Checkpoint, CheckpointFile)> {
    let history_floor = core.history.floor()?;
    let head = Head {
        cluster_id: core.cluster_id,
        log_id: position.last,
        membership: position.membership,
        history_floor,
    };
    let draft = core.checkpoints.draft();
    write_draft(&draft, &head, frozen, &core.history).inspect_err(|_| remove_leftover(&draft))?;
    // Opened before it is given its name: when newer ones were installed meanwhile, it is not kept.
    let file = CheckpointFile::open(&draft)?;
    let path = core.checkpoints.adopt(&draft, &head)?;
    let file = file.named(&path);
    let checkpoint = Checkpoint { head, path };
    let mut newest = lock(&core.newest);
    if newest.as_ref().is_none_or(|newest| newest.head.log_id <= checkpoint.head.log_id) {
        core.health.set_checkpoint_bytes(file.bytes());
        *newest = Some(checkpoint.clone());
    }
    Ok((checkpoint, file))
}

fn remove_leftover(draft: &Path) {
    if let Err(error) = fs::remove_file(draft) {
        tracing::warn!(%error, path = %draft.display(), "an unfinished checkpoint stays; the next start removes it");
    }
}

fn write_draft(
    draft: &Path,
    head: &Head,
    frozen: Box<dyn Frozen>,
    history: &History,
) -> io::Result<()> {
    let shelves = history.open()?;
    let mut writer = CheckpointWriter::create(draft, head)?;
    frozen.write(&mut writer)?;
    if let Some(last) = head.log_id {
        let mut put = |kept: Kept<'_>| match kept {
            Kept::Block(frame) => writer.block(frame),
            Kept::Row(row) => writer.row(row),
        };
        history.judge(shelves.each_upto(last.index, &mut put))?;
    }
    writer.finish().map(drop)
}
