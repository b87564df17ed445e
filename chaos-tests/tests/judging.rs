//! How a run as a whole is judged, on runs known to be good and known to be bad: what logs say,
//! and whether it counts. The same way for a run that just ended and for one that was kept.

use std::fs;
use std::path::Path;

use super::support::{SECOND, Story, active, bit};
use chaos_tests::checker::{Finding, Valid};
use chaos_tests::fault::Fault;
use chaos_tests::history::{History, Kind, Line, Process};
use chaos_tests::sayings;
use chaos_tests::strikes::{strikes, tally};
use chaos_tests::verdict::evidence::names_of;
use chaos_tests::verdict::{Chosen, Ended, Evidence, conclude, findings, judge};
use serde_json::{Value, json};
use tempfile::TempDir;

// ---- a run with logs

/// A run in a folder: Managers 1, 4 and 7 on hosts of their own, and a spare host.
pub(super) struct Run {
    dir: TempDir,
    story: Story,
    pub(super) chosen: Chosen,
    ended: Ended,
}

const LOG: &str = "2026-11-29T05:16:39.1Z  INFO kyvos_manager::node::serve: started manager=";

impl Run {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut story = Story::default();
        for (host, id) in [(1, 1), (2, 4), (3, 7), (4, 0)] {
            let home = dir.path().join(format!("cluster/host-{host}"));
            fs::create_dir_all(&home).unwrap();
            if id > 0 {
                let value = json!({ "host": host, "role": "manager" });
                story = story.at(0, "member", "founded", id, value);
                fs::write(home.join("km.log"), format!("{LOG}{id} role=\"manager\"\n")).unwrap();
            }
            fs::write(home.join("agent.log"), "kyvos::gate: opened highest=0\n").unwrap();
        }
        let chosen = Chosen {
            seed: 3,
            seconds: Some(60),
            managers: 3,
            overlap: 1,
            faults: Some(vec!["split-one".to_owned()]),
            workloads: vec!["register".to_owned()],
            rate_floor: 1,
            zookeeper_away: false,
            loopback: false,
            besides: String::new(),
            repeat: None,
        };
        Self { dir, story, chosen, ended: Ended::default() }
    }

    pub(super) fn tells(mut self, more: impl FnOnce(Story) -> Story) -> Self {
        self.story = more(self.story);
        self
    }

    pub(super) fn says(self, file: &str, line: &str) -> Self {
        let path = self.dir.path().join("cluster").join(file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{before}{line}\n")).unwrap();
        self
    }

    /// Written to its folder as a run writes it, and read again.
    pub(super) fn evidence(self) -> (TempDir, Evidence) {
        let Self { dir, story, chosen, ended } = self;
        let began = json!({ "chosen": chosen, "versions": {} });
        let story = story.at(0, "run", "began", 0, began);
        let lines = story.at(100 * SECOND, "run", "ended", 0, json!(ended)).lines();
        write_history(dir.path(), &lines);
        let evidence = Evidence::of(dir.path()).unwrap();
        (dir, evidence)
    }

    pub(super) fn finding(self, check: &str) -> Finding {
        let (_dir, evidence) = self.evidence();
        find(&findings(&evidence), check)
    }
}

fn write_history(dir: &Path, lines: &[Line]) {
    let text: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    fs::write(dir.join("history.jsonl"), text.join("\n")).unwrap();
}

pub(super) fn find(findings: &[Finding], check: &str) -> Finding {
    findings.iter().find(|finding| finding.check == check).unwrap().clone()
}

#[test]
fn logs_in_which_nobody_panicked_are_good_and_a_spare_host_may_have_none() {
    assert_eq!(Run::new().finding("panics").valid, Valid::Yes);
}

#[test]
fn a_panic_is_found_in_any_log_of_a_manager_of_the_spare_host_or_of_an_agent() {
    for log in ["host-2/km.log", "host-4/km.log", "host-3/agent.log"] {
        let run = Run::new().says(log, "thread 'main' panicked at src/main.rs:1:1:");
        assert_eq!(run.finding("panics").valid, Valid::No, "{log}");
    }
}

