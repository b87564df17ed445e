//! Row 88, for every kind of operation: the Active dies before each act of it, and the work comes to the same
//! end, with nothing done twice.

use std::collections::BTreeMap;

use super::*;
use crate::capabilities::operations::model::{Kind, Verb};
use crate::capabilities::services::model::{ServiceId, Want};
use crate::remote::{UnitState, UnitStatus};

/// A story that begins one operation: what is there before, and how it is asked for.
struct Story {
    name: &'static str,
    /// Managers and witnesses besides the first Manager.
    members: &'static [(&'static str, &'static str)],
    /// What else is there before.
    before: fn(&FakeGroup),
    begin: &'static str,
}

/// The first Manager of a story is 1; the others are B, C and so on. When the Active dies, B takes over, so that
/// no story about Passives is about B.
const STORIES: &[Story] = &[
    Story { name: "ADD_MANAGER", members: &[("km2", "manager")], before: nothing, begin: "" },
    Story { name: "MAKE_ACTIVE", members: THREE, before: nothing, begin: "begin make-active C c" },
    Story { name: "STEP_ASIDE", members: THREE, before: nothing, begin: "begin step-aside 1 a" },
    Story {
        name: "RESTART_ACTIVE_KM",
        members: THREE,
        before: nothing,
        begin: "begin restart-active 1 a",
    },
    Story {
        name: "RESTART_ACTIVE_KM",
        members: &[],
        before: nothing,
        begin: "begin restart-active 1 a",
    },
    Story { name: "SWITCH_HA", members: &[], before: nothing, begin: "begin switch-ha 1 a" },
    Story {
        name: "RESTART_MANAGER",
        members: THREE,
        before: nothing,
        begin: "begin restart-passives C",
    },
    Story {
        name: "RESTART_PASSIVES",
        members: FIVE,
        before: nothing,
        begin: "begin restart-passives D E all=true",
    },
    Story {
        name: "REMOVE_MANAGER",
        members: THREE,
        before: nothing,
        begin: "begin remove-manager C c",
    },
    Story {
        name: "REMOVE_MANAGER",
        members: THREE,
        before: nothing,
        begin: "begin remove-manager 1 a",
    },
    Story {
        name: "REMOVE_MANAGER",
        members: THREE,
        before: nothing,
        begin: "begin remove-manager C c why=lost",
    },
    Story {
        name: "REMOVE_MANAGER",
        members: THREE,
        before: hosts,
        begin: "begin remove-manager C km3 at=@km3",
    },
    Story {
        name: "REMOVE_MANAGER",
        members: THREE,
        before: hosts,
        begin: "begin remove-manager 1 km1 at=@km1",
    },
    Story {
        name: "START_MANAGER",
        members: THREE,
        before: km3_stopped,
        begin: "begin start C:km3:@km3",
    },
    Story {
        name: "START_PASSIVES",
        members: FIVE,
        before: km4_and_km5_down,
        begin: "begin start D:km4:@km4 E:km5:@km5 all=true",
    },
    Story { name: "STOP_MANAGER", members: THREE, before: hosts, begin: "begin stop C:km3:@km3" },
    Story {
        name: "STOP_PASSIVES",
        members: FIVE,
        before: hosts,
        begin: "begin stop D:km4:@km4 E:km5:@km5 all=true",
    },
    Story {
        name: "RESTART_MANAGER",
        members: THREE,
        before: km3_down,
        begin: "begin restart-down C:km3:@km3",
    },
    Story {
        name: "ADD_MANAGER",
        members: THREE,
        before: km4_free,
        begin: "begin add-on-host @km4 km4",
    },
    Story {
        name: "ADD_MANAGER",
        members: THREE,
        before: km4_free,
        begin: "begin add-on-host @km4 km4 role=witness",
    },
    Story {
        name: "REPLACE_MANAGER",
        members: THREE,
        before: km4_free,
        begin: "begin replace C km3 @km4 km4 old_at=@km3",
    },
    Story {
        name: "REPLACE_MANAGER",
        members: THREE,
        before: km4_free,
        begin: "begin replace 1 km1 @km4 km4 old_at=@km1",
    },
    Story {
        name: "PUSH_DR_SCRIPT",
        members: THREE,
        before: hosts,
        begin: "begin push-script @km1:km1 @km2:km2 @km3:km3",
    },
    Story {
        name: "START_SERVICE",
        members: THREE,
        before: services_stopped,
        begin: "begin services start one bi_server:@s1:s1",
    },
    Story {
        name: "STOP_SERVICE",
        members: THREE,
        before: services_running,
        begin: "begin services stop one bi_server:@s1:s1",
    },
    Story {
        name: "RESTART_SERVICE",
        members: THREE,
        before: services_running,
        begin: "begin services restart one bi_server:@s1:s1",
    },
    Story {
        name: "START_SERVICES",
        members: THREE,
        before: services_stopped,
        begin: "begin services start cluster bi_server:@s1:s1 bi_server:@s2:s2 query_engine:@s2:s2",
    },
    Story {
        name: "STOP_SERVICES",
        members: THREE,
        before: services_running,
        begin: "begin services stop cluster query_engine:@s2:s2 bi_server:@s1:s1 bi_server:@s2:s2",
    },
    Story {
        name: "RESTART_SERVICES",
        members: THREE,
        before: services_running,
        begin: "begin services restart type bi_server:@s1:s1 bi_server:@s2:s2",
    },
    Story {
        name: "RECOVER_SERVICE",
        members: THREE,
        before: service_down,
        begin: "begin recover ASK bi_server:@s1:s1",
    },
    Story {
        name: "RECOVER_SERVICE",
        members: THREE,
        before: host_gone,
        begin: "begin recover ASK bi_server:@s1:s1 bi_server:@s2:s2",
    },
];

