//! When a run is due, and what is asked in which round.

use std::collections::BTreeSet;

use super::{Answer, Answers, EVERY_MS, Question, Tool, due, questions};
use crate::base::{HostId, Timestamp};
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::capabilities::prechecks::model::Scope;
use crate::capabilities::prechecks::port::fake::wished;
use crate::machine::State;

/// Manager 1 on km1, and what else the lines say. The first of them is revision 4.
fn group(lines: &[&str]) -> FakeGroup {
    let group = FakeGroup::founded();
    lines.iter().for_each(|line| group.say(line));
    group
}

fn asked(state: &State, scope: &Scope, answers: &Answers) -> Vec<Question> {
    questions(state, scope, answers).into_iter().collect()
}

/// Asks until there is nothing more, with these answers and else the wished ones.
fn rounds(group: &FakeGroup, scope: &Scope, said: &Answers) -> Vec<Vec<Question>> {
    let state = &group.inside().state;
    let mut answers = Answers::new();
    let mut rounds = Vec::new();
    loop {
        let next = asked(state, scope, &answers);
        if next.is_empty() {
            return rounds;
        }
        for question in &next {
            let answer = said.get(question).cloned().unwrap_or_else(|| wished(question));
            answers.insert(question.clone(), answer);
        }
        rounds.push(next);
    }
}

const KM1: HostId = HostId(4);
const KM2: HostId = HostId(5);

fn find(host: HostId) -> Question {
    Question::Find { host, tool: Tool::Hdfs }
}

fn port(host: HostId, address: &str) -> Question {
    Question::Port { host, address: address.into() }
}

fn two_hosts() -> FakeGroup {
    group(&[
        "hosts register km1 agent:km1:7445 roles=web_portal",
        "hosts register km2 agent:km2:7445 roles=web_portal",
    ])
}

#[test]
fn a_run_is_due_when_asked_or_broken_off_and_every_hour_while_ha_is_on() {
    let group = two_hosts();
    let now = Timestamp(1);
    let is_due = |now| due(&group.inside().state, now);
    assert_eq!(is_due(now), Some(true), "nobody has looked yet");
    group.say("prechecks begin everything=true");
    assert_eq!(is_due(now), Some(true), "the run was broken off");
    let run = group.inside().state.prechecks.run.as_ref().unwrap().revision;
    group.say(&format!("prechecks finish {run}"));
    assert_eq!(is_due(now), None);
    assert_eq!(is_due(now.plus_ms(EVERY_MS)), Some(true));
    group.say("prechecks ask km2");
    assert_eq!(is_due(now), Some(false));
    group.say("prechecks begin");
    assert_eq!(is_due(now), Some(false), "broken off");
    let run = group.inside().state.prechecks.run.as_ref().unwrap().revision;
    group.say(&format!("prechecks finish {run}"));
    group.say("properties set kyvos-manager/ENABLE_KM_HA no");
    assert_eq!(is_due(now.plus_ms(EVERY_MS)), None, "without HA only when asked");
    group.say("prechecks ask");
    assert_eq!(is_due(now), Some(false));
}

#[test]
fn a_group_that_has_not_agreed_on_prechecks_runs_none() {
    let group = two_hosts();
    group.inside().state.kernel.level = crate::machine::Level(1);
    assert_eq!(due(&group.inside().state, Timestamp(1)), None);
}

#[test]
fn a_host_that_does_not_answer_is_asked_nothing_more() {
    let group = two_hosts();
    group.say("properties set kyvos-manager/SNAPSHOT_LOCATION /kyvos");
    let silent = Answers::from([(find(KM2), Answer::Silent("no TCP connection".into()))]);
    let rounds = rounds(&group, &Scope::everything(), &silent);
    assert_eq!(rounds[0], [find(KM1), find(KM2)]);
    let location = "/kyvos".to_owned();
    let expected = [
        Question::Canary { host: KM1, tool: Tool::Hdfs, location },
        Question::Identity { host: KM1, tool: Tool::Hdfs },
        port(KM1, "km2:7445"),
    ];
    assert_eq!((&rounds[1][..], rounds.len()), (&expected[..], 2));
}

#[test]
fn a_host_without_the_tool_is_still_asked_for_its_ports() {
    let group = two_hosts();
    let missing = Answers::from([(find(KM1), Answer::Bad(String::new()))]);
    let rounds = rounds(&group, &Scope::everything(), &missing);
    assert!(rounds[1].contains(&port(KM1, "km2:7445")), "{rounds:?}");
    let about_km1 = |question: &&Question| matches!(question, Question::Identity { host: KM1, .. });
    assert_eq!(rounds.concat().iter().find(about_km1), None);
}

// A8, row 72
#[test]
fn without_ha_nobody_connects_to_zookeeper_unless_told_to() {
    let group = two_hosts();
    group.say("hosts register zk1 agent:zk1:7445 roles=zookeeper");
    let zookeeper = Question::Zookeeper { address: "zk1:2181".into() };
    let cell = port(KM1, "zk1:2181");
    let is_asked = || {
        let all: BTreeSet<_> =
            rounds(&group, &Scope::everything(), &Answers::new()).concat().into_iter().collect();
        (all.contains(&zookeeper), all.contains(&cell))
    };
    assert_eq!(is_asked(), (true, true));
    group.say("properties set kyvos-manager/ENABLE_KM_HA no");
    assert_eq!(is_asked(), (false, false));
    group.say("properties set kyvos-manager/ZK_SERVICE_WATCH on");
    assert_eq!(is_asked(), (true, true));
    group.say("properties set kyvos-manager/ENABLE_KM_HA yes");
    group.say("properties set kyvos-manager/ZK_SERVICE_WATCH off");
    assert_eq!(is_asked(), (false, false));
}

#[test]
fn one_host_alone_is_compared_with_the_first_manager_and_nothing_else_is_asked_there() {
    let group = two_hosts();
    group.say("properties set kyvos-manager/SNAPSHOT_LOCATION /kyvos");
    group.say("hosts register bi1 agent:bi1:7445 roles=bi_server");
    let scope = Scope::of(&BTreeSet::from(["km2".to_owned()]));
    let all = rounds(&group, &scope, &Answers::new()).concat();
    let of_km1 = |question: &&Question| match question {
        Question::Find { host, .. }
        | Question::Canary { host, .. }
        | Question::Identity { host, .. }
        | Question::Port { host, .. } => *host == KM1,
        Question::Zookeeper { .. }
        | Question::LoadBalancer { .. }
        | Question::Postgres { .. }
        | Question::Login { .. } => false,
    };
    let of_km1: Vec<_> = all.iter().filter(of_km1).cloned().collect();
    assert_eq!(of_km1, [find(KM1), Question::Identity { host: KM1, tool: Tool::Hdfs }]);
    assert!(all.contains(&port(KM2, "bi1:7445")) && all.contains(&port(KM2, "km1:7445")));
}
