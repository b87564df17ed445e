//! For how long what befell a disk excuses what its Manager says, on runs known to be good and known to be bad.

use super::judging::Run;
use super::support::{SECOND, Story, bit};
use chaos_tests::checker::Valid;
use serde_json::json;

/// A run that began at 05:16:39, in which `class` befell Manager 4 from 10 s to 20 s.
fn befallen(class: &str) -> Run {
    let begun = |story: Story| {
        let text = "2026-11-29T05:16:40Z  INFO kyvos_manager::node::serve: started manager=4";
        let told = json!({ "at": SECOND, "seq": 1, "text": text });
        story.at(90 * SECOND, "log", "start", 0, told)
    };
    let strike = |story: Story| story.strike(class, (10 * SECOND, 20 * SECOND), &[4], bit());
    Run::new().tells(begun).tells(strike)
}

fn damaged(run: Run, stamp: &str) -> Valid {
    let line =
        format!("2026-11-29T{stamp}Z ERROR this process ends because=the log is damaged: 1.log");
    // What is printed besides has no stamp.
    let run =
        run.says("host-2/km.log", &line).says("host-2/km.log", "km: the log is damaged: 1.log");
    run.finding("damage").valid
}

fn fell(run: Run, stamp: &str) -> Valid {
    let why = "consensus stopped: source: Input/output error (os error 5)";
    let line = format!("2026-11-29T{stamp}Z ERROR this process ends because={why}");
    run.says("host-2/km.log", &line).finding("falls").valid
}

#[test]
fn damage_excuses_from_when_it_was_until_a_while_after_the_manager_was_well_again() {
    for (stamp, valid) in [
        ("05:16:44", Valid::No),
        ("05:16:50", Valid::Yes),
        ("05:17:30", Valid::Yes),
        ("05:31:39", Valid::No),
    ] {
        assert_eq!(damaged(befallen("bit-flip-one"), stamp), valid, "{stamp}");
        assert_eq!(fell(befallen("flush-fails-one"), stamp), valid, "{stamp}");
    }
}

#[test]
fn a_line_that_may_be_of_that_time_because_its_clock_was_moved_is_excused() {
    let moved = |from: u64| {
        befallen("bit-flip-one")
            .tells(|story| story.strike("clock-one", (from, from + SECOND), &[4], bit()))
    };
    assert_eq!(damaged(moved(15 * SECOND), "06:16:55"), Valid::Yes);
    // Of a time before the run: nobody knows when it was.
    assert_eq!(damaged(moved(15 * SECOND), "04:16:55"), Valid::Yes);
    assert_eq!(damaged(moved(95 * SECOND), "06:16:55"), Valid::No);
}

/// As in a run of 30 November 2026: the clock of Manager 14's host was moved while Manager 4 took its place there, whose disk
/// failed; what it then said has the stamp of another time.
#[test]
fn a_clock_is_moved_for_whoever_comes_to_its_host_under_another_number() {
    let moved = |host: u64| {
        befallen("flush-fails-one").tells(|story| {
            let came = json!({ "host": host, "role": "manager" });
            let story = story.at(SECOND, "member", "joined", 14, came);
            story.strike("clock-one", (5 * SECOND, 15 * SECOND), &[14], bit())
        })
    };
    assert_eq!((fell(moved(2), "05:16:42"), fell(moved(3), "05:16:42")), (Valid::Yes, Valid::No));
}

#[test]
fn what_never_ended_excuses_to_the_end() {
    let open = |story: Story| {
        let begins = json!({ "begins": [4] });
        story.at(30 * SECOND, "nemesis", "bit-flip-one", 0, begins)
    };
    assert_eq!(damaged(befallen("split-one").tells(open), "05:31:39"), Valid::Yes);
}
