//! What is told of Kyvos services: of which, when, once, and what nobody is bothered with.

use super::*;
use crate::capabilities::operations::model::{Command as Operations, StepEnd};

/// The number under which a host is registered first in a [`FakeGroup`].
const A: u64 = 4;
const DOWN: &str =
    "services note-verdicts down \"It is not there: killed.\" bi_server:4 says=not_there";
const UP: &str = "services note-verdicts up so bi_server:4";
const GONE: &str = "resolve service_down/bi_server/4";

/// A host `a` with a BI Server and a Query Engine that are up.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.later(0);
    stage.group.say("hosts register a agent:a:1 roles=bi_server,query_engine");
    assert_eq!(stage.group.inside().state.kernel.revision.0, A);
    stage.group.say("hosts note 4 answers 1");
    stage.group.say("services note-verdicts up so bi_server:4 query_engine:4 whole=true");
    stage
}

impl Stage {
    /// Alerts of a kind, the oldest first: how many times each came, and whether it lasts.
    fn told(&self, kind: Kind) -> Vec<(u32, bool)> {
        let alerts = self.group.inside().state.alerts.clone();
        let of_kind = alerts.alerts.values().filter(|alert| alert.cause.kind == kind);
        of_kind.map(|alert| (alert.count, alert.resolved_at.is_none())).collect()
    }

    /// What is decided about the BI Server by Services HA is begun; the operation's number.
    fn recovery_begins(&self) -> Revision {
        self.group.say("services recover bi_server:4");
        let asked = self.group.inside().state.kernel.revision;
        self.group.say(&format!("operations begin recover {asked} bi_server:4:a"));
        self.group.inside().state.kernel.revision
    }

    /// Every step of a recovery is done, and that is noted.
    fn recovery_ends(&self, id: Revision) {
        self.steps_end(id);
        self.recovery_settles();
    }

    /// Every step of an operation is done.
    fn steps_end(&self, id: Revision) {
        let steps = self.group.inside().state.operations.operations[&id].steps.len();
        for step in 0..u32::try_from(steps).unwrap() {
            let (epoch, detail) = (Epoch(2), String::new());
            self.group.tell(Operations::StepStarted { id, step, detail: detail.clone(), epoch });
            self.group.tell(Operations::StepEnded { id, step, end: StepEnd::Done, detail, epoch });
        }
    }

    fn recovery_settles(&self) {
        self.group.say("services settle bi_server:4");
    }
}

#[test]
fn a_service_that_is_down_for_long_is_told_of_once_until_it_is_up() {
    let mut stage = stage();
    stage.group.say(DOWN);
    assert_eq!(stage.tells(), NONE);
    stage.later(14_999);
    assert_eq!(stage.tells(), NONE);
    stage.later(1);
    assert_eq!(
        stage.raises(Kind::ServiceDown),
        "BI Server on a is down since 1970-01-01T00:00:00.001Z. Services HA is switched off. Start it: km services start bi_server.a. It is not there: killed."
    );
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);

    // That nobody can say how it is, or that it runs and does not serve, is not well.
    for verdict in ["unknown", "degraded"] {
        stage.group.say(&format!("services note-verdicts {verdict} hm bi_server:4"));
        stage.later(60_000);
        assert!(stage.raises(Kind::ServiceDown).starts_with("BI Server on a went down and is not"));
        stage.tells();
        stage.later(3_600_000);
        assert_eq!(stage.tells(), NONE);
    }
    assert_eq!(stage.told(Kind::ServiceDown), [(1, true)]);

    stage.group.say(UP);
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), [GONE]);
    assert_eq!(stage.tells(), NONE);
}

#[test]
fn of_one_that_was_never_up_or_only_its_host_does_not_speak_nobody_is_told_soon() {
    let mut stage = stage();
    stage.group.say("hosts register b agent:b:1 roles=bi_server");
    stage.group.say("hosts note 7 answers 1");
    stage.group.say("services note-verdicts down never bi_server:7 says=not_there");
    stage.group.say("services note-verdicts down mute bi_server:4 says=nothing");
    stage.later(44_999);
    assert_eq!(stage.tells(), NONE);
    stage.later(1);
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    assert_eq!(
        stage.group.inside().state.alerts.alerts.values().next().unwrap().cause.subject,
        "bi_server.a"
    );
}

