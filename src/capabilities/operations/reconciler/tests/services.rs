//! Services in waves, where it does not go smoothly.

use super::*;
use crate::base::HostId;
use crate::capabilities::services::model::{Configurations, ServiceId, ServiceType, Want};
use crate::remote::{Probe, Probed, UnitState, UnitStatus};

/// Three hosts with a BI Server each, one of them with ZooKeeper too.
fn stage() -> FakeGroup {
    let group = group();
    group.say("hosts register s1 agent roles=bi_server,zookeeper");
    group.say("hosts register s2 agent roles=bi_server");
    group.say("hosts register s3 agent roles=bi_server");
    group
}

fn host(group: &FakeGroup, name: &str) -> HostId {
    group.inside().state.hosts.named(name).unwrap().0
}

fn say(group: &FakeGroup, words: &str) {
    let mut said = words.to_owned();
    for name in ["s1", "s2", "s3"] {
        said = said.replace(&format!("@{name}"), &host(group, name).to_string());
    }
    group.say(&said);
}

fn begin(group: &FakeGroup, words: &str) {
    say(group, &format!("operations begin services {words}"));
}

fn newest(group: &FakeGroup) -> Operation {
    group.inside().state.operations.operations.values().next_back().unwrap().clone()
}

fn bi_servers(group: &FakeGroup, state: UnitState) {
    for name in ["s1", "s2", "s3"] {
        let pid = (state == UnitState::Running).then_some(77);
        let status = UnitStatus { state, pid, since: None, ended: String::new() };
        let key = (host(group, name), "kyvos-bi-server".to_owned());
        group.hosts.inside().units.insert(key, status);
    }
}

fn wants(group: &FakeGroup, name: &str) -> Option<Want> {
    let service = ServiceId { service: ServiceType::BiServer, host: host(group, name) };
    group.inside().state.services.wanted.get(&service).map(|wanted| wanted.want)
}

/// Where a BI Server runs with an older configuration.
fn stale(group: &FakeGroup) -> Vec<&'static str> {
    let service = |name| ServiceId { service: ServiceType::BiServer, host: host(group, name) };
    let services = ["s1", "s2", "s3"].map(|name| (name, service(name)));
    let inside = group.inside();
    let configurations = Configurations::of(&inside.state);
    let old = services.iter().filter(|(_, service)| !configurations.old(*service).is_empty());
    old.map(|(name, _)| *name).collect()
}

const ALL: &str = "bi_server:@s1:s1 bi_server:@s2:s2 bi_server:@s3:s3";