#[test]
fn without_a_log_of_a_manager_nothing_is_shown_of_panics() {
    let run = Run::new();
    fs::remove_file(run.dir.path().join("cluster/host-2/km.log")).unwrap();
    assert_eq!(run.finding("panics").valid, Valid::Unknown);
}

// ---- damage (invariant I14)

const DAMAGED: &str =
    "ERROR this process ends because=the log is damaged: 1.log at offset 9: checksum";

fn flipped(story: Story, id: u64, came: &str, remedy: bool) -> Story {
    let what =
        json!({ "host": 2, "what": "store/log/1.log at 9", "came": came, "remedy_named": remedy });
    story.strike("bit-flip-one", (10 * SECOND, 20 * SECOND), &[id], bit()).at(
        15 * SECOND,
        "damage",
        "bit-flip",
        id,
        what,
    )
}

#[test]
fn a_damaged_disk_that_is_served_again_or_refused_with_the_remedy_is_good() {
    let served = Run::new().tells(|story| flipped(story, 4, "Back", false));
    assert_eq!(served.finding("damage").valid, Valid::Yes);
    let refused = Run::new().tells(|story| flipped(story, 4, "Refused(1)", true));
    assert_eq!(refused.says("host-2/km.log", DAMAGED).finding("damage").valid, Valid::Yes);
}

#[test]
fn of_a_damaged_disk_that_was_neither_served_nor_refused_in_time_nothing_is_shown() {
    let neither = || Run::new().tells(|story| flipped(story, 4, "Nothing", false));
    let finding = neither().finding("damage");
    assert_eq!((finding.valid, &finding.facts["neither_in_time"]), (Valid::Unknown, &json!(1)));
    assert!(finding.because[0].contains("neither served nor ended"), "{:?}", finding.because);
    // What is wrong already is.
    let run = neither().tells(|story| flipped(story, 7, "Refused(-1)", false));
    assert_eq!(run.finding("damage").valid, Valid::No);
}

#[test]
fn a_death_by_a_signal_and_a_refusal_without_the_remedy_are_found() {
    for (came, remedy) in [("Refused(-1)", true), ("Refused(0)", true), ("Refused(1)", false)] {
        let run = Run::new().tells(|story| flipped(story, 4, came, remedy));
        assert_eq!(run.finding("damage").valid, Valid::No, "{came}");
    }
}

#[test]
fn an_end_that_was_asked_for_says_nothing_of_a_disk_and_any_other_without_a_word_does() {
    let ended = |why: &str| {
        let run = Run::new().tells(|story| flipped(story, 4, "Refused(0)", false));
        run.says("host-2/km.log", &format!("INFO stopping because=\"{why}\"")).finding("damage")
    };
    let asked = ended("asked to terminate");
    assert_eq!((asked.valid, &asked.facts["asked_to_end"]), (Valid::Yes, &json!(1)));
    assert_eq!(ended("removed from the group").valid, Valid::No);
}

#[test]
fn an_empty_disk_is_refused_in_other_words_and_never_served() {
    let wiped = |came: &str| {
        let what = json!({ "host": 2, "what": "everything", "came": came, "remedy_named": false });
        Run::new()
            .tells(|story| story.at(15 * SECOND, "damage", "wiped", 4, what))
            .finding("damage")
    };
    assert_eq!(wiped("Refused(1)").valid, Valid::Yes);
    assert_eq!(wiped("Back").valid, Valid::No);
    assert_eq!(wiped("Refused(-1)").valid, Valid::No);
}

#[test]
fn a_log_that_nobody_damaged_is_not_to_be_found_damaged_whatever_befell_another() {
    assert_eq!(Run::new().says("host-2/km.log", DAMAGED).finding("damage").valid, Valid::No);
    let other = Run::new().tells(|story| flipped(story, 7, "Back", false));
    assert_eq!(other.says("host-2/km.log", DAMAGED).finding("damage").valid, Valid::No);
    let own = Run::new().tells(|story| flipped(story, 4, "Back", false));
    assert_eq!(own.says("host-2/km.log", DAMAGED).finding("damage").valid, Valid::Yes);
}

