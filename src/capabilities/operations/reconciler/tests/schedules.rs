//! Schedules: each time is carried out once, by whoever is Active, and what somebody stopped for another reason is left alone.

use super::*;
use crate::capabilities::operations::model::{Kind, Verb};
use crate::capabilities::services::model::{
    LATE_MAX_MS, Outcome, ServiceId, ServiceType, Want, Why,
};
use crate::capabilities::services::plan::scheduled;
use crate::capabilities::services::reconciler::schedule;

/// 1970-01-02 at 22:00, a Friday.
const NIGHT: Timestamp = Timestamp(46 * 3_600_000);

struct Stage {
    group: FakeGroup,
    hosts: [crate::base::HostId; 2],
}

/// Two hosts with a BI Server each, and a schedule that has them go to sleep at 22:00, an hour before that.
fn stage() -> Stage {
    let group = group();
    group.say("hosts register s1 agent roles=bi_server");
    group.say("hosts register s2 agent roles=bi_server");
    let hosts = ["s1", "s2"].map(|name| group.inside().state.hosts.named(name).unwrap().0);
    let stage = Stage { group, hosts };
    stage.is(NIGHT.0 - 3_600_000);
    for host in stage.hosts {
        stage.group.say(&format!("hosts note {host} answers 1"));
    }
    stage.group.say("services set-schedule stopped 22:00 name=night");
    stage
}

impl Stage {
    fn is(&self, now: u64) {
        self.group.inside().seen.now = Timestamp(now);
    }

    /// Some seconds of every reconciler, with the Active that is.
    async fn seconds(&self, count: usize) {
        for _ in 0..count {
            let _ = schedule(&self.group).await;
            passes(&self.group, 1).await;
            self.group.wait(1_000);
        }
    }

    /// The operations that schedules began: what, and how they ended.
    fn begun(&self) -> Vec<(Verb, usize, Status)> {
        let inside = self.group.inside();
        let all = inside.state.operations.operations.values();
        let of_schedules = all.filter_map(|operation| match &operation.kind {
            Kind::Services(order) if order.asked.is_some() => {
                assert_eq!(order.why, Why::Schedule);
                Some((order.verb, order.targets.len(), operation.status))
            }
            _ => None,
        });
        of_schedules.collect()
    }

    fn outcome(&self) -> Option<Outcome> {
        let inside = self.group.inside();
        let mut schedules = inside.state.services.schedules.values();
        schedules.next().unwrap().last.as_ref().map(|due| due.outcome)
    }

    /// Waits until it is so many minutes after 22:00, when the services wake by a second schedule.
    async fn wakes(&self, minutes: u64) {
        let minute = 22 * 60 + minutes;
        let (hours, minutes) = (minute / 60, minute % 60);
        let at = format!("{hours:02}:{minutes:02}");
        self.group.say(&format!("services set-schedule running {at} name=morning"));
        self.is((NIGHT.0 / 86_400_000 * 24 * 60 + minute) * 60_000);
        self.seconds(30).await;
    }

    fn id(&self) -> u64 {
        let inside = self.group.inside();
        inside.state.services.schedules.keys().next().unwrap().0
    }

    fn wanted(&self, host: usize) -> Option<(Want, Why)> {
        let service = ServiceId { service: ServiceType::BiServer, host: self.hosts[host] };
        let inside = self.group.inside();
        inside.state.services.wanted.get(&service).map(|wanted| (wanted.want, wanted.why))
    }
}

#[tokio::test]
async fn a_cluster_goes_to_sleep_at_its_time_and_that_is_wanted() {
    let stage = stage();
    stage.seconds(5).await;
    assert_eq!((stage.begun(), stage.outcome()), (vec![], None));
    stage.is(NIGHT.0);
    stage.seconds(20).await;
    assert_eq!(stage.begun(), [(Verb::Stop, 2, Status::Succeeded)]);
    assert!(matches!(stage.outcome(), Some(Outcome::Begun(_))));
    assert_eq!(stage.wanted(0), Some((Want::Stopped, Why::Schedule)));
    stage.seconds(120).await;
    assert_eq!(stage.begun().len(), 1);
}

/// Every act of it, also of noting that it is due and what came of it.
#[tokio::test]
async fn the_active_may_die_before_any_act_and_it_is_carried_out_once() {
    let mut boundaries = 0;
    for acts in 0.. {
        let stage = stage();
        stage.group.admit("km2", "manager");
        stage.group.admit("km3", "manager");
        settle(&stage.group).await;
        stage.is(NIGHT.0);
        stage.group.inside().acts_left = Some(acts);
        for _ in 0..30 {
            if stage.group.inside().acts_left != Some(0) {
                stage.seconds(1).await;
            }
        }
        if stage.group.inside().acts_left != Some(0) {
            break;
        }
        boundaries += 1;
        stage.group.kill_active();
        stage.seconds(30).await;
        assert_eq!(stage.begun(), [(Verb::Stop, 2, Status::Succeeded)], "after {acts} acts");
        assert!(matches!(stage.outcome(), Some(Outcome::Begun(_))), "after {acts} acts");
    }
    assert!(boundaries >= 5, "only {boundaries} boundaries were met");
}

#[tokio::test]
async fn what_nobody_could_do_for_long_is_missed_and_a_little_late_is_not() {
    for (late, expected) in [(LATE_MAX_MS, 1), (LATE_MAX_MS + 1, 0)] {
        let stage = stage();
        stage.is(NIGHT.0 + late);
        // Noted at that moment; begun a moment later.
        let _ = schedule(&stage.group).await;
        assert_eq!(
            stage.outcome(),
            Some(if expected == 1 { Outcome::Waiting } else { Outcome::Missed })
        );
        stage.seconds(20).await;
        assert_eq!(stage.begun().len(), expected, "{late} ms late");
    }
}