#[tokio::test]
async fn the_cluster_is_started_type_by_type() {
    let group = stage();
    begin(&group, &format!("start cluster zookeeper:@s1:s1 {ALL}"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Succeeded, "{operation:?}");
    let deeds = group.inside().deeds.clone();
    assert_eq!(deeds[0], "start kyvos-zookeeper s1");
    assert_eq!(deeds.len(), 4, "{deeds:?}");
    let titles: Vec<_> = operation.steps.iter().map(|step| step.title.as_str()).collect();
    let expected = [
        "Start ZooKeeper on s1",
        "Wait for ZooKeeper on s1 to serve",
        "Start 3 BI Servers",
        "Wait for 3 BI Servers to serve",
        "See that nothing was passed over",
    ];
    assert_eq!(titles, expected);
    // Once more: nothing is left to do.
    begin(&group, &format!("start cluster zookeeper:@s1:s1 {ALL}"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded);
    assert_eq!(group.inside().deeds.len(), 4);
}

#[tokio::test]
async fn a_host_that_is_silent_keeps_no_other_from_stopping_and_is_told_of() {
    let group = stage();
    bi_servers(&group, UnitState::Running);
    group.hosts.inside().silent.insert(host(&group, "s2"));
    begin(&group, &format!("stop type {ALL}"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Failed);
    assert_eq!(operation.error.as_deref(), Some("2 of 3 stopped; s2: no TCP connection"));
    assert_eq!(wants(&group, "s2"), Some(Want::Stopped), "it is not to come back by itself");

    group.hosts.inside().silent.clear();
    let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
    group.say(&format!("operations retry {id}"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
}

#[tokio::test]
async fn a_rolling_restart_goes_no_further_than_to_the_first_that_does_not_come_back() {
    let group = stage();
    bi_servers(&group, UnitState::Running);
    group.say("services set-control bi_server kyvos-bi-server tcp=8081");
    let silent = Probed { answers: false, status: None, detail: "refused".into() };
    let probe = format!("{:?}", Probe::Tcp("s2:8081".into()));
    group.hosts.inside().probed.insert(probe.clone(), silent);
    begin(&group, &format!("restart type {ALL}"));
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Failed);
    let error = operation.error.unwrap();
    assert_eq!(error, "0 of 1 serving; s2: s2:8081 does not answer: refused");
    let third = "stop kyvos-bi-server s3".to_owned();
    assert!(!group.inside().deeds.contains(&third), "{:?}", group.inside().deeds);

    // Once that is put right, it goes on where it was.
    group.hosts.inside().probed.remove(&probe);
    let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
    group.say(&format!("operations retry {id}"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    let stops = group.inside().deeds.iter().filter(|deed| deed.starts_with("stop")).count();
    assert_eq!(stops, 3);
}

// rows 31-33: the gate makes of ZooKeeper's word what a verdict makes of it
#[tokio::test]
async fn a_znode_that_is_gone_keeps_the_gate_shut_and_one_that_cannot_be_seen_does_not() {
    let hidden = "/kyvos/bi_servers has 20001 children; more than 20000 are not listed";
    for (watch, error) in [
        ("watching", Some("0 of 1 serving; s1: its znode is gone")),
        (&format!("watching trouble=\"{hidden}\""), None),
        ("away \"the connection was lost\"", None),
    ] {
        let group = stage();
        bi_servers(&group, UnitState::Running);
        group.say("services note-watch watching");
        group.say("services note-seen /kyvos/bi_servers/s1:8081 s1 port=8081");
        group.say("services note-gone /kyvos/bi_servers/s1:8081");
        group.say(&format!("services note-watch {watch}"));
        begin(&group, "restart one bi_server:@s1:s1");
        settle(&group).await;
        assert_eq!(newest(&group).error.as_deref(), error, "{watch}");
    }
}

#[tokio::test]
async fn one_that_was_called_off_has_said_and_done_nothing_about_those_whose_turn_did_not_come() {
    let group = stage();
    bi_servers(&group, UnitState::Running);
    begin(&group, &format!("restart type {ALL}"));
    while group.inside().deeds.is_empty() {
        passes(&group, 1).await;
    }
    let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
    group.say(&format!("operations cancel {id}"));
    settle(&group).await;
    assert_eq!(group.inside().deeds, ["stop kyvos-bi-server s1"]);
    assert_eq!((wants(&group, "s1"), wants(&group, "s3")), (Some(Want::Running), None));
}

#[tokio::test]
async fn what_needs_others_is_not_started_when_none_of_them_is_there() {
    let group = stage();
    group.say("services set-control zookeeper \"zk-not-there\"");
    group.hosts.inside().silent.insert(host(&group, "s1"));
    begin(&group, "start cluster zookeeper:@s1:s1 bi_server:@s2:s2");
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Failed);
    assert_eq!(newest(&group).steps[2].status, StepStatus::Pending);
    assert!(group.inside().deeds.is_empty());
}

#[tokio::test]
async fn one_whose_role_is_taken_meanwhile_is_left_alone_and_keeps_nobody_else_waiting() {
    let group = stage();
    bi_servers(&group, UnitState::Running);
    begin(&group, &format!("restart type {ALL}"));
    while group.inside().deeds.is_empty() {
        passes(&group, 1).await;
    }
    say(&group, "hosts change @s2 roles=query_engine");
    settle(&group).await;
    let operation = newest(&group);
    assert_eq!(operation.status, Status::Succeeded, "{operation:?}");
    let details: Vec<_> = operation.steps.iter().map(|step| step.detail.as_str()).collect();
    let alone = "0 of 1 stopped; s2: left alone: its host has the role BI Server no more";
    assert!(details.contains(&alone), "{details:?}");
    let deeds = group.inside().deeds.clone();
    assert!(deeds.contains(&"start kyvos-bi-server s3".to_owned()), "{deeds:?}");
    assert!(!deeds.iter().any(|deed| deed.ends_with("s2")), "{deeds:?}");
    assert_eq!(wants(&group, "s2"), None);
}

// issue 6, point 6: only what runs with an older configuration
#[tokio::test]
async fn whoever_is_restarted_has_read_what_was_changed_and_whoever_ran_on_has_not() {
    let group = stage();
    bi_servers(&group, UnitState::Running);
    say(&group, "services note-verdicts up seen bi_server:@s1 bi_server:@s2 bi_server:@s3");
    group.say("properties set olapengine/BLOCK_CACHE_LIFETIME 60");
    assert_eq!(stale(&group), ["s1", "s2", "s3"]);
    begin(&group, "start one bi_server:@s1:s1");
    settle(&group).await;
    assert_eq!(stale(&group), ["s1", "s2", "s3"], "it ran, and goes on");
    begin(&group, "restart one bi_server:@s2:s2");
    settle(&group).await;
    assert_eq!(stale(&group), ["s1", "s3"]);

    // One that fails goes on where it was, though the first of them is stale no more.
    group.hosts.inside().silent.insert(host(&group, "s3"));
    begin(&group, "restart stale bi_server:@s1:s1 bi_server:@s3:s3");
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Failed);
    assert_eq!(stale(&group), ["s3"]);
    group.hosts.inside().silent.clear();
    let id = *group.inside().state.operations.operations.keys().next_back().unwrap();
    group.say(&format!("operations retry {id}"));
    settle(&group).await;
    assert_eq!(newest(&group).status, Status::Succeeded, "{:?}", newest(&group));
    assert_eq!(stale(&group), [""; 0]);

    // What answers although its unit does not run was started in another way, and nobody knows when.
    group.say("services set-control bi_server kyvos-bi-server tcp=8081");
    group.say("properties set olapengine/BLOCK_CACHE_LIFETIME 61");
    bi_servers(&group, UnitState::Stopped);
    begin(&group, "start one bi_server:@s1:s1");
    settle(&group).await;
    assert_eq!(stale(&group), ["s1", "s2", "s3"]);
}
