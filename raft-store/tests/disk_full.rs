//! A full disk stops nothing that was acknowledged, is seen before it hurts, and is over when it is over.

#![expect(clippy::disallowed_methods, reason = "a test joins what it spawns")]

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::storage::{IOFlushed, RaftLogStorage, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use openraft::{RaftLogReader, RaftSnapshotBuilder};
use raft_store::types::TypeConfig;
use raft_store::{Allocator, Committed, Fallocate, Frozen, Machine, OpenError, Options};

use crate::support::{
    Counting, Home, append, close, entries, entry, eventually, files, run, segments, small,
};

/// A disk that is full when the test says so.
#[derive(Default)]
struct Disk {
    full: AtomicBool,
}

impl Disk {
    fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    fn room(&self) -> io::Result<()> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl Allocator for Disk {
    fn reserve(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.room()?;
        Fallocate.reserve(file, bytes)
    }
}

fn on(disk: &Arc<Disk>) -> Options {
    Options { allocator: disk.clone(), ..small() }
}

#[test]
fn a_full_disk_is_reported_while_there_is_still_room_for_what_was_proposed() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    let mut opened = home.open_with(on(&disk)).unwrap();
    eventually("a spare is there", || spare_exists(&home));
    assert_eq!(opened.health.disk_full(), None);
    disk.set_full(true);
    run(async {
        // The rest of the first segment, and what makes it go on in the spare.
        for index in 0..5 {
            append(&mut opened.log, vec![entry(1, index, &[1; 900])]).await.unwrap();
        }
        assert_eq!(segments(home.path()).len(), 2);
        eventually("the full disk is seen", || opened.health.disk_full().is_some());
        // There is most of a segment left for what is on its way, and for Raft's own entries.
        append(&mut opened.log, vec![entry(1, 5, &[1; 900])]).await.unwrap();
    });
    disk.set_full(false);
    eventually("there is room again", || opened.health.disk_full().is_none());
    close(opened);
}

#[test]
fn writing_waits_when_nothing_is_left_and_goes_on_when_there_is_room() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    let mut opened = home.open_with(on(&disk)).unwrap();
    eventually("a spare is there", || spare_exists(&home));
    disk.set_full(true);
    run(async {
        let mut waiting = Vec::new();
        for index in 0..12 {
            let (done, flushed) = TypeConfig::oneshot();
            let entries = [entry(1, index, &[1; 900])];
            opened.log.append(entries, IOFlushed::signal(done)).await.unwrap();
            waiting.push(flushed);
        }
        eventually("the full disk is seen", || opened.health.disk_full().is_some());
        let mut reader = opened.log.get_log_reader().await;
        let readable = reader.try_get_log_entries(0..20).await.unwrap();
        assert_eq!(readable.len(), 12, "what waits can be read");
        disk.set_full(false);
        for flushed in waiting {
            flushed.await.unwrap().unwrap();
        }
    });
    eventually("there is room again", || opened.health.disk_full().is_none());
    close(opened);
    let mut opened = home.open();
    assert_eq!(run(entries(&mut opened.log)).len(), 12);
    close(opened);
}

#[test]
fn a_store_can_be_closed_while_the_disk_is_full() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    let options = Options { on_fatal: Arc::new(|_| ()), ..on(&disk) };
    let mut opened = home.open_with(options).unwrap();
    eventually("a spare is there", || spare_exists(&home));
    disk.set_full(true);
    run(async {
        append(&mut opened.log, vec![entry(1, 0, b"acknowledged")]).await.unwrap();
        for index in 1..12 {
            let entries = [entry(1, index, &[1; 900])];
            opened.log.append(entries, IOFlushed::noop()).await.unwrap();
        }
    });
    close(opened);
    let mut opened = home.open();
    let kept = run(entries(&mut opened.log));
    assert_eq!(kept[0], entry(1, 0, b"acknowledged"));
    close(opened);
}

#[test]
fn a_first_start_on_a_full_disk_says_so() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    disk.set_full(true);
    let error = home.open_with(on(&disk)).err().expect("there is no room");
    assert!(matches!(error, OpenError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("Free at least"), "{error}");
    disk.set_full(false);
    close(home.open_with(on(&disk)).unwrap());
}

#[test]
fn a_later_start_on_a_full_disk_works_and_says_so() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    let mut opened = home.open_with(on(&disk)).unwrap();
    run(append(&mut opened.log, vec![entry(1, 0, b"x")])).unwrap();
    close(opened);
    disk.set_full(true);
    let mut opened = home.open_with(on(&disk)).unwrap();
    eventually("the full disk is seen", || opened.health.disk_full().is_some());
    run(append(&mut opened.log, vec![entry(1, 1, b"y")])).unwrap();
    close(opened);
}

/// Whether a spare has its room. Its name is there before the disk is asked for any.
fn spare_exists(home: &Home) -> bool {
    let (files, whole) = (files(&home.path().join("log")), small().segment_bytes);
    let mut spares = files.iter().filter(|path| path.to_string_lossy().contains("spare"));
    spares.any(|path| path.metadata().is_ok_and(|file| file.len() == whole))
}

/// A machine whose image meets the full disk.
struct OnDisk {
    counting: Counting,
    disk: Arc<Disk>,
}

struct ImageOnDisk(Box<dyn Frozen>, Arc<Disk>);

impl Machine for OnDisk {
    fn apply(&self, entries: &[Committed]) -> Vec<raft_store::Applied> {
        self.counting.apply(entries)
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(ImageOnDisk(self.counting.freeze(), self.disk.clone()))
    }

    fn restore(&self, image: &[u8]) -> io::Result<()> {
        self.counting.restore(image)
    }
}

impl Frozen for ImageOnDisk {
    fn write(self: Box<Self>, out: &mut dyn io::Write) -> io::Result<()> {
        self.1.room()?;
        self.0.write(out)
    }
}

#[test]
fn a_checkpoint_waits_for_room_and_then_is_of_the_newest_facts() {
    let (home, disk) = (Home::new(), Arc::new(Disk::default()));
    let machine = OnDisk { counting: Counting::default(), disk: disk.clone() };
    let machine = Arc::new(machine);
    let mut opened =
        raft_store::open(home.path(), &home.identity, small(), machine.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let items = |entry| futures::stream::iter([Ok((entry, None))]);
        opened.state.apply(items(entry(1, 0, b"one"))).await.unwrap();
        disk.set_full(true);
        let mut builder = opened.state.try_create_snapshot_builder(true).await.unwrap();
        let building = tokio::spawn(async move { builder.build_snapshot().await.unwrap() });
        while !opened.health.report().checkpoint_waits {
            tokio::task::yield_now().await;
        }
        assert_eq!(opened.health.disk_full(), None, "the log has room, so writes go on");
        opened.state.apply(items(entry(1, 1, b"two"))).await.unwrap();
        disk.set_full(false);
        let built = building.await.unwrap();
        assert_eq!(built.meta.last_log_id.map(|id| id.index), Some(1));
    });
    assert!(!opened.health.report().checkpoint_waits);
    drop((opened.log, opened.state));
    opened.closing.wait();
    let again = Arc::new(Counting::default());
    let opened = raft_store::open(home.path(), &home.identity, small(), again.clone()).unwrap();
    assert_eq!(again.counts(), machine.counting.counts());
    close(opened);
}
