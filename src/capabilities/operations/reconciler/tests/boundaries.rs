//! Row 88, for every kind of operation: the Active dies before each act of it, and the work comes to the same
//! end, with nothing done twice.

use std::collections::BTreeMap;

use super::*;
use crate::capabilities::operations::model::Kind;

/// A story that begins one operation: what is there before, and how it is asked for.
struct Story {
    name: &'static str,
    /// Managers and witnesses besides the first Manager.
    members: &'static [(&'static str, &'static str)],
    begin: &'static str,
}

/// The first Manager of a story is 1; the others are B, C and so on. When the Active dies, B takes over, so that
/// no story about Passives is about B.
const STORIES: &[Story] = &[
    Story { name: "ADD_MANAGER", members: &[("km2", "manager")], begin: "" },
    Story { name: "MAKE_ACTIVE", members: THREE, begin: "begin make-active C c" },
    Story { name: "STEP_ASIDE", members: THREE, begin: "begin step-aside 1 a" },
    Story { name: "RESTART_ACTIVE_KM", members: THREE, begin: "begin restart-active 1 a" },
    Story { name: "RESTART_ACTIVE_KM", members: &[], begin: "begin restart-active 1 a" },
    Story { name: "SWITCH_HA", members: &[], begin: "begin switch-ha 1 a" },
    Story { name: "RESTART_MANAGER", members: THREE, begin: "begin restart-passives C" },
    Story { name: "RESTART_PASSIVES", members: FIVE, begin: "begin restart-passives D E all=true" },
    Story { name: "REMOVE_MANAGER", members: THREE, begin: "begin remove-manager C c" },
    Story { name: "REMOVE_MANAGER", members: THREE, begin: "begin remove-manager 1 a" },
    Story { name: "REMOVE_MANAGER", members: THREE, begin: "begin remove-manager C c lost=true" },
];

const THREE: &[(&str, &str)] = &[("km2", "manager"), ("km3", "manager")];
const FIVE: &[(&str, &str)] =
    &[("km2", "manager"), ("km3", "manager"), ("km4", "manager"), ("km5", "manager")];

/// A kind without a story does not compile here, and one without a story of its name fails below.
fn names_of(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::AddManager { .. } => &["ADD_MANAGER"],
        Kind::MakeActive { .. } => &["MAKE_ACTIVE"],
        Kind::StepAside { .. } => &["STEP_ASIDE"],
        Kind::RestartActive(_) => &["RESTART_ACTIVE_KM"],
        Kind::SwitchHa { .. } => &["SWITCH_HA"],
        Kind::RestartPassives { .. } => &["RESTART_MANAGER", "RESTART_PASSIVES"],
        Kind::RemoveManager { .. } => &["REMOVE_MANAGER"],
    }
}

/// What is compared: everything but who happens to be Active where the story does not say.
#[derive(Debug, PartialEq)]
struct End {
    status: Status,
    members: Vec<ManagerId>,
    voters: Vec<ManagerId>,
    learners: Vec<ManagerId>,
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
            words.insert(word, member.to_string());
        }
        group.inside().deeds.clear();
        if !self.begin.is_empty() {
            let said = |word: &str| words.get(word).cloned().unwrap_or_else(|| word.to_owned());
            let begin: Vec<String> = self.begin.split(' ').map(said).collect();
            group.say(&format!("operations {}", begin.join(" ")));
        }
        group
    }

    fn end(&self, group: &FakeGroup) -> End {
        let inside = group.inside();
        let (_, operation) = inside.state.operations.operations.iter().next_back().unwrap();
        assert_eq!(operation.kind.name(), self.name);
        assert!(names_of(&operation.kind).contains(&self.name));
        let processes = &inside.seen.processes;
        let works = operation.kind.works();
        let wanted = works.iter().filter(|work| work.process.is_some());
        let mut restarted: Vec<_> = wanted
            .filter(|work| processes.get(&work.manager).copied() != work.process)
            .map(|work| work.manager)
            .collect();
        restarted.dedup();
        let decides = matches!(operation.kind, Kind::MakeActive { .. });
        End {
            status: operation.status,
            members: inside.state.managers.members.keys().copied().collect(),
            voters: inside.seen.voters.iter().copied().collect(),
            learners: inside.seen.learners.iter().copied().collect(),
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

/// A hand-over is not counted: when whoever took over is the one that died, it has to be made again.
fn nothing_twice(group: &FakeGroup, story: &Story, acts: usize) {
    let mut deeds = group.inside().deeds.clone();
    deeds.retain(|deed| !deed.starts_with("hand over"));
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
    assert!(boundaries > 60, "only {boundaries} boundaries were met");
}