#[test]
fn what_befell_a_disk_excuses_the_number_it_had_and_not_the_next_one() {
    let run = Run::new()
        .tells(|story| flipped(story, 4, "Back", false))
        .says("host-2/km.log", &format!("{LOG}30 role=\"manager\""))
        .says("host-2/km.log", DAMAGED);
    assert_eq!(run.finding("damage").valid, Valid::No);
}

// ---- falls

fn falls(class: &str, victim: u64, line: &str) -> Valid {
    let end = format!(
        "ERROR kyvos_manager::node::serve: this process ends because=consensus stopped: {line}"
    );
    let run =
        Run::new().tells(|story| story.strike(class, (10 * SECOND, 20 * SECOND), &[victim], bit()));
    run.says("host-2/km.log", &end).finding("falls").valid
}

const NO_SPACE: &str = "when Write: Io { inner: Os { code: 28, kind: StorageFull } }; source: No space left (os error 28)";

#[test]
fn consensus_may_be_given_up_on_a_disk_that_failed() {
    assert_eq!(falls("flush-fails-one", 4, "Input/output error (os error 5)"), Valid::Yes);
    assert_eq!(falls("power-cut-one", 4, "when Write: the log is no longer written"), Valid::Yes);
}

#[test]
fn and_not_for_any_other_reason_and_not_on_the_disk_of_another() {
    let no_sync = "Input/output error (os error 5)";
    assert_eq!(falls("kill-one", 4, no_sync), Valid::No);
    assert_eq!(falls("flush-fails-one", 7, no_sync), Valid::No);
    assert_eq!(falls("flush-fails-one", 4, "Too many open files (os error 24)"), Valid::No);
    assert_eq!(falls("flush-fails-one", 4, "the history lacks a shelf"), Valid::No);
}

// SEED=940: a full disk came to an image's writer as another error, and consensus ended.
#[test]
fn nor_for_want_of_room_which_comes_back() {
    for class in ["disk-full-one", "flush-fails-one", "read-only-one"] {
        assert_eq!(falls(class, 4, NO_SPACE), Valid::No, "{class}");
    }
}

// ---- answers

#[test]
fn answers_within_the_contract_are_good_and_any_other_status_is_found() {
    let with = |error: &str| {
        let ended = Line {
            error: Some(error.to_owned()),
            ..Line::new(Process::Client(1), Kind::Info, "read", Value::Null)
        };
        let (_dir, mut evidence) = Run::new().evidence();
        evidence.lines.push(ended);
        find(&findings(&evidence), "answers").valid
    };
    assert_eq!(with("504 UNKNOWN_OUTCOME"), Valid::Yes);
    assert_eq!(with("timeout"), Valid::Yes);
    assert_eq!(with("500 NO_CODE"), Valid::No);
}

// ---- a ZooKeeper that never came

fn zookeeper(told: &[(u64, Value)]) -> Valid {
    let mut run = Run::new();
    run.chosen.zookeeper_away = true;
    let tell = |story: Story, (id, value): &(u64, Value)| {
        story.at(50 * SECOND, "final", "zookeeper", *id, value.clone())
    };
    run.tells(|story| told.iter().fold(story, tell)).finding("zookeeper").valid
}

#[test]
fn a_zookeeper_that_never_came_is_told_to_be_away_by_everybody() {
    let away = json!({ "state": "away", "since": 5 });
    let all = [1, 4, 7].map(|id| (id, away.clone()));
    assert_eq!(zookeeper(&all), Valid::Yes);
    assert_eq!(zookeeper(&all[..2]), Valid::Unknown);
    assert_eq!(zookeeper(&[]), Valid::Unknown);
    let seen = [(1, away), (4, json!({ "state": "watching", "since": 5 }))];
    assert_eq!(zookeeper(&seen), Valid::No);
}

// ---- what the history tells of faults

