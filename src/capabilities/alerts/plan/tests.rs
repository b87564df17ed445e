//! What is raised and resolved, from facts told in the words of the scripts and from what a test lets the Active see.

mod services;

use super::{GONE_FOR_MS, MOMENT_KEPT_MS, Member, Memory, Seen, plan};
use crate::base::{Epoch, ManagerId, Revision, Timestamp};
use crate::capabilities::alerts::model::{Command, Kind, Severity};
use crate::capabilities::managers::port::fake::FakeGroup;

/// A group, what its Active sees, and what it remembers.
struct Stage {
    group: FakeGroup,
    seen: Seen,
    memory: Memory,
}

impl Stage {
    /// A group of one that sees nothing amiss.
    fn new() -> Self {
        let group = FakeGroup::founded();
        let seen = Seen { now: Timestamp(1), ..Seen::default() };
        let mut stage = Self { group, seen, memory: Memory::default() };
        stage.answers(ManagerId(1));
        stage
    }

    /// Three voters on km1 to km3 that answer. Their additions came to their end.
    fn of_three() -> Self {
        let mut stage = Self::new();
        for host in ["km2", "km3"] {
            let id = stage.group.admit(host, "manager");
            stage.answers(id);
        }
        stage.seen.failure_tolerance = 1;
        stage
    }

    fn answers(&mut self, id: ManagerId) {
        let member = Member { answers: true, ..Member::default() };
        self.seen.members.insert(id, member);
        self.seen.voters.insert(id);
        self.group.inside().seen.voters.insert(id);
    }

    fn member(&mut self, id: ManagerId) -> &mut Member {
        self.seen.members.get_mut(&id).unwrap()
    }

    fn last(&self) -> ManagerId {
        *self.seen.members.keys().next_back().unwrap()
    }

    fn later(&mut self, ms: u64) {
        self.seen.now = self.seen.now.plus_ms(ms);
        self.group.inside().seen.now = self.seen.now;
    }

    /// What is to be told now, without telling it.
    fn due(&mut self) -> Vec<Command> {
        let state = self.group.inside().state.clone();
        plan(&state, &self.seen, Epoch(2), &mut self.memory)
    }

    /// Tells what is to be told now: what is raised, by its code, and what is resolved, by its key.
    fn tells(&mut self) -> Vec<String> {
        let due = self.due();
        let told = due.iter().map(|command| match command {
            Command::Raise { cause } => cause.kind.as_str().to_owned(),
            Command::Resolve { key } => format!("resolve {key}"),
            other => panic!("the plan does not come to {other:?}"),
        });
        let told = told.collect();
        for command in due {
            self.group.tell(command);
        }
        told
    }

    /// The sentence of the only alert of a kind that is raised now.
    fn raises(&mut self, kind: Kind) -> String {
        let due = self.due();
        let of_kind = due.iter().find_map(|command| match command {
            Command::Raise { cause } if cause.kind == kind => Some(cause.text.clone()),
            _ => None,
        });
        of_kind.unwrap_or_else(|| panic!("{kind:?} is not raised: {due:?}"))
    }
}

const NONE: [&str; 0] = [];

#[test]
fn where_nothing_is_amiss_nobody_is_bothered() {
    let mut stage = Stage::of_three();
    for _ in 0..3 {
        assert_eq!(stage.tells(), NONE);
        stage.later(60_000);
    }
}

#[test]
fn a_member_that_is_silent_for_long_is_told_of_once_until_it_is_back_for_long() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    stage.member(km3).answers = false;
    assert_eq!(stage.tells(), NONE);
    stage.later(9_000);
    assert_eq!(stage.tells(), NONE);
    stage.later(1_000);
    assert_eq!(stage.tells(), ["MANAGER_UNREACHABLE"]);
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);

    stage.member(km3).answers = true;
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), [format!("resolve manager_unreachable/{km3}")]);
    assert_eq!(stage.tells(), NONE);
}

#[test]
fn what_comes_back_again_and_again_has_to_be_gone_for_longer_and_longer() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    for times in 1..=4_u64 {
        stage.member(km3).answers = false;
        stage.tells();
        stage.later(10_000);
        assert_eq!(stage.tells(), ["MANAGER_UNREACHABLE"]);
        stage.member(km3).answers = true;
        stage.tells();
        stage.later(times * GONE_FOR_MS - 1);
        assert_eq!(stage.tells(), NONE);
        stage.later(1);
        assert_eq!(stage.tells(), [format!("resolve manager_unreachable/{km3}")]);
    }
    let alerts = stage.group.inside().state.alerts.clone();
    assert_eq!(alerts.alerts.values().map(|alert| alert.count).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_new_active_waits_anew_and_neither_raises_twice_nor_resolves_at_once() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    stage.member(km3).answers = false;
    stage.tells();
    stage.later(10_000);
    assert_eq!(stage.tells(), ["MANAGER_UNREACHABLE"]);

    stage.memory = Memory::default();
    assert_eq!(stage.tells(), NONE);
    stage.member(km3).answers = true;
    stage.memory = Memory::default();
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), [format!("resolve manager_unreachable/{km3}")]);
}

