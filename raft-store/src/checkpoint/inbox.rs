//! Receiving a checkpoint from another member.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use crate::checkpoint::directory::CheckpointDir;
use crate::checkpoint::{CheckpointFile, Draft, file};

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
        let draft = Draft(self.directory.draft());
        let file = File::create(&draft.0)?;
        Ok(ReceivingCheckpoint { draft, file, cluster_id: self.cluster_id })
    }
}

/// A checkpoint while it is being received. It counts for nothing until it is installed.
pub struct ReceivingCheckpoint {
    draft: Draft,
    file: File,
    cluster_id: [u8; 16],
}

impl ReceivingCheckpoint {
    /// Adds the next bytes. Blocks for as long as a write to the page cache does.
    pub fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)
    }

    /// Checks all that was received and makes it durable. Blocks for as long as the disk does.
    pub fn finish(self) -> io::Result<CheckpointFile> {
        self.file.sync_all()?;
        let head = file::verify(&self.draft.0)?;
        if head.cluster_id != self.cluster_id {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checkpoint is that of another cluster",
            ));
        }
        CheckpointFile::received(self.draft)
    }
}