fn nothing(_: &FakeGroup) {}

/// Every member's host is looked after.
fn hosts(group: &FakeGroup) {
    let inside = group.inside();
    let members = inside.state.managers.members.values();
    let names: Vec<_> = members.map(|member| member.profile.host.clone()).collect();
    drop(inside);
    for name in names {
        group.register(&name);
    }
}

fn km3_stopped(group: &FakeGroup) {
    hosts(group);
    group.stopped("km3");
}

fn km3_down(group: &FakeGroup) {
    hosts(group);
    group.down("km3");
}

fn km4_and_km5_down(group: &FakeGroup) {
    hosts(group);
    group.down("km4");
    group.stopped("km5");
}

/// A further host, on which nobody lives yet.
fn km4_free(group: &FakeGroup) {
    hosts(group);
    group.register("km4");
    group.push_script();
}

/// Two hosts with services that stand still.
fn services_stopped(group: &FakeGroup) {
    group.say("hosts register s1 agent roles=bi_server");
    group.say("hosts register s2 agent roles=bi_server,query_engine");
}

/// One that was up is down, and it was decided to start it again.
fn service_down(group: &FakeGroup) {
    services_stopped(group);
    went_down(group, "not_there");
}

/// Its host is gone, and it was decided to start a standby in its place.
fn host_gone(group: &FakeGroup) {
    services_stopped(group);
    let [s1, s2] = ["s1", "s2"].map(|host| group.inside().state.hosts.named(host).unwrap().0);
    group.say(&format!("services want stopped bi_server:{s2}"));
    group.say(&format!("hosts note {s1} silent gone"));
    group.say(&format!("hosts note {s2} answers 1"));
    went_down(group, "nothing");
}

fn went_down(group: &FakeGroup, says: &str) {
    let [s1, s2] = ["s1", "s2"].map(|host| group.inside().state.hosts.named(host).unwrap().0);
    group.say(&format!("services set-ha on standby=bi_server:{s2}"));
    group.say(&format!("services note-verdicts up so bi_server:{s1} whole=true"));
    group.say(&format!("services note-verdicts down gone says={says} bi_server:{s1}"));
    group.wait(60_000);
    group.say(&format!("services recover bi_server:{s1}"));
}