#[tokio::test]
async fn while_somebody_is_at_it_a_schedule_waits_and_then_goes_on() {
    let stage = stage();
    let host = stage.hosts[0];
    stage.group.say(&format!("operations begin services stop one bi_server:{host}:s1"));
    stage.is(NIGHT.0);
    let _ = schedule(&stage.group).await;
    let _ = schedule(&stage.group).await;
    assert_eq!((stage.begun(), stage.outcome()), (vec![], Some(Outcome::Waiting)));
    stage.seconds(30).await;
    assert_eq!(stage.begun(), [(Verb::Stop, 1, Status::Succeeded)]);
    // It was stopped by somebody before it slept, and so nobody wakes it.
    stage.wakes(5).await;
    assert_eq!(
        stage.begun().last().map(|(verb, count, _)| (*verb, *count)),
        Some((Verb::Start, 1))
    );
    assert_eq!(stage.wanted(0), Some((Want::Stopped, Why::Operator)));
    assert_eq!(stage.wanted(1), Some((Want::Running, Why::Schedule)));
}

#[tokio::test]
async fn what_is_under_maintenance_or_stopped_already_is_left_as_it_is() {
    let stage = stage();
    let until = NIGHT.0 + 60_000;
    stage.group.say(&format!("services open-window @{} until={until}", stage.hosts[0]));
    stage.group.say(&format!("services want stopped bi_server:{}", stage.hosts[1]));
    stage.is(NIGHT.0);
    stage.seconds(3).await;
    assert_eq!((stage.begun(), stage.outcome()), (vec![], Some(Outcome::Needless)));
    // What was needless then is not done later.
    stage.is(until);
    stage.group.say(&format!("services want running bi_server:{}", stage.hosts[1]));
    stage.seconds(60).await;
    assert_eq!(stage.begun(), []);
}

#[tokio::test]
async fn what_somebody_says_in_the_middle_is_the_newer_word() {
    for acts in 0..40 {
        let stage = stage();
        stage.seconds(1).await;
        stage
            .group
            .say(&format!("services want stopped bi_server:{} why=schedule", stage.hosts[0]));
        stage.is(NIGHT.0);
        stage.group.inside().acts_left = Some(acts);
        stage.seconds(5).await;
        stage.group.inside().acts_left = None;
        // It wakes later, and not the one that somebody keeps asleep.
        stage
            .group
            .say(&format!("services want stopped bi_server:{} why=maintenance", stage.hosts[0]));
        stage.seconds(20).await;
        stage.wakes(10).await;
        assert_eq!(stage.wanted(0), Some((Want::Stopped, Why::Maintenance)), "after {acts} acts");
        assert_eq!(stage.wanted(1), Some((Want::Running, Why::Schedule)), "after {acts} acts");
    }
}

/// The other way about: the word comes at any moment of the wake itself.
#[tokio::test]
async fn one_that_somebody_stops_while_the_cluster_wakes_stays_stopped() {
    let mut left_alone = 0;
    for acts in 0..20 {
        let stage = stage();
        stage.is(NIGHT.0);
        stage.seconds(20).await;
        stage.group.say("services set-schedule running 22:05 name=morning");
        stage.is(NIGHT.0 + 300_000);
        stage.group.inside().acts_left = Some(acts);
        stage.seconds(10).await;
        stage.group.inside().acts_left = None;
        stage.group.inside().over = false;
        stage.group.say(&format!("services want stopped bi_server:{}", stage.hosts[0]));
        stage.seconds(40).await;
        assert_eq!(stage.wanted(0), Some((Want::Stopped, Why::Operator)), "after {acts} acts");
        let woken = stage.begun().pop().unwrap();
        assert_eq!(woken.2, Status::Succeeded, "after {acts} acts: {woken:?}");
        let inside = stage.group.inside();
        let last = inside.state.operations.operations.values().next_back().unwrap();
        let told = last.steps.iter().filter(|step| step.detail.contains("left alone"));
        left_alone += usize::from(told.count() > 0);
    }
    assert!(left_alone > 0, "the word never came in the middle");
}

#[tokio::test]
async fn one_that_is_changed_or_removed_while_it_waits_begins_nothing() {
    for (change, outcome) in [
        ("set-schedule running 06:00 name=night id=@", Some(Outcome::Overtaken)),
        ("set-schedule stopped 22:00 name=night enabled=false id=@", Some(Outcome::Overtaken)),
        ("remove-schedule @", None),
    ] {
        let stage = stage();
        stage.is(NIGHT.0);
        let _ = schedule(&stage.group).await;
        assert_eq!(stage.outcome(), Some(Outcome::Waiting));
        let id = stage.id().to_string();
        stage.group.say(&format!("services {}", change.replace('@', &id)));
        stage.seconds(30).await;
        assert_eq!(stage.begun(), [], "{change}");
        if outcome.is_some() {
            assert_eq!(stage.outcome(), outcome, "{change}");
        }
    }
}

/// Whoever looks twice before it says anything, says it twice, and it counts once.
#[tokio::test]
async fn what_is_said_twice_is_begun_once() {
    let stage = stage();
    stage.is(NIGHT.0);
    for _ in 0..3 {
        let said = {
            let inside = stage.group.inside();
            scheduled(&inside.state, inside.seen.now)
        };
        for command in said.iter().chain(&said) {
            let _ = stage.group.propose(command.clone()).await;
        }
    }
    assert_eq!(stage.begun().len(), 1);
    stage.seconds(20).await;
    assert_eq!(stage.begun(), [(Verb::Stop, 2, Status::Succeeded)]);
}