#[test]
fn a_planned_stop_a_window_and_an_operation_alert_nobody() {
    for on_purpose in [
        "services want stopped bi_server:4 why=schedule",
        "services open-window bi_server until=86400000",
        "operations begin services restart one bi_server:4:a",
    ] {
        let mut stage = stage();
        stage.group.say(on_purpose);
        stage.group.say(DOWN);
        stage.later(60_000);
        assert_eq!(stage.tells(), NONE, "{on_purpose}");
    }
}

#[test]
fn what_a_person_started_only_now_is_looked_at_once_more_before_it_is_told_of() {
    let mut stage = stage();
    stage.group.say("services want stopped bi_server:4");
    stage.group.say(DOWN);
    stage.later(3_600_000);
    stage.group.say("services want running bi_server:4");
    stage.group.say("operations begin services start one bi_server:4:a");
    let id = stage.group.inside().state.kernel.revision;
    stage.later(20_000);
    stage.steps_end(id);
    stage.later(5_000);
    assert_eq!(stage.tells(), NONE);
    // Nobody sees it up since.
    stage.later(5_000);
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
}

#[test]
fn who_was_told_hears_no_more_when_it_is_stopped_and_nothing_else_while_somebody_is_at_it() {
    let mut stage = stage();
    stage.group.say(DOWN);
    stage.later(15_000);
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    stage.group.say("operations begin services restart one bi_server:4:a");
    // It says what is done about it.
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);
    assert_eq!(stage.told(Kind::ServiceDown), [(1, true)]);

    stage.group.say("services want stopped bi_server:4");
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), [GONE]);
}

#[test]
fn a_new_active_tells_nothing_new_before_it_has_looked_and_takes_nothing_back() {
    let mut stage = stage();
    stage.group.say(DOWN);
    stage.later(15_000);
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    stage.group.say("services note-verdicts down gone query_engine:4 says=not_there");
    stage.group.fail_over();
    stage.memory = Memory::default();
    assert_eq!(stage.tells(), NONE);
    stage.later(60_000);
    assert_eq!(stage.tells(), NONE);
    stage.group.say("services note-verdicts down gone query_engine:4 says=not_there whole=true");
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    assert_eq!(stage.told(Kind::ServiceDown), [(1, true), (1, true)]);
}

#[test]
fn a_lost_host_is_one_alert_that_names_its_services() {
    let mut stage = stage();
    stage.group.say("hosts note 4 silent \"no route\"");
    stage.group.say("services note-verdicts down gone bi_server:4 query_engine:4 says=nothing");
    stage.later(15_000);
    assert_eq!(
        stage.raises(Kind::HostSilent),
        "Host a does not answer: no route. Not up on it: BI Server, Query Engine. Look at the host and its network."
    );
    assert_eq!(stage.tells(), ["HOST_SILENT"]);
    let severity = |stage: &Stage| {
        stage.group.inside().state.alerts.alerts.values().next().unwrap().cause.severity
    };
    assert_eq!(severity(&stage), Severity::Error);
    stage.later(600_000);
    assert_eq!(stage.tells(), NONE);

    // The host is back, and one of its services with it.
    stage.group.say("hosts note 4 answers 1");
    stage.group.say("services note-verdicts up so query_engine:4");
    stage.group.say(DOWN);
    stage.tells();
    stage.later(GONE_FOR_MS + 5_000);
    let mut told = stage.tells();
    told.sort();
    assert_eq!(told, ["SERVICE_DOWN", "resolve host_silent/4"]);
}

#[test]
fn where_very_many_are_down_that_is_one_letter() {
    let mut stage = Stage::new();
    stage.later(0);
    let hosts = A..A + 17;
    for host in hosts.clone() {
        stage.group.say(&format!("hosts register h{host} agent:h{host}:1 roles=bi_server"));
    }
    let all: Vec<String> = hosts.map(|host| format!("bi_server:{host}")).collect();
    let all = all.join(" ");
    stage.group.say(&format!("services note-verdicts up so {all} whole=true"));
    stage.group.say(&format!("services note-verdicts down gone {all} says=not_there"));
    stage.later(15_000);
    assert_eq!(
        stage.raises(Kind::ServiceDown),
        "17 services are down: bi_server.h4, bi_server.h5, bi_server.h6, bi_server.h7, bi_server.h8 and 12 more. km services ha status tells of each."
    );
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    assert_eq!(stage.tells(), NONE);
    stage.group.fail_over();
    stage.later(3_600_000);
    assert_eq!(stage.tells(), NONE, "the next Active has not looked yet");
}

