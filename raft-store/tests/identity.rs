//! A directory knows whose it is.

use std::fs;

use raft_store::{Identity, OpenError};
use uuid::Uuid;

use crate::support::{Home, close, fresh_dir, small};

fn refusal(home: &Home, expect: Identity) -> OpenError {
    let opened = raft_store::open(
        home.path(),
        &expect,
        small(),
        std::sync::Arc::new(crate::support::Counting::default()),
    );
    opened.err().expect("the directory is not the expected one")
}

#[test]
fn a_directory_of_another_cluster_is_refused() {
    let home = Home::new();
    let expect = Identity { cluster_id: Uuid::from_u128(7), ..home.identity };
    let error = refusal(&home, expect);
    assert!(matches!(error, OpenError::OtherCluster { .. }), "{error}");
    assert!(error.to_string().contains("join with an empty one"), "{error}");
}

#[test]
fn a_reused_disk_is_refused() {
    let home = Home::new();
    let expect = Identity { disk_id: Uuid::from_u128(7), ..home.identity };
    let error = refusal(&home, expect);
    assert!(matches!(error, OpenError::OtherDisk { .. }), "{error}");
    assert!(error.to_string().contains("put the old disk back"), "{error}");
}

#[test]
fn the_disk_of_another_node_is_refused() {
    let home = Home::new();
    let error = refusal(&home, Identity { node_id: 2, ..home.identity });
    assert!(matches!(error, OpenError::OtherNode { found: 1, expected: 2, .. }), "{error}");
}

#[test]
fn a_disk_is_given_a_number_once() {
    let dir = fresh_dir();
    let unnumbered =
        Identity { cluster_id: Uuid::from_u128(1), disk_id: Uuid::from_u128(2), node_id: 0 };
    raft_store::format(dir.path(), &unnumbered).unwrap();
    raft_store::assign_node_id(dir.path(), 17).unwrap();
    raft_store::assign_node_id(dir.path(), 17).unwrap();
    let found = raft_store::identity(dir.path()).unwrap();
    assert_eq!(found, Some(Identity { node_id: 17, ..unnumbered }));
    let again = raft_store::assign_node_id(dir.path(), 18);
    assert!(matches!(again, Err(OpenError::OtherNode { found: 17, expected: 18, .. })));
}

#[test]
fn only_an_empty_directory_is_formatted() {
    let home = Home::new();
    let again = raft_store::format(home.path(), &home.identity);
    assert!(matches!(again, Err(OpenError::NotEmpty { .. })));
}

#[test]
fn a_directory_without_a_header_is_not_opened() {
    let dir = fresh_dir();
    assert_eq!(raft_store::identity(dir.path()).unwrap(), None);
    let home = Home { identity: Home::new().identity, dir };
    let error = refusal(&home, home.identity);
    assert!(matches!(error, OpenError::NotFormatted { .. }), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was left behind");
}

#[test]
fn a_directory_that_is_in_use_is_not_opened_twice() {
    let home = Home::new();
    let opened = home.open();
    let error = home.open_with(small()).err().expect("it is in use");
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    close(opened);
    close(home.open());
}

#[test]
fn a_header_of_a_newer_version_asks_for_that_version() {
    let home = Home::new();
    let path = home.path().join("identity");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4] = 2;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = refusal(&home, home.identity);
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");
}

#[test]
fn a_log_that_is_gone_is_not_begun_anew() {
    let home = Home::new();
    close(home.open());
    fs::remove_dir_all(home.path().join("log")).unwrap();
    let error = refusal(&home, home.identity);
    assert!(matches!(error, OpenError::Log { .. }), "{error}");
}

// A power cut in the first second of a Manager's life: it can be founded again without clearing up by hand.
#[test]
fn a_formatting_that_was_cut_short_is_begun_anew() {
    let home = Home::new();
    std::fs::remove_file(home.path().join("identity")).unwrap();
    std::fs::write(home.path().join("log/mark"), b"torn").unwrap();
    std::fs::write(home.path().join("identity.draft"), b"torn").unwrap();
    raft_store::format(home.path(), &home.identity).unwrap();
    crate::support::close(home.open());
    std::fs::remove_file(home.path().join("identity")).unwrap();
    let again = raft_store::format(home.path(), &home.identity);
    assert!(matches!(again, Err(OpenError::NotEmpty { .. })), "a log with entries is no leftover");
}