#[test]
fn faults_are_at_the_same_time_only_while_both_last() {
    let pairs = |second: (u64, u64)| {
        let story = Story::default().strike("split-one", (10, 20), &[4], bit());
        tally(&strikes(&story.strike("clock-one", second, &[7], bit()).lines())).pairs
    };
    assert_eq!(pairs((15, 30)), [("clock + split".to_owned(), 1)].into());
    assert!(pairs((20, 30)).is_empty());
}

#[test]
fn a_failover_is_counted_for_every_fault_that_took_the_active_away() {
    let story = |class: &str, victims: &[u64]| {
        let story = active(Story::default(), 1, 7, SECOND);
        let story = story.strike(class, (10 * SECOND, 15 * SECOND), victims, bit());
        active(story, 4, 9, 11 * SECOND)
    };
    let told = |class: &str, victims: &[u64]| {
        let run = Run::new().tells(|own| {
            story(class, victims).lines().into_iter().fold(own, |own, line| {
                let name = if line.is_by("probe") { "probe" } else { "nemesis" };
                own.at(line.time, name, &line.f, line.node.unwrap_or(0), line.value)
            })
        });
        let (_dir, evidence) = run.evidence();
        conclude(&evidence)
    };
    for class in ["split-active", "power-cut-all", "disk-full-active"] {
        let verdict = told(class, &[1, 4]);
        assert_eq!(verdict.failover_ms, [1_000], "{class}");
        assert_eq!(verdict.leader_changes, 1);
    }
    assert!(told("split-one", &[4]).failover_ms.is_empty());
    assert!(told("agents-all", &[1, 4]).failover_ms.is_empty());
    assert!(told("transfers-all", &[1, 4]).failover_ms.is_empty());
}

#[test]
fn a_fault_that_began_when_the_active_was_gone_already_did_not_take_it_away() {
    let run = Run::new().tells(|story| {
        let story = active(active(story, 1, 7, SECOND), 1, 7, 10 * SECOND);
        let story = story.strike("kill-active", (10 * SECOND, 10 * SECOND + 1), &[1], bit());
        let story = story.strike("clock-all", (12 * SECOND, 15 * SECOND), &[1, 4, 7], bit());
        active(story, 4, 9, 12 * SECOND + SECOND / 2)
    });
    let (_dir, evidence) = run.evidence();
    let told = conclude(&evidence).failover_ms_by_fault;
    assert_eq!(told, [("kill-active".to_owned(), vec![2_500])].into());
}

#[test]
fn every_class_of_faults_is_found_again_by_its_name_in_a_history() {
    for name in names_of(&Fault::all()) {
        let story = Story::default().strike(&name, (1, 2), &[1], bit());
        let strike = &strikes(&story.lines())[0];
        assert_eq!(strike.fault.map(Fault::name), Some(name));
    }
}

// ---- what Managers and agents say in their logs

#[test]
fn a_saying_has_its_place_in_its_log_and_when_it_happened() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::create(&dir.path().join("history.jsonl")).unwrap();
    let log = dir.path().join("agent.log");
    let far = "2099-01-01T00:00:00.5Z  INFO kyvos::gate: let through manager=4 epoch=7";
    let past = "1999-01-01T00:00:00.5Z  INFO kyvos::gate: kept out manager=1 epoch=6 highest=7";
    fs::write(&log, format!("{far}\nsomething else\n{past}\n")).unwrap();
    sayings::of_agent("agent-1", &log, &history).unwrap();
    let lines = history.lines().unwrap();
    let told: Vec<_> = lines.iter().map(|it| (&*it.f, it.value["seq"].as_u64())).collect();
    assert_eq!(told, [("accepted", Some(1)), ("refused", Some(2))]);
    assert!(lines[0].value["at"].is_number() && lines[1].value["at"].is_null());
    let log = dir.path().join("km.log");
    let ended = "INFO kyvos::active: ended manager=4 epoch=7 at_ns=0 held_ns=0 because=\"x\"";
    fs::write(&log, format!("INFO kyvos::active: began manager=4 epoch=7 at_ns=0\n{ended}\n"))
        .unwrap();
    sayings::of_manager(&log, &history).unwrap();
    let lines = history.lines().unwrap();
    let of_claims = |line: &&Line| line.is_by("active");
    let told: Vec<_> = lines.iter().filter(of_claims).map(|it| it.value["seq"].as_u64()).collect();
    assert_eq!(told, [Some(1), Some(2)]);
}

