//! What can only be seen from inside: every torn byte, and a disk that fails.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::alias::LeaderIdOf;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderId;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::checkpoint::Fallback;
use crate::health::{StoreHealth, lock};
use crate::log::frozen::frozen_group;
use crate::log::open::{QUEUE_MAX, build_writer, create, open_mark, salt_of};
use crate::log::recovery::Damage;
use crate::log::spare::SpareMaker;
use crate::log::store::{LogStore, push_all};
use crate::log::writer::{Request, Writer};
use crate::log::{mark, recovery};
use crate::options::Options;
use crate::stored::{Entry, LogId, Vote};
use crate::types::{Payload, TypeConfig};

const DISK: Uuid = Uuid::from_u128(0xD1);

fn entry(index: u64, payload: &'static [u8]) -> Entry {
    let log_id = LogId::new(LeaderIdOf::<TypeConfig>::new(1, 1), index);
    Entry { log_id, payload: EntryPayload::Normal(Payload(Bytes::from_static(payload))) }
}

fn options() -> Options {
    Options { segment_bytes: 4 << 10, ..Options::default() }
}

/// A writer that was never started, on a new log.
fn writer(dir: &Path, options: &Options) -> Writer {
    create(dir).expect("a directory in which nothing is");
    let recovered = recovery::recover(dir, salt_of(&DISK), 0).expect("readable").expect("intact");
    let health = StoreHealth::default();
    let mark = open_mark(dir, &recovered, &health).expect("just made");
    let maker = SpareMaker::new(dir, options.segment_bytes, options.allocator.clone());
    build_writer(dir, salt_of(&DISK), recovered, mark, maker, options, &health).expect("room")
}

fn write(writer: &mut Writer, entries: Vec<Entry>) -> io::Result<()> {
    push_all(&mut lock(&writer.table), &entries).expect("the next ones");
    writer.serve(vec![Request::Append { entries, done: IOFlushed::noop() }])
}

fn recovered_last(dir: &Path) -> Result<Option<u64>, Damage> {
    let recovered = recovery::recover(dir, salt_of(&DISK), 0).expect("readable")?;
    Ok(recovered.table.last().map(|id| id.index))
}

/// A leader waits for this before it sends entries to a witness.
#[test]
fn what_is_told_to_be_on_the_disk_is_what_was_flushed_and_no_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), &options());
    writer.begin().expect("written");
    let on_disk = lock(&writer.table).on_disk();
    let told = || *on_disk.borrow();
    assert_eq!(told(), None);
    let all = [entry(0, b"a"), entry(1, b"b"), entry(2, b"c")];
    push_all(&mut lock(&writer.table), &all).expect("the next ones");
    assert_eq!(told(), None, "it is in memory only");
    let append = |entries: &[Entry]| {
        vec![Request::Append { entries: entries.to_vec(), done: IOFlushed::noop() }]
    };
    writer.serve(append(&all)).expect("written");
    assert_eq!(told(), Some(2));

    // Cut off in memory, and another entry in its place: that one is not on the disk, nor is the old one there again.
    let id = LogId::new(LeaderIdOf::<TypeConfig>::new(2, 1), 2);
    let other = Entry { log_id: id, ..entry(2, b"d") };
    lock(&writer.table).truncate(Some(all[1].log_id));
    assert_eq!(told(), Some(1));
    push_all(&mut lock(&writer.table), std::slice::from_ref(&other)).expect("the next one");
    lock(&writer.table).flushed(&all[2].log_id);
    assert_eq!(told(), Some(1), "what was cut off is not what is there now");
    writer.serve(append(&[other])).expect("written");
    assert_eq!(told(), Some(2));
}

#[test]
fn a_last_group_torn_at_every_single_byte_is_dropped_and_an_acknowledged_one_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), &options());
    writer.begin().expect("written");
    write(&mut writer, vec![entry(0, b"acknowledged")]).expect("written");
    let segment = writer.active.path.clone();
    let mark = dir.path().join(mark::NAME);
    let (acknowledged, marked) = (fs_read(&segment), fs_read(&mark));
    let start = writer.active.offset as usize;
    write(&mut writer, vec![entry(1, b"not yet"), entry(2, b"not yet either")]).expect("written");
    let end = writer.active.offset as usize;
    let (whole, marked_whole) = (fs_read(&segment), fs_read(&mark));
    for cut in start..end {
        let torn = [&whole[..cut], &acknowledged[cut..]].concat();
        std::fs::write(&segment, torn).expect("written");
        std::fs::write(&mark, &marked).expect("written");
        assert_eq!(recovered_last(dir.path()), Ok(Some(0)), "cut at {cut}");
        std::fs::write(&mark, &marked_whole).expect("written");
        let damage = recovered_last(dir.path()).expect_err("it was acknowledged");
        assert_eq!((damage.file, damage.offset), (segment.clone(), start as u64));
    }
    std::fs::write(&segment, &whole).expect("written");
    assert_eq!(recovered_last(dir.path()), Ok(Some(2)));
}

#[test]
fn a_payload_that_looks_like_a_group_does_not_pass_for_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), &options());
    writer.begin().expect("written");
    let forged: &'static [u8] = Vec::leak(frozen_group(!salt_of(&DISK), 99, &[]));
    let start = writer.active.offset as usize;
    let mark = dir.path().join(mark::NAME);
    let marked = fs_read(&mark);
    write(&mut writer, vec![entry(0, forged)]).expect("written");
    let segment = writer.active.path.clone();
    let mut torn = fs_read(&segment);
    torn[start + 3] ^= 0xFF;
    std::fs::write(&segment, torn).expect("written");
    std::fs::write(&mark, marked).expect("written");
    assert_eq!(recovered_last(dir.path()), Ok(None));
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_and_the_operator_is_told_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let told = Arc::new(AtomicU32::new(0));
    let count = told.clone();
    let on_fatal = Arc::new(move |_: &str| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let mut writer = writer(dir.path(), &Options { on_fatal, ..options() });
    writer.begin().expect("written");
    // A file that cannot be written stands in for a disk that fails.
    writer.active.file = Arc::new(File::open(&writer.active.path).expect("it exists"));
    let (requests, queue) = mpsc::channel(QUEUE_MAX);
    let mut store = LogStore {
        table: writer.table.clone(),
        notes: writer.mark.clone(),
        requests,
        fallback: Fallback::new(true),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let thread = thread::spawn(move || writer.run(queue));
    runtime.block_on(async {
        let (done, flushed) = TypeConfig::oneshot();
        store.append([entry(0, b"x")], IOFlushed::signal(done)).await.expect("queued");
        assert!(flushed.await.expect("told").is_err());
        assert!(store.save_vote(&Vote::new(1, 1)).await.is_err());
        assert!(store.append([entry(1, b"y")], IOFlushed::noop()).await.is_err());
    });
    thread.join().expect("the writer ends by itself");
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

fn fs_read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("it exists")
}