/// The same, and they run.
fn services_running(group: &FakeGroup) {
    services_stopped(group);
    for (host, units) in
        [("s1", &["kyvos-bi-server"][..]), ("s2", &["kyvos-bi-server", "kyvos-query-engine"])]
    {
        let host = group.inside().state.hosts.named(host).unwrap().0;
        for unit in units {
            let (state, pid) = (UnitState::Running, Some(77));
            let status = UnitStatus { state, pid, since: None, ended: String::new() };
            group.hosts.inside().units.insert((host, (*unit).to_owned()), status);
        }
    }
}

const THREE: &[(&str, &str)] = &[("km2", "manager"), ("km3", "manager")];
const FIVE: &[(&str, &str)] =
    &[("km2", "manager"), ("km3", "manager"), ("km4", "manager"), ("km5", "manager")];

/// A kind without a story does not compile here, and one without a story of its name fails below.
fn names_of(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::AddManager { .. } | Kind::AddOnHost(_) => &["ADD_MANAGER"],
        Kind::Start { .. } => &["START_MANAGER", "START_PASSIVES"],
        Kind::Stop { .. } => &["STOP_MANAGER", "STOP_PASSIVES"],
        Kind::RestartDown(_) => &["RESTART_MANAGER"],
        Kind::Replace { .. } => &["REPLACE_MANAGER"],
        Kind::PushScript { .. } => &["PUSH_DR_SCRIPT"],
        Kind::MakeActive { .. } => &["MAKE_ACTIVE"],
        Kind::StepAside { .. } => &["STEP_ASIDE"],
        Kind::RestartActive(_) => &["RESTART_ACTIVE_KM"],
        Kind::SwitchHa { .. } => &["SWITCH_HA"],
        Kind::RestartPassives { .. } => &["RESTART_MANAGER", "RESTART_PASSIVES"],
        Kind::RemoveManager { .. } => &["REMOVE_MANAGER"],
        Kind::Services(order) => match order.verb {
            Verb::Start => &["START_SERVICE", "START_SERVICES"],
            Verb::Stop => &["STOP_SERVICE", "STOP_SERVICES"],
            Verb::Restart => &["RESTART_SERVICE", "RESTART_SERVICES"],
        },
        Kind::Recover(_) => &["RECOVER_SERVICE"],
    }
}

/// What is compared: everything but who happens to be Active where the story does not say.
#[derive(Debug, PartialEq)]
struct End {
    status: Status,
    /// By the names of their hosts: a newcomer's number depends on when it came.
    members: Vec<String>,
    voters: Vec<String>,
    learners: Vec<String>,
    /// Who is stopped on purpose.
    stopped: Vec<String>,
    /// The services that run.
    services: Vec<String>,
    /// What is wanted of services.
    wanted: Vec<(ServiceId, Want, String)>,
    /// Who was restarted for the operation or died on the way, of those it is about.
    restarted: Vec<ManagerId>,
    active: Option<ManagerId>,
}

impl Story {
    async fn begun(&self) -> FakeGroup {
        let group = group();
        let mut words = BTreeMap::new();
        for ((host, role), word) in self.members.iter().zip(["B", "C", "D", "E"]) {
            let member = group.admit(host, role);
            if !self.begin.is_empty() {
                settle(&group).await;
            }
            words.insert(word.to_owned(), member.to_string());
        }
        (self.before)(&group);
        for (host, known) in &group.inside().state.hosts.hosts {
            words.insert(format!("@{}", known.name), host.to_string());
        }
        let newest = group.inside().state.kernel.revision;
        words.insert("ASK".to_owned(), newest.to_string());
        group.inside().deeds.clear();
        if !self.begin.is_empty() {
            let said = |word: &str| words.get(word).cloned().unwrap_or_else(|| word.to_owned());
            let parts = self.begin.split_inclusive([' ', ':', '=']);
            let begin = parts.map(|part| {
                let word = part.trim_end_matches([' ', ':', '=']);
                part.replacen(word, &said(word), 1)
            });
            group.say(&format!("operations {}", begin.collect::<String>()));
        }
        group
    }

