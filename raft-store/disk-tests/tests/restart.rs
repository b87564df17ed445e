//! What a process wrote and was killed before it flushed is the next one's to flush: that one tells others that it has it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blackout::Ext4;
use bytes::Bytes;
use openraft::EntryPayload;
use openraft::alias::{EntryOf, LeaderIdOf, LogIdOf};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use raft_store::types::{Payload, TypeConfig};
use raft_store::{Applied, Committed, Frozen, Identity, Machine, Opened, Options};
use uuid::Uuid;

use crate::support::{alone, have};

const DISK_BYTES: u64 = 96 << 20;
const IDENTITY: Identity =
    Identity { cluster_id: Uuid::from_u128(1), disk_id: Uuid::from_u128(2), node_id: 1 };

/// Facts that nobody is interested in.
struct Nothing;

impl Machine for Nothing {
    fn apply(&self, entries: &[Committed]) -> Vec<Applied> {
        entries.iter().map(|_| Applied { answer: Bytes::new(), rows: Vec::new() }).collect()
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Nothing)
    }

    fn restore(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl Frozen for Nothing {
    fn write(self: Box<Self>, _: &mut dyn io::Write) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_killed_process_left_to_the_page_cache_is_flushed_by_the_next_one() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let Some(mut disk) = have(Ext4::new(dir.path(), DISK_BYTES), "power cut after a restart")
    else {
        return;
    };
    let (home, beside) = (disk.path().join("store"), dir.path().join("beside"));
    raft_store::format(&home, &IDENTITY).unwrap();
    append(&home, 0..3);
    copy(&home, &beside);
    append(&beside, 3..4);
    // What the copy wrote in addition, as it is when a process is killed between its write and its flush.
    write_unflushed(&segment(&beside), &segment(&home));
    let told = append(&home, 0..0);
    assert_eq!(told, Some(3), "whoever asks is told of it");
    disk.cut().unwrap();
    disk.repower().unwrap();
    assert_eq!(append(&home, 0..0), told);
}

/// Opens a store, appends these, and closes it. The last entry that it had at the opening.
fn append(home: &Path, indices: std::ops::Range<u64>) -> Option<u64> {
    let opened = raft_store::open(home, &IDENTITY, Options::default(), Arc::new(Nothing));
    let Opened { mut log, state, closing, .. } = opened.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let last = runtime.block_on(async {
        let last = log.get_log_state().await.unwrap().last_log_id.map(|last| last.index);
        if !indices.is_empty() {
            let (done, flushed) = TypeConfig::oneshot();
            log.append(indices.map(entry), IOFlushed::signal(done)).await.unwrap();
            flushed.await.unwrap().unwrap();
        }
        last
    });
    drop((log, state));
    closing.wait();
    last
}

fn entry(index: u64) -> EntryOf<TypeConfig> {
    let payload = EntryPayload::Normal(Payload(Bytes::from_static(b"facts")));
    let leader = LeaderIdOf::<TypeConfig>::new(1, 1);
    EntryOf::<TypeConfig> { log_id: LogIdOf::<TypeConfig>::new(leader, index), payload }
}

/// The only segment of a store.
fn segment(home: &Path) -> PathBuf {
    let files = fs::read_dir(home.join("log")).unwrap().map(|file| file.unwrap().path());
    let mut logs: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|it| it == "log")).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.remove(0)
}

/// Writes to one file what another has that it has not, and flushes nothing.
fn write_unflushed(from: &Path, to: &Path) {
    let (new, old) = (fs::read(from).unwrap(), fs::read(to).unwrap());
    let differs = |at: &usize| new[*at] != old[*at];
    let first = (0..old.len()).find(differs).unwrap();
    let last = (0..old.len()).rfind(differs).unwrap();
    let file = OpenOptions::new().write(true).open(to).unwrap();
    file.write_all_at(&new[first..=last], first as u64).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        match file.file_type().unwrap().is_dir() {
            true => copy(&file.path(), &to),
            false => drop(fs::copy(file.path(), to).unwrap()),
        }
    }
}
