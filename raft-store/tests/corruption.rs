//! Damage is found and named, or does not matter; a store is never silently shorter.

use std::fs;
use std::path::{Path, PathBuf};

use openraft::alias::VoteOf;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::{RaftLogReader, RaftSnapshotBuilder};
use raft_store::types::TypeConfig;
use raft_store::{OpenError, Opened};

use crate::support::{
    ALL, Counting, Entry, Home, append, apply, close, entries, entry, files, log_id, run, small,
};

type Vote = VoteOf<TypeConfig>;

/// All that must survive, or be refused.
#[derive(Debug, PartialEq)]
struct Held {
    entries: Vec<Entry>,
    vote: Option<Vote>,
    counts: Vec<(Vec<u8>, u64)>,
    rows: Vec<(u64, Vec<u8>)>,
}

/// A stopped member: several segments, two checkpoints, a purged beginning, a history.
fn stopped_member() -> (Home, Held) {
    let home = Home::new();
    let mut opened = home.open();
    run(async {
        for first in (0..60).step_by(10) {
            let more: Vec<Entry> =
                (first..first + 10).map(|at| entry(1, at, &[at as u8; 200])).collect();
            append(&mut opened.log, more.clone()).await.unwrap();
            opened.log.save_committed(Some(log_id(1, first + 9))).await.unwrap();
            apply(&mut opened, more).await;
            if first == 10 || first == 30 {
                let mut builder = opened.state.try_create_snapshot_builder(true).await.unwrap();
                builder.build_snapshot().await.unwrap();
            }
        }
        opened.log.purge(log_id(1, 15)).await.unwrap();
        opened.log.save_vote(&Vote::new(2, 3)).await.unwrap();
    });
    close(opened);
    let held = held(&home).unwrap();
    let aside = home.path().join("quarantine");
    assert!(!aside.exists(), "nothing was damaged: {:?}", files(home.path()));
    assert_eq!(held.entries.len(), 44);
    assert_eq!(held.rows.len(), 60);
    (home, held)
}

fn held(home: &Home) -> Result<Held, OpenError> {
    let machine = std::sync::Arc::new(Counting::default());
    let mut opened = raft_store::open(home.path(), &home.identity, small(), machine.clone())?;
    let held = run(async {
        catch_up(&mut opened).await;
        Held {
            entries: entries(&mut opened.log).await,
            vote: opened.log.get_log_reader().await.read_vote().await.unwrap(),
            counts: machine.counts().into_iter().collect(),
            rows: opened.history.scan_table(ALL, None, usize::MAX).unwrap(),
        }
    });
    close(opened);
    Ok(held)
}

/// What openraft does at a start.
async fn catch_up(opened: &mut Opened<Counting>) {
    let (applied, _) = opened.state.applied_state().await.unwrap();
    let committed = opened.log.read_committed().await.unwrap().unwrap();
    let from = applied.map_or(0, |applied| applied.index + 1);
    let mut reader = opened.log.get_log_reader().await;
    let missed = reader.try_get_log_entries(from..committed.index + 1).await.unwrap();
    apply(opened, missed).await;
    opened.history.reached(committed.index).await.unwrap();
}

/// Damages one file of a copy and opens it: everything is there, or it is refused.
fn judge(
    home: &Home,
    held_before: &Held,
    file: &Path,
    damage: impl Fn(&mut Vec<u8>),
    what: &str,
) -> bool {
    let copy = home.copy();
    let damaged = copy.path().join(file.strip_prefix(home.path()).unwrap());
    let mut bytes = fs::read(&damaged).unwrap();
    damage(&mut bytes);
    fs::write(&damaged, bytes).unwrap();
    match held(&copy) {
        Ok(held) => {
            assert_eq!(held, *held_before, "{what} in {}", file.display());
            false
        }
        Err(OpenError::Log { .. } | OpenError::Header { .. } | OpenError::Newer { .. }) => true,
        Err(error) => panic!("{what} in {}: {error}", file.display()),
    }
}

/// Offsets spread over the part of a file that is not zeros, more of them at its beginning.
fn offsets(bytes: &[u8], count: usize) -> Vec<usize> {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let stride = (used / count).max(1);
    (0..used.min(24)).step_by(3).chain((24..used).step_by(stride)).collect()
}

fn data_files(home: &Home) -> Vec<PathBuf> {
    let all = files(home.path());
    let named = |path: &PathBuf, name: &str| path.file_name().is_some_and(|it| it == name);
    all.into_iter().filter(|path| !named(path, "lock")).collect()
}