#[test]
fn what_somebody_does_on_purpose_alerts_nobody() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    stage.group.say(&format!("installs note-stop {} 3", km3.0));
    stage.member(km3).answers = false;
    stage.seen.failure_tolerance = 0;
    stage.tells();
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);
}

#[test]
fn a_tolerance_that_is_lost_is_graver_than_who_lost_it() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    stage.member(km3).answers = false;
    stage.seen.failure_tolerance = 0;
    stage.tells();
    stage.later(10_000);
    let text = stage.raises(Kind::NoFailureTolerance);
    assert_eq!(text, "One more failure stops Kyvos Manager: 2 of 3 voters answer, 2 are required.");
    assert_eq!(stage.tells(), ["MANAGER_UNREACHABLE", "NO_FAILURE_TOLERANCE"]);
}

#[test]
fn members_tell_what_is_the_matter_with_them() {
    let mut stage = Stage::of_three();
    let km3 = stage.last();
    let now = stage.seen.now;
    *stage.member(km3) = Member {
        answers: true,
        behind: 1_000,
        started_at: Timestamp(77),
        rebuilt: 2,
        disk_full: Some("3 bytes are left".into()),
        certificate_ends: Some(now.plus_ms(6 * 24 * 3_600_000)),
        clock_off_ms: -60_001,
    };
    let mut told = stage.tells();
    stage.later(30_000);
    told.extend(stage.tells());
    told.sort();
    assert_eq!(
        told,
        ["CERTIFICATE_EXPIRES", "CLOCK_SKEW", "DISK_FULL", "MANAGER_LAGGING", "STORE_REBUILT"]
    );
    // What was near its end has come to it: that matters more.
    stage.later(6 * 24 * 3_600_000);
    let due = stage.due();
    let graver = due.iter().any(|command| {
        matches!(command, Command::Raise { cause } if cause.kind == Kind::CertificateExpires && cause.severity == Severity::Error)
    });
    assert!(graver, "{due:?}");
}

#[test]
fn an_unplanned_change_of_the_active_is_told_once_and_is_over_when_seen_or_after_a_day() {
    let mut stage = Stage::of_three();
    assert_eq!(stage.tells(), NONE);
    let km3 = stage.last();
    stage.group.kill_active();
    let active = stage.group.inside().state.managers.tenure.clone().unwrap();
    assert_eq!((active.before, active.planned), (Some(ManagerId(1)), false));
    assert_ne!(active.active, ManagerId(1), "one of {km3} and its like");
    assert_eq!(stage.tells(), ["ACTIVE_CHANGED"]);
    assert_eq!(stage.tells(), NONE);
    stage.later(MOMENT_KEPT_MS);
    assert_eq!(stage.tells(), ["resolve active_changed"]);
    assert_eq!(stage.tells(), NONE);
}

#[test]
fn zookeeper_away_is_told_after_a_while_and_only_while_somebody_wants_it() {
    let mut stage = Stage::new();
    stage.group.say("properties set kyvos-manager/ZK_SERVICE_WATCH on");
    stage.group.say("services note-watch away \"nobody answers\"");
    assert_eq!(stage.tells(), NONE);
    stage.later(15_000);
    assert!(stage.raises(Kind::ZookeeperAway).contains("nobody answers"));
    assert_eq!(stage.tells(), ["ZOOKEEPER_AWAY"]);
    stage.group.say("properties set kyvos-manager/ZK_SERVICE_WATCH off");
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), ["resolve zookeeper_away"]);
}

// row 36
#[test]
fn zookeeper_that_sleeps_by_schedule_alerts_nobody_and_is_given_time_to_wake() {
    let mut stage = Stage::new();
    stage.group.say("properties set kyvos-manager/ZK_SERVICE_WATCH on");
    for host in ["z1", "z2", "z3"] {
        stage.group.say(&format!("hosts register {host} agent roles=zookeeper,bi_server"));
    }
    let host = |name: &str| stage.group.inside().state.hosts.named(name).unwrap().0.0;
    let (one, two) = (host("z1"), host("z2"));
    stage.group.say(&format!("services want stopped zookeeper:{one} why=schedule"));
    // Of the second its host sleeps: everything else there is stopped.
    stage.group.say(&format!("services want stopped bi_server:{two} why=schedule"));
    stage.group.say("services note-watch away \"nobody answers\"");
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);
    stage.group.say(&format!("services want running bi_server:{two} why=schedule"));
    stage.later(60_000);
    // One of three is no majority.
    assert_eq!(stage.tells(), ["ZOOKEEPER_AWAY"]);
    stage.group.say(&format!("services want stopped zookeeper:{two} why=schedule"));
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), ["resolve zookeeper_away"]);
    stage.group.say(&format!("services want running zookeeper:{two} why=schedule"));
    stage.later(14_999);
    assert_eq!(stage.tells(), NONE);
    stage.later(1);
    assert_eq!(stage.tells(), ["ZOOKEEPER_AWAY"]);
}