// ---- a kept run

#[test]
fn a_kept_run_is_judged_anew_and_what_was_said_before_is_kept() {
    let run = Run::new().says("host-2/km.log", "thread 'main' panicked at src/main.rs:1:1:");
    let (dir, _) = run.evidence();
    let result = dir.path().join("result.json");
    fs::write(&result, "{\"valid\":true}").unwrap();
    for _ in 0..2 {
        let verdict = judge(dir.path(), "abc".to_owned()).unwrap();
        assert_eq!(verdict.valid, Valid::No);
    }
    let before = fs::read_to_string(dir.path().join("result.before.json")).unwrap();
    assert_eq!(before, "{\"valid\":true}");
    let now: Value = serde_json::from_slice(&fs::read(result).unwrap()).unwrap();
    assert_eq!((&now["valid"], &now["judged_anew_by"]), (&json!(false), &json!("abc")));
    let logs = now["logs"].as_array().unwrap();
    assert!(logs.contains(&json!("cluster/host-2/km.log")), "{logs:?}");
    assert!(dir.path().join("report.html").exists());
}

#[test]
fn a_run_of_a_harness_of_before_tells_in_its_result_what_was_chosen() {
    let Run { dir, story, .. } = Run::new();
    let lines = story.strike("split-one", (10, 20), &[4], bit()).lines();
    write_history(dir.path(), &lines);
    assert!(Evidence::of(dir.path()).is_err(), "nothing tells how many Managers there were");
    let before = json!({
        "repeat": "make chaos SECONDS=30 SEED=9 MANAGERS=3 OVERLAP=2",
        "versions": { "km": "km 1", "commit": "abc", "kernel": "6" },
        "checks": [{ "check": "coverage", "facts": { "starved_percent": 81, "not_reached": 7 } }],
    });
    fs::write(dir.path().join("result.json"), before.to_string()).unwrap();
    let evidence = Evidence::of(dir.path()).unwrap();
    assert_eq!(evidence.managers(), [1, 4, 7]);
    assert_eq!((evidence.chosen.seed, evidence.ended.not_reached), (9, 7));
    assert_eq!((&*evidence.versions.km, &*evidence.versions.commit), ("km 1", "abc"));
    assert_eq!(evidence.classes(), None);
}

#[test]
fn a_history_may_end_in_the_middle_of_a_line_and_nowhere_else() {
    let (dir, evidence) = Run::new().evidence();
    let path = dir.path().join("history.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}\n{{\"index\":9")).unwrap();
    assert_eq!(Evidence::of(dir.path()).unwrap().lines, evidence.lines);
    fs::write(&path, format!("{{\"index\":9\n{whole}")).unwrap();
    assert!(Evidence::of(dir.path()).is_err());
}

#[test]
fn whoever_lives_on_a_host_at_the_end_is_one_of_the_managers_and_a_visitor_is_not() {
    let came = |story: Story, host: u64, id: u64| {
        story.at(SECOND, "member", "joined", id, json!({ "host": host, "role": "manager" }))
    };
    let (_dir, evidence) = Run::new().tells(|story| came(came(story, 2, 30), 4, 44)).evidence();
    assert_eq!(evidence.managers(), [1, 30, 7]);
}

// ---- what nobody was to do

#[test]
fn a_run_whose_clients_change_no_register_no_set_and_no_list_is_not_judged_by_their_revisions() {
    let judged = |workloads: &[&str]| {
        let mut run = Run::new();
        run.chosen.workloads = workloads.iter().map(|it| (*it).to_owned()).collect();
        let (_dir, evidence) = run.evidence();
        let revision = findings(&evidence).into_iter().find(|it| it.check == "revision");
        revision.map(|finding| finding.valid)
    };
    assert_eq!(judged(&["requests", "sessions"]), None);
    for workload in ["register", "set", "append"] {
        assert_eq!(judged(&[workload]), Some(Valid::Unknown), "nothing was changed");
    }
}