#[test]
fn a_flipped_bit_in_any_file_is_refused_or_repaired_and_never_makes_the_store_shorter() {
    let (home, held) = stopped_member();
    for file in data_files(&home) {
        let bytes = fs::read(&file).unwrap();
        for offset in offsets(&bytes, 12) {
            judge(&home, &held, &file, |bytes| bytes[offset] ^= 0x10, &format!("bit at {offset}"));
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused_or_repaired_and_never_makes_the_store_shorter() {
    let (home, held) = stopped_member();
    for file in data_files(&home) {
        let bytes = fs::read(&file).unwrap();
        for len in offsets(&bytes, 6).into_iter().step_by(3) {
            judge(&home, &held, &file, |bytes| bytes.truncate(len), &format!("cut to {len}"));
        }
    }
}

#[test]
fn every_flipped_bit_in_a_written_part_of_the_log_is_refused() {
    let (home, held) = stopped_member();
    for file in crate::support::segments(home.path()) {
        let bytes = fs::read(&file).unwrap();
        for offset in offsets(&bytes, 8) {
            let refused =
                judge(&home, &held, &file, |bytes| bytes[offset] ^= 1, &format!("bit at {offset}"));
            assert!(refused, "{} at {offset}", file.display());
        }
    }
}

#[test]
fn a_segment_that_is_gone_is_refused() {
    let (home, _) = stopped_member();
    for file in crate::support::segments(home.path()) {
        let copy = home.copy();
        fs::remove_file(copy.path().join(file.strip_prefix(home.path()).unwrap())).unwrap();
        let error = held(&copy).expect_err("a segment is missing");
        assert!(matches!(error, OpenError::Log { .. }), "{error}");
        assert!(error.to_string().contains("join again"), "{error}");
    }
}

#[test]
fn checking_finds_every_damage_and_nothing_else() {
    let (home, _) = stopped_member();
    let report = raft_store::check(home.path()).unwrap();
    assert_eq!(report.findings, Vec::new());
    for file in data_files(&home) {
        if file.starts_with(home.path().join("history")) {
            continue;
        }
        let copy = home.copy();
        let damaged = copy.path().join(file.strip_prefix(home.path()).unwrap());
        let mut bytes = fs::read(&damaged).unwrap();
        if bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        bytes[20] ^= 0x40;
        fs::write(&damaged, bytes).unwrap();
        let report = raft_store::check(copy.path()).unwrap();
        let found = report.findings.iter().any(|finding| finding.file == damaged);
        assert!(found, "{}: {:?}", damaged.display(), report.findings);
    }
}

/// What `check` finds in a copy that was tampered with: the damaged files, and whether the next start makes each
/// good. Whether it does is tried as well.
fn found_after(
    home: &Home,
    before: &Held,
    tamper: impl FnOnce(&Path),
) -> Vec<(PathBuf, bool, String)> {
    let copy = home.copy();
    tamper(copy.path());
    let looks = [(); 2].map(|()| raft_store::check(copy.path()).unwrap());
    assert_eq!(looks[0], looks[1], "looking changes nothing");
    let heals = looks[0].findings.iter().all(|finding| finding.heals);
    match held(&copy) {
        Ok(held) => assert!(heals && held == *before, "{looks:?}"),
        Err(error) => assert!(!heals, "{error}: {looks:?}"),
    }
    if heals {
        let after = raft_store::check(copy.path()).unwrap().findings;
        assert_eq!(after, Vec::new(), "it was made good");
    }
    let [look, _] = looks;
    let named = |finding: raft_store::Finding| {
        let file = finding.file.strip_prefix(copy.path()).unwrap().to_owned();
        (file, finding.heals, finding.meaning)
    };
    look.findings.into_iter().map(named).collect()
}

/// Bytes that no program wrote.
fn noise(len: usize) -> Vec<u8> {
    let mut hash = blake3::Hasher::new().finalize_xof();
    let mut bytes = vec![0; len];
    hash.fill(&mut bytes);
    bytes
}

#[test]
fn checking_names_a_file_of_the_history_that_was_emptied_removed_or_overwritten() {
    let (home, before) = stopped_member();
    for name in ["history/db", "history/conf"] {
        let len = fs::read(home.path().join(name)).unwrap().len();
        let contents = [None, Some(vec![]), Some(noise(len)), Some(noise(64)), Some(vec![0; len])];
        for content in contents {
            let what = format!("{name} with {:?} bytes", content.as_ref().map(Vec::len));
            let found = found_after(&home, &before, |dir| match content {
                None => fs::remove_file(dir.join(name)).unwrap(),
                Some(bytes) => fs::write(dir.join(name), bytes).unwrap(),
            });
            let [(file, heals, meaning)] = &found[..] else { panic!("{what}: {found:?}") };
            assert_eq!((file.as_path(), *heals), (Path::new(name), true), "{what}");
            assert!(meaning.contains("made anew at the next start"), "{what}: {meaning}");
        }
    }
    let gone = found_after(&home, &before, |dir| fs::remove_dir_all(dir.join("history")).unwrap());
    assert_eq!((gone[0].0.as_path(), gone[0].1, gone.len()), (Path::new("history"), true, 1));
}

#[test]
fn checking_names_a_mark_that_is_missing_or_cannot_be_read() {
    let (home, before) = stopped_member();
    let mark = Path::new("log/mark");
    let found = found_after(&home, &before, |dir| fs::remove_file(dir.join(mark)).unwrap());
    assert_eq!((found[0].0.as_path(), found[0].1, found.len()), (mark, true, 1), "{found:?}");
    for bytes in [vec![], noise(1024)] {
        let found = found_after(&home, &before, |dir| fs::write(dir.join(mark), bytes).unwrap());
        assert!(found.iter().all(|it| it.0 == mark && it.1), "{found:?}");
        assert_eq!(found.len(), 2, "both of its slots");
    }
}

#[test]
fn checking_tells_what_the_next_start_makes_good_from_what_is_lost() {
    let (home, before) = stopped_member();
    let checkpoints = files(&home.path().join("checkpoints"));
    let of = |path: &Path| path.strip_prefix(home.path()).unwrap().to_owned();
    let newest = of(checkpoints.last().unwrap());
    let one = found_after(&home, &before, |dir| fs::write(dir.join(&newest), b"no").unwrap());
    assert_eq!((&one[0].0, one[0].1, one.len()), (&newest, true, 1), "{one:?}");
    let all = found_after(&home, &before, |dir| {
        checkpoints.iter().for_each(|path| fs::write(dir.join(of(path)), b"no").unwrap());
    });
    assert_eq!(all.iter().map(|it| it.1).collect::<Vec<_>>(), [false, false], "{all:?}");
    let gone = found_after(&home, &before, |dir| {
        checkpoints.iter().for_each(|path| fs::remove_file(dir.join(of(path))).unwrap());
    });
    assert_eq!((gone[0].0.as_path(), gone[0].1), (Path::new("checkpoints"), false), "{gone:?}");
    let segment = of(&crate::support::segments(home.path())[0]);
    let log = found_after(&home, &before, |dir| fs::remove_file(dir.join(&segment)).unwrap());
    assert!(log.iter().any(|it| !it.1 && it.0.starts_with("log")), "{log:?}");
}

#[test]
fn a_damaged_history_is_put_aside_and_made_anew() {
    let (home, before) = stopped_member();
    let db = home.path().join("history/db");
    let mut bytes = fs::read(&db).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&db, bytes).unwrap();
    let opened = home.open();
    let report = opened.health.report();
    close(opened);
    assert_eq!(report.quarantined.len(), 1, "{report:?}");
    assert!(report.quarantined[0].now.exists());
    assert_eq!(held(&home).unwrap(), before);
}

#[test]
fn a_lost_history_is_made_anew() {
    let (home, before) = stopped_member();
    fs::remove_dir_all(home.path().join("history")).unwrap();
    assert_eq!(held(&home).unwrap(), before);
}

// A crash of sled while it opens leaves such a file, and sled then refuses to open for ever.
#[test]
fn an_unfinished_snapshot_of_sled_does_not_matter() {
    let (home, before) = stopped_member();
    fs::write(home.path().join("history/snap.00000000000FF1CE.generating"), b"torn").unwrap();
    assert_eq!(held(&home).unwrap(), before);
}

#[test]
fn a_damaged_newest_checkpoint_is_put_aside_and_the_older_one_is_used() {
    let (home, before) = stopped_member();
    let newest = files(&home.path().join("checkpoints")).pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let opened = home.open();
    let report = opened.health.report();
    close(opened);
    assert_eq!(report.quarantined.len(), 1);
    assert_eq!(report.quarantined[0].was, newest);
    assert_eq!(held(&home).unwrap(), before);
}

// Raft purges as soon as the newest checkpoint covers it. Were that damaged, nothing would hold the facts.
#[test]
fn the_log_is_kept_from_the_older_checkpoint_on_so_that_any_one_damaged_checkpoint_is_made_good() {
    let (home, before) = stopped_member();
    let mut opened = home.open();
    let state = run(async {
        opened.log.purge(log_id(1, 38)).await.unwrap();
        opened.log.save_vote(&before.vote.unwrap()).await.unwrap();
        opened.log.get_log_state().await.unwrap()
    });
    close(opened);
    assert_eq!(state.last_purged_log_id, Some(log_id(1, 19)), "the older checkpoint ends there");
    let newest = files(&home.path().join("checkpoints")).pop().unwrap();
    fs::write(newest, b"nothing of use").unwrap();
    let after = held(&home).unwrap();
    assert_eq!((after.counts, after.rows), (before.counts, before.rows));
}

#[test]
fn facts_that_are_doubted_are_made_anew_from_the_older_checkpoint_and_the_log() {
    let (home, before) = stopped_member();
    let newest = files(&home.path().join("checkpoints")).pop().unwrap();
    raft_store::doubt(home.path(), "they differ from the others'").unwrap();
    let opened = home.open();
    let aside = opened.health.report().quarantined;
    close(opened);
    let of = |file: &Path| aside.iter().any(|it| it.was == file && it.because.contains("differ"));
    assert!(of(&newest) && of(&home.path().join("history")), "{aside:?}");
    assert_eq!(held(&home).unwrap(), before);
    assert!(home.open().health.report().quarantined.is_empty(), "once is enough");
}

#[test]
fn without_a_checkpoint_a_purged_log_is_refused() {
    let (home, _) = stopped_member();
    for checkpoint in files(&home.path().join("checkpoints")) {
        fs::write(checkpoint, b"nothing of use").unwrap();
    }
    let error = held(&home).expect_err("nothing holds the facts before the log");
    assert!(matches!(error, OpenError::Checkpoint { log_begins: 15, .. }), "{error}");
}
