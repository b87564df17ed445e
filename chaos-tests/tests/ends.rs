//! What `chaos` ends with, on kept runs known to be good, bad and doubtful.

use std::path::Path;
use std::process::Command;

use super::coverage::busy;
use super::judging::Run;
use chaos_tests::checker::Valid;
use chaos_tests::verdict::{Verdict, conclude};
use serde_json::{Value, json};

const PANICKED: &str = "thread 'main' panicked at src/main.rs:1:1:";

fn judge(run: &Path) -> Option<i32> {
    #[expect(clippy::disallowed_methods, reason = "waited for until it ends by itself")]
    let mut chaos = Command::new(env!("CARGO_BIN_EXE_chaos"));
    chaos.arg("judge").arg(run).output().unwrap().status.code()
}

/// What `chaos judge` ends with, and what it writes down as the reasons.
fn judged(run: Run) -> (Option<i32>, Value) {
    let (dir, _) = run.evidence();
    let code = judge(dir.path());
    let result = std::fs::read(dir.path().join("result.json")).unwrap();
    let result: Value = serde_json::from_slice(&result).unwrap();
    (code, result["unknown_because"].clone())
}

#[test]
fn a_run_that_is_unknown_ends_with_2_and_says_of_what_kind_the_doubts_are() {
    let mut run = busy(Run::new(), "split-one", 3);
    run.chosen.rate_floor = 100;
    run.chosen.loopback = true;
    let (code, because) = judged(run);
    assert_eq!(code, Some(2));
    for reason in ["loopback", "too-slow", "other"] {
        assert!(because.as_array().unwrap().contains(&json!(reason)), "{because}");
    }
}

#[test]
fn a_run_that_failed_ends_with_1_whatever_else_is_in_doubt() {
    let run = busy(Run::new(), "split-one", 3).says("host-2/km.log", PANICKED);
    assert_eq!(judged(run), (Some(1), json!([])));
}

#[test]
fn what_is_no_run_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(judge(dir.path()), Some(2));
}

#[test]
fn there_are_three_codes() {
    let (_dir, evidence) = Run::new().evidence();
    let code = |valid| Verdict { valid, ..conclude(&evidence) }.exit_code();
    assert_eq!([Valid::Yes, Valid::No, Valid::Unknown].map(code), [0, 1, 2]);
}