/// ZooKeeper is wanted and away for two minutes, an operation is about it, and nobody is told. The operation, in words and by
/// number.
fn while_zookeeper_is_restarted(stage: &mut Stage) -> (String, Revision) {
    stage.group.say("properties set kyvos-manager/ZK_SERVICE_WATCH on");
    stage.group.say("hosts register z1 agent roles=zookeeper");
    let host = stage.group.inside().state.hosts.named("z1").unwrap().0.0;
    stage.group.say("services note-watch away \"nobody answers\"");
    let restart = format!("operations begin services restart one zookeeper:{host}:z1");
    stage.group.say(&restart);
    let operation = stage.group.inside().state.kernel.revision;
    stage.later(120_000);
    assert_eq!(stage.tells(), NONE);
    (restart, operation)
}

// row 36
#[test]
fn zookeeper_alerts_nobody_while_an_operation_is_about_it_and_until_it_can_be_found() {
    let mut stage = Stage::new();
    let (restart, operation) = while_zookeeper_is_restarted(&mut stage);
    stage.group.say(&format!("operations cancel {operation}"));
    stage.later(29_999);
    assert_eq!(stage.tells(), NONE);
    stage.later(1);
    assert_eq!(stage.tells(), ["ZOOKEEPER_AWAY"]);
    // What was told stays told when somebody sets about it.
    stage.group.say(&restart);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), NONE);
}

#[test]
fn an_operation_about_zookeeper_that_waits_for_a_person_keeps_no_alert_back() {
    let mut stage = Stage::new();
    let (_, operation) = while_zookeeper_is_restarted(&mut stage);
    let lost = "needs-decision \"the answer was lost\" epoch=2";
    stage.group.say(&format!("operations step-ended {operation} 0 {lost}"));
    assert_eq!(stage.tells(), ["ZOOKEEPER_AWAY"]);
}

#[test]
fn a_failed_check_is_one_alert_whatever_the_number_of_hosts() {
    let mut stage = Stage::new();
    stage.group.say("prechecks ask");
    stage.group.say("prechecks begin");
    let run = stage.group.inside().state.kernel.revision;
    for host in 1..=7 {
        stage.group.say(&format!("hosts register h{host} agent"));
        stage.group.say(&format!(
            "prechecks note {run} port_matrix fail host=h{host} code=PORT_BLOCKED blocked"
        ));
    }
    assert_eq!(
        stage.raises(Kind::PrecheckFailed),
        "Precheck Network ports fails on 7 hosts: h1, h2, h3, h4, h5 and 2 more."
    );
    assert_eq!(stage.tells(), ["PRECHECK_FAILED"]);
    stage.group.say(&format!("prechecks note {run} port_matrix pass host=h1 fine"));
    assert!(stage.raises(Kind::PrecheckFailed).contains("on 6 hosts"));
}

#[test]
fn a_thousand_silent_hosts_are_one_letter_and_those_told_of_singly_stay_so() {
    let mut stage = Stage::new();
    let silent = |stage: &Stage, from: usize, to: usize| {
        for host in from..=to {
            stage.group.say(&format!("hosts register h{host} agent:h{host}:1"));
            let id = stage.group.inside().state.kernel.revision;
            stage.group.say(&format!("hosts note {id} silent \"no route\""));
        }
    };
    silent(&stage, 1, 2);
    stage.later(15_000);
    assert_eq!(stage.tells(), ["HOST_SILENT", "HOST_SILENT"]);
    silent(&stage, 3, 40);
    stage.later(15_000);
    assert_eq!(stage.tells(), ["HOSTS_SILENT"]);
    assert_eq!(stage.tells(), NONE);
    let alerts = stage.group.inside().state.alerts.clone();
    let texts: Vec<_> = alerts.alerts.values().map(|alert| alert.cause.text.clone()).collect();
    assert_eq!(texts[0], "Host h1 does not answer: no route.");
    assert_eq!(texts[2], "40 hosts do not answer: h1, h2, h3, h4, h5 and 35 more.");
}

#[test]
fn a_channel_that_takes_nothing_is_told_of() {
    let mut stage = Stage::new();
    stage.group.say("alerts add-channel pager webhook https://pager.example");
    let channel = stage.group.inside().state.kernel.revision;
    stage.group.say("alerts raise k HOST_SILENT");
    let letter = stage.group.inside().state.kernel.revision;
    for _ in 0..2 {
        stage.group.say(&format!("alerts note-told {channel} {letter} failed=no"));
    }
    assert!(!stage.tells().contains(&"CHANNEL_FAILING".to_owned()));
    stage.group.say(&format!("alerts note-told {channel} {letter} failed=no"));
    assert!(stage.tells().contains(&"CHANNEL_FAILING".to_owned()));
}
