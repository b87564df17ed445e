//! A log that lies on something else than files, as a simulation's does: the same suite of openraft, and a start that
//! goes on where the last one ended.

use std::io;
use std::sync::{Arc, Mutex};

use crate::support::{
    ALL, Counting, Entry, LogId, append, apply, entries, entry, log_id, run, small,
};
use futures::future::BoxFuture;
use openraft::storage::RaftStateMachine;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::{RaftSnapshotBuilder, StorageError};
use raft_store::types::TypeConfig;
use raft_store::{Kept, LogStore, Opened, Options, Platter, Record, StateStore, open_on};
use tempfile::TempDir;
use uuid::Uuid;

/// Keeps everything at once.
#[derive(Default)]
struct Memory(Mutex<Kept>);

impl Platter for Memory {
    fn kept(&self) -> Kept {
        self.0.lock().unwrap().clone()
    }

    fn write(&self, records: Vec<Record>) -> BoxFuture<'static, io::Result<()>> {
        let mut kept = self.0.lock().unwrap();
        for record in records {
            match record {
                Record::Entry(entry) => kept.entries.push(entry),
                Record::Vote(vote) => kept.vote = Some(vote),
                Record::Truncate(after) => {
                    let stays = |entry: &Entry| {
                        after.is_some_and(|after: LogId| entry.log_id.index <= after.index)
                    };
                    kept.entries.retain(stays);
                }
                Record::Purge(upto) => {
                    kept.entries.retain(|entry| entry.log_id.index > upto.index);
                    kept.purged = kept.purged.max(Some(upto));
                }
            }
        }
        Box::pin(async { Ok(()) })
    }

    fn note(&self, committed: LogId) {
        self.0.lock().unwrap().committed = Some(committed);
    }
}

fn options() -> Options {
    Options { keep_for_older_checkpoint: false, ..small() }
}

fn opened(platter: Arc<Memory>, dir: &TempDir, machine: Arc<Counting>) -> Opened<Counting> {
    open_on(platter, dir.path(), Uuid::from_u128(1), &options(), machine).unwrap()
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateStore<Counting>, TempDir> for Builder {
    async fn build(
        &self,
    ) -> Result<(TempDir, LogStore, StateStore<Counting>), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let opened = opened(Arc::default(), &dir, Arc::default());
        Ok((dir, opened.log, opened.state))
    }
}

#[test]
fn a_log_on_a_platter_keeps_the_contract_of_the_raft_library() {
    TypeConfig::run(async { Suite::test_all(Builder).await }).unwrap();
}

#[test]
fn a_start_goes_on_from_the_platter_and_the_newest_checkpoint() {
    let (platter, dir) = (Arc::new(Memory::default()), tempfile::tempdir().unwrap());
    let all: Vec<Entry> = (1..=6).map(|index| entry(1, index, b"same")).collect();
    run(async {
        let mut first = opened(platter.clone(), &dir, Arc::default());
        append(&mut first.log, all.clone()).await.unwrap();
        apply(&mut first, all[..4].to_vec()).await;
        first.state.get_snapshot_builder().await.build_snapshot().await.unwrap();
    });
    run(async {
        let machine = Arc::new(Counting::default());
        let mut again = opened(platter, &dir, machine.clone());
        assert_eq!(entries(&mut again.log).await, all);
        let (applied, _) = again.state.applied_state().await.unwrap();
        assert_eq!(applied, Some(log_id(1, 4)));
        assert_eq!(machine.counts(), [(b"same".to_vec(), 4)].into());
        assert_eq!(again.history.scan_table(ALL, None, 9).unwrap().len(), 4);
        apply(&mut again, all[4..].to_vec()).await;
        again.history.reached(6).await.unwrap();
        assert_eq!(again.history.scan_table(ALL, None, 9).unwrap().len(), 6);
    });
}