#[test]
fn one_that_hangs_is_told_of_after_minutes() {
    let mut stage = stage();
    let degraded = "services note-verdicts degraded \"The observers disagree.\" bi_server:4";
    stage.group.say(degraded);
    stage.later(179_999);
    assert_eq!(stage.tells(), NONE);
    stage.later(1);
    assert!(stage.raises(Kind::ServiceDegraded).ends_with("The observers disagree."));
    assert_eq!(stage.tells(), ["SERVICE_DEGRADED"]);
    // It went altogether: that is another matter, and graver.
    stage.group.say(DOWN);
    stage.later(15_000);
    assert_eq!(stage.tells(), ["SERVICE_DOWN"]);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), ["resolve service_degraded/bi_server/4"]);
}

#[test]
fn what_services_ha_brings_back_in_time_is_told_as_good_to_know() {
    let mut stage = stage();
    stage.group.say("services set-ha on");
    stage.group.say(DOWN);
    stage.later(10_000);
    let operation = stage.recovery_begins();
    stage.later(50_000);
    assert_eq!(stage.tells(), NONE, "somebody is at it");
    stage.group.say(UP);
    stage.recovery_ends(operation);
    assert_eq!(
        stage.raises(Kind::ServiceRecovered),
        format!(
            "BI Server on a was started again by itself at 1970-01-01T00:01:00.001Z (operation {operation}). It was down since 1970-01-01T00:00:00.001Z: It is not there: killed."
        )
    );
    let info = |command: &Command| matches!(command, Command::Raise { cause } if cause.severity == Severity::Info);
    assert!(stage.due().iter().all(info));
    assert_eq!(stage.tells(), ["SERVICE_RECOVERED"]);
    stage.later(15 * 60_000);
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), ["resolve service_recovered/bi_server/4"]);
}

#[test]
fn what_is_held_waits_for_a_person() {
    let mut stage = stage();
    stage.group.say("services set-ha on restarts=1");
    stage.group.say(DOWN);
    stage.later(10_000);
    let operation = stage.recovery_begins();
    stage.group.say(UP);
    stage.recovery_ends(operation);
    assert_eq!(stage.tells(), ["SERVICE_HELD", "SERVICE_RECOVERED"]);
    let held = |stage: &mut Stage| stage.raises(Kind::ServiceHeld);
    stage.group.say(DOWN);
    stage.later(60_000);
    assert!(
        held(&mut stage)
            .contains("It is not up: find out why, then km services ha ack bi_server.a.")
    );
    // That it is down is said already.
    assert_eq!(stage.tells(), ["SERVICE_HELD"]);
    assert_eq!(stage.told(Kind::ServiceHeld), [(1, true)]);

    stage.group.say("services acknowledge bi_server:4");
    stage.tells();
    stage.later(GONE_FOR_MS);
    assert!(stage.tells().contains(&"resolve service_held/bi_server/4".to_owned()));
}

#[test]
fn a_recovery_that_somebody_called_off_is_not_forgotten() {
    let mut stage = stage();
    stage.group.say("services set-ha on");
    stage.group.say(DOWN);
    stage.later(10_000);
    let operation = stage.recovery_begins();
    stage.group.say(&format!("operations cancel {operation}"));
    stage.recovery_settles();
    assert!(stage.raises(Kind::ServiceHeld).contains("somebody called that off. It is not up"));
    assert_eq!(stage.tells(), ["SERVICE_HELD"]);
    stage.group.say("services set-ha off");
    assert_eq!(stage.tells(), NONE);
    stage.later(GONE_FOR_MS);
    assert_eq!(stage.tells(), ["resolve service_held/bi_server/4", "SERVICE_DOWN"]);
}