    fn end(&self, group: &FakeGroup) -> End {
        let inside = group.inside();
        let (_, operation) = inside.state.operations.operations.iter().next_back().unwrap();
        assert_eq!(operation.kind.name(), self.name);
        assert!(names_of(&operation.kind).contains(&self.name));
        let facts = &inside.state.managers;
        let host = |id: &ManagerId| {
            let known = facts.members.get(id).map(|member| member.profile.host.clone());
            known.unwrap_or_else(|| id.to_string())
        };
        let named = |ids: &mut dyn Iterator<Item = &ManagerId>| {
            let mut names: Vec<_> = ids.map(host).collect();
            names.sort();
            names
        };
        let units = &group.hosts.inside().units;
        let running = units.iter().filter(|(_, unit)| unit.state == UnitState::Running);
        let services = running
            .map(|((host, unit), _)| format!("{unit} on {}", inside.state.hosts.hosts[host].name));
        let services = services.collect();
        let wanted = inside.state.services.wanted.iter();
        let wanted = wanted.map(|(id, it)| (*id, it.want, it.by.clone())).collect();
        let processes = &inside.seen.processes;
        let works = operation.kind.works();
        let of_processes = works.iter().filter(|work| work.process.is_some());
        let mut restarted: Vec<_> = of_processes
            .filter_map(|work| Some((work.manager?, work.process)))
            .filter(|(manager, process)| processes.get(manager).copied() != *process)
            .map(|(manager, _)| manager)
            .collect();
        restarted.dedup();
        let decides = matches!(operation.kind, Kind::MakeActive { .. });
        End {
            status: operation.status,
            members: named(&mut facts.members.keys()),
            voters: named(&mut inside.seen.voters.iter()),
            learners: named(&mut inside.seen.learners.iter()),
            stopped: named(&mut inside.state.installs.stops.keys()),
            services,
            wanted,
            restarted,
            active: decides.then_some(inside.lead),
        }
    }
}

fn ended(group: &FakeGroup) -> bool {
    let inside = group.inside();
    let newest = inside.state.operations.operations.values().next_back();
    newest.is_some_and(|operation| !operation.status.is_open())
}

/// A hand-over is not counted: when whoever took over is the one that died, it has to be made again. Nor is letting
/// in: when nobody lived to tell that the host had settled down, it is withdrawn and let in anew.
fn nothing_twice(group: &FakeGroup, story: &Story, acts: usize) {
    let mut deeds = group.inside().deeds.clone();
    deeds.retain(|deed| !deed.starts_with("hand over") && !deed.starts_with("join "));
    let all = deeds.len();
    deeds.sort();
    deeds.dedup();
    let told = &group.inside().deeds;
    assert_eq!(deeds.len(), all, "{} {:?} after {acts} acts: {told:?}", story.name, story.begin);
}

// rows 12, 88
#[tokio::test]
async fn the_active_may_die_before_any_act_of_any_operation() {
    let mut boundaries = 0;
    for story in STORIES {
        let undisturbed = story.begun().await;
        settle(&undisturbed).await;
        let expected = story.end(&undisturbed);
        assert_eq!(expected.status, Status::Succeeded, "{} {}", story.name, story.begin);
        for acts in 0.. {
            let group = story.begun().await;
            group.inside().acts_left = Some(acts);
            while group.inside().acts_left != Some(0) && !ended(&group) {
                passes(&group, 1).await;
                group.wait(1_000);
            }
            if ended(&group) {
                break;
            }
            boundaries += 1;
            group.kill_active();
            settle(&group).await;
            let end = story.end(&group);
            assert_eq!(end, expected, "{} {:?} after {acts} acts", story.name, story.begin);
            assert_eq!(half_members(&group), []);
            nothing_twice(&group, story, acts);
        }
    }
    assert!(boundaries > 200, "only {boundaries} boundaries were met");
}
