//! What operators do with instances on their hosts, where it does not go smoothly.

use bytes::Bytes;

use super::*;
use crate::remote::{Output, UnitState};

fn newest(group: &FakeGroup) -> Operation {
    let inside = group.inside();
    inside.state.operations.operations.values().next_back().unwrap().clone()
}

/// Three Managers whose hosts are looked after, and a free host km4.
async fn three() -> (FakeGroup, ManagerId, ManagerId) {
    let group = group();
    let (b, c) = (group.admit("km2", "manager"), group.admit("km3", "manager"));
    settle(&group).await;
    for name in ["km1", "km2", "km3", "km4"] {
        group.register(name);
    }
    group.push_script();
    group.inside().deeds.clear();
    (group, b, c)
}

fn host(group: &FakeGroup, name: &str) -> crate::base::HostId {
    group.inside().state.hosts.named(name).unwrap().0
}

fn begin(group: &FakeGroup, words: &str) {
    let mut said = words.to_owned();
    for name in ["km1", "km2", "km3", "km4"] {
        said = said.replace(&format!("@{name}"), &host(group, name).to_string());
    }
    group.say(&format!("operations begin {said}"));
}

fn service(group: &FakeGroup, name: &str) -> UnitState {
    group.service_of_host(&group.inside(), name)
}

fn stopped(group: &FakeGroup) -> Vec<ManagerId> {
    group.inside().state.installs.stops.keys().copied().collect()
}

