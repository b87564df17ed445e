//! Receiving a checkpoint from another member.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::checkpoint::directory::CheckpointDir;
use crate::checkpoint::{CheckpointFile, file};

/// Where checkpoints from other members are received.
#[derive(Clone)]
pub struct CheckpointInbox {
    directory: Arc<CheckpointDir>,
    cluster_id: [u8; 16],
}

impl CheckpointInbox {
    pub(crate) fn new(directory: Arc<CheckpointDir>, cluster_id: [u8; 16]) -> CheckpointInbox {
        CheckpointInbox { directory, cluster_id }
    }

    /// Starts to receive one. Dropping it forgets what came.
    pub fn begin_receiving(&self) -> io::Result<ReceivingCheckpoint> {
        let path = self.directory.draft();
        let file = File::create(&path)?;
        Ok(ReceivingCheckpoint { path, file, cluster_id: self.cluster_id, finished: false })
    }
}

/// A checkpoint while it is being received. It counts for nothing until it is installed.
pub struct ReceivingCheckpoint {
    path: PathBuf,
    file: File,
    cluster_id: [u8; 16],
    finished: bool,
}

impl ReceivingCheckpoint {
    /// Adds the next bytes. Blocks for as long as a write to the page cache does.
    pub fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)
    }

    /// Checks all that was received and makes it durable. Blocks for as long as the disk does.
    pub fn finish(mut self) -> io::Result<CheckpointFile> {
        self.file.sync_all()?;
        let head = file::verify(&self.path)?;
        if head.cluster_id != self.cluster_id {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checkpoint is that of another cluster",
            ));
        }
        let received = CheckpointFile::open(&self.path)?;
        self.finished = true;
        Ok(received)
    }
}

impl Drop for ReceivingCheckpoint {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "an unfinished checkpoint could not be removed; the next start removes it");
        }
    }
}
