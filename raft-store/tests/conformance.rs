//! openraft's own suite for storage implementations, run against this one.

use std::sync::Arc;

use crate::support::{Counting, Home, small};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use raft_store::types::TypeConfig;
use raft_store::{Closing, LogStore, Options, StateStore};

struct Builder;

/// The suite counts what it purged, and removes the directory under an open store.
fn options() -> Options {
    Options { keep_for_older_checkpoint: false, on_fatal: Arc::new(|_| ()), ..small() }
}

/// Keeps the directory for as long as a test of the suite runs.
struct Guard {
    _home: Home,
    _closing: Closing,
}

impl StoreBuilder<TypeConfig, LogStore, StateStore<Counting>, Guard> for Builder {
    async fn build(
        &self,
    ) -> Result<(Guard, LogStore, StateStore<Counting>), StorageError<TypeConfig>> {
        let home = Home::new();
        let opened = home
            .open_with(options())
            .map_err(|error| StorageError::read(TypeConfig::err_from_error(&error)))?;
        let guard = Guard { _home: home, _closing: opened.closing };
        Ok((guard, opened.log, opened.state))
    }
}

#[test]
fn the_store_keeps_the_contract_of_the_raft_library() {
    TypeConfig::run(async { Suite::test_all(Builder).await }).unwrap();
}