// rows 56, 60
#[tokio::test]
async fn one_that_is_stopped_stays_a_member_and_is_started_again() {
    let (group, _, c) = three().await;
    begin(&group, &format!("stop {c}:km3:@km3"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    assert_eq!((service(&group, "km3"), stopped(&group)), (UnitState::Stopped, vec![c]));
    assert!(group.inside().seen.voters.contains(&c));
    assert_eq!(settle(&group).await, 0, "nobody starts it again");

    begin(&group, &format!("start {c}:km3:@km3"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    assert_eq!((service(&group, "km3"), stopped(&group)), (UnitState::Running, vec![]));
    assert_eq!(group.inside().deeds, ["stop km3", "start km3"]);
}

// row 63: when the quorum that was lost by a stop comes back because somebody started the instance on its host, the
// operation that stopped it is done.
#[tokio::test]
async fn one_that_somebody_started_since_is_not_stopped_again() {
    let (group, _, c) = three().await;
    begin(&group, &format!("stop {c}:km3:@km3"));
    // Told that it begins, noted which process is to end, stopped; and then nothing can be agreed on any more.
    group.inside().acts_left = Some(3);
    passes(&group, 3).await;
    assert_eq!(service(&group, "km3"), UnitState::Stopped);
    assert_eq!(newest(&group).status, Status::Running);

    let km3 = host(&group, "km3");
    let status = crate::remote::UnitStatus {
        state: UnitState::Running,
        pid: Some(77),
        since: None,
        ended: String::new(),
    };
    group.hosts.inside().units.insert((km3, "kyvos-manager".into()), status);
    group.inside().seen.processes.insert(c, Timestamp(77));
    group.kill_active();
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded);
    assert_eq!((service(&group, "km3"), stopped(&group)), (UnitState::Running, vec![]));
    assert_eq!(group.inside().deeds, ["stop km3"]);
}

#[tokio::test]
async fn one_that_was_stopped_and_answers_again_is_not_called_stopped() {
    let (group, _, c) = three().await;
    begin(&group, &format!("stop {c}:km3:@km3"));
    settle(&group).await;
    group.inside().seen.processes.insert(c, Timestamp(99));
    settle(&group).await;
    assert!(stopped(&group).is_empty());
}

// row 57
#[tokio::test]
async fn one_that_became_active_meanwhile_is_not_stopped() {
    let (group, b, _) = three().await;
    begin(&group, &format!("stop {b}:km2:@km2"));
    group.inside().lead = b;
    group.fail_over();
    settle(&group).await;
    assert!(newest(&group).error.unwrap().contains("became Active meanwhile"));
    assert!(group.inside().deeds.is_empty());
}

// row 61
#[tokio::test]
async fn a_host_that_is_silent_holds_up_no_other_and_is_told_of_at_the_end() {
    let (group, b, c) = three().await;
    group.down("km2");
    group.down("km3");
    group.hosts.inside().silent.insert(host(&group, "km2"));
    begin(&group, &format!("start {b}:km2:@km2 {c}:km3:@km3 all=true"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Failed);
    assert_eq!(operation.error.as_deref(), Some("km2: no TCP connection"));
    assert_eq!(group.inside().deeds, ["start km3"]);

    // Trying again does what was passed over, and nothing else.
    group.hosts.inside().silent.clear();
    let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
    group.say(&format!("operations retry {id}"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    assert_eq!(group.inside().deeds, ["start km3", "start km2"]);
}

#[tokio::test]
async fn a_manager_that_is_no_service_of_its_host_is_not_said_to_be_stopped() {
    let (group, _, c) = three().await;
    let km3 = host(&group, "km3");
    group.hosts.inside().units.remove(&(km3, "kyvos-manager".into()));
    begin(&group, &format!("stop {c}:km3:@km3"));
    settle(&group).await;
    let error = newest(&group).error.unwrap();
    assert!(error.contains("it was started by other means"), "{error}");
    assert!(stopped(&group).is_empty());
}

fn refusing(group: &FakeGroup, why: &str) {
    let said = Output { exit: Some(1), stdout: Bytes::new(), stderr: Bytes::from(why.to_owned()) };
    group.hosts.inside().joins = Some(said);
}

// rows 11 to 21, 44
#[tokio::test]
async fn a_host_that_is_not_fit_is_not_let_in_unless_that_is_accepted() {
    let (group, _, _) = three().await;
    group.inside().unfit.insert("km4".into());
    begin(&group, "add-on-host @km4 km4");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!((operation.status, operation.steps[0].status), (Status::Failed, StepStatus::Failed));
    assert_eq!(operation.error.unwrap(), "Command line tool and snapshot location: so");
    assert!(group.inside().deeds.is_empty());

    // Who is known to be unfit is refused at once; who accepts it is looked at once more, and let in.
    let km4 = host(&group, "km4");
    let refused = group.inside().refusal(&format!("operations begin add-on-host {km4} km4"));
    assert_eq!(refused.code, crate::base::Code::PrecheckFailed);
    begin(&group, "add-on-host @km4 km4 accept=true");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Succeeded);
    assert!(operation.steps[0].detail.starts_with("accepted: "), "{operation:?}");
}

// rows 44, 86
#[tokio::test]
async fn a_host_that_is_not_let_in_leaves_nothing() {
    let (group, _, _) = three().await;
    refusing(&group, "km: there is no /etc/km/km.toml");
    begin(&group, "add-on-host @km4 km4");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(
        operation.error.as_deref(),
        Some("km4: km join refused: km: there is no /etc/km/km.toml")
    );
    let inside = group.inside();
    assert_eq!(inside.state.managers.members.len(), 3);
    assert!(inside.state.managers.join_tokens.is_empty(), "its token is taken back");
}

// rows 86, 88
#[tokio::test]
async fn an_addition_on_a_host_called_off_at_any_point_leaves_a_whole_member_or_none() {
    let mut both = [0, 0];
    for count in 1..40 {
        let (group, _, _) = three().await;
        begin(&group, "add-on-host @km4 km4");
        let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
        passes(&group, count).await;
        let open = newest(&group).status.is_open();
        if open {
            group.say(&format!("operations cancel {id}"));
        }
        settle(&group).await;
        let inside = group.inside();
        let members = &inside.state.managers.members;
        let member = members.iter().find(|(_, member)| member.profile.host == "km4");
        let votes = member.is_some_and(|(id, _)| inside.seen.voters.contains(id));
        drop(inside);
        let member = group.inside().state.managers.members.len() == 4;
        assert_eq!(votes, member, "called off after {count} passes");
        let runs = service(&group, "km4") == UnitState::Running;
        assert_eq!(runs, member, "called off after {count} passes: its service");
        assert_eq!(half_members(&group), [], "called off after {count} passes");
        both[usize::from(member)] += 1;
        if !open {
            break;
        }
    }
    assert!(both[0] > 0 && both[1] > 0, "{both:?}");
}

// row 86
#[tokio::test]
async fn one_that_never_comes_up_is_taken_back_and_its_service_stopped() {
    let (group, _, _) = three().await;
    begin(&group, "add-on-host @km4 km4");
    for _ in 0..40 {
        passes(&group, 1).await;
        let mut inside = group.inside();
        let members = &inside.state.managers.members;
        let found = members.iter().find(|(_, member)| member.profile.host == "km4");
        let member = found.map(|(id, _)| *id);
        inside.silent.extend(member);
        let last = inside.state.kernel.revision.0;
        drop(inside);
        if last < 200 {
            group.say(&format!("properties set custom/p{last} x"));
            for n in 0..70 {
                group.say(&format!("properties set custom/q{n} x"));
            }
        }
    }
    group.wait(STEP_MAX_MS + 1);
    settle(&group).await;
    let operations: Vec<_> = group.inside().state.operations.operations.values().cloned().collect();
    let [.., addition, removal] = operations.as_slice() else { panic!("two operations") };
    assert_eq!((addition.kind.name(), addition.status), ("ADD_MANAGER", Status::Failed));
    assert_eq!((removal.kind.name(), removal.status), ("REMOVE_MANAGER", Status::Succeeded));
    assert_eq!(group.inside().state.managers.members.len(), 3);
    assert_eq!(service(&group, "km4"), UnitState::Stopped);

    // Added once more, it comes under a new number.
    group.inside().silent.clear();
    group.push_script();
    begin(&group, "add-on-host @km4 km4");
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
}

// row 87
#[tokio::test]
async fn a_deleted_member_on_a_silent_host_is_gone_and_the_operation_says_what_is_left() {
    let (group, _, c) = three().await;
    group.hosts.inside().silent.insert(host(&group, "km3"));
    begin(&group, &format!("remove-manager {c} km3 at=@km3"));
    for _ in 0..40 {
        passes(&group, 1).await;
        group.wait(30_000);
    }
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Failed);
    assert!(!group.inside().state.managers.members.contains_key(&c));
    // Who is lost with its host is not waited for.
    let (group, _, c) = three().await;
    group.hosts.inside().silent.insert(host(&group, "km3"));
    group.down("km3");
    begin(&group, &format!("remove-manager {c} km3 why=lost at=@km3"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Succeeded);
    let last = operation.steps.last().unwrap();
    assert_eq!(last.status, StepStatus::Skipped);
    assert!(last.detail.contains("Stop it on the host"), "{}", last.detail);
}

// row 28
#[tokio::test]
async fn the_script_is_pushed_anew_when_a_member_came() {
    use crate::capabilities::installs::model::{ScriptState, script_state};
    let (group, _, _) = three().await;
    let state = |group: &FakeGroup| script_state(&group.inside().state);
    assert_eq!(state(&group), ScriptState::Pushed);
    begin(&group, "add-on-host @km4 km4");
    settle(&group).await;
    assert_eq!(state(&group), ScriptState::Pending, "a member came");
    begin(&group, "push-script @km1:km1 @km2:km2 @km3:km3 @km4:km4");
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    assert_eq!(state(&group), ScriptState::Pushed);
    let path = "/var/lib/km/km-disaster-recovery.sh".to_owned();
    let written = group.hosts.inside().files[&(host(&group, "km4"), path)].clone();
    let text = String::from_utf8(written.to_vec()).unwrap();
    assert!(text.contains(" km4 manager http://km4:8081"), "{text}");
}
