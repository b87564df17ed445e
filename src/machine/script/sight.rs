//! What the Active sees besides the facts, as a script tells it, and what the rooms' plans make of it.
//!
//! `seen [voters=1,7] [learners=8] [joint=true] [answers=1,7:5] [behind=8:90,7:3]` holds until it is said again:
//! everybody has the whole log but those behind, and whoever answers does so in the process begun at 1, or at the
//! number after it. `looked @5 answered|silent` is a look at a host, now. `answered PART good|denied|bad|silent WHY` is
//! the answer to every question of the prechecks that holds that part. `plan ROOM` prints what there is to do.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::words::Words;
use crate::base::{Epoch, HostId, ManagerId, Revision, Timestamp};
use crate::capabilities::hosts::plan::Look;
use crate::capabilities::managers::plan::Seen;
use crate::capabilities::operations::model::{Step, Try};
use crate::capabilities::prechecks::script::Replies;
use crate::capabilities::{hosts, managers, operations, services};
use crate::machine::State;

/// Every room with a plan, and everything that can come out of it.
pub(super) const PLANS: [(&str, &[&str]); 5] = [
    ("hosts", &["somebody asked", "not greeted it yet", "it was changed", "it is its turn"]),
    (
        "managers",
        &["BeginAddition", "Remove(", "BeginSwitch", "RaiseLevel", "BeginRemoval", "NoteStart"],
    ),
    (
        "operations",
        &[
            "Tell ",
            "End ",
            "AddLearner",
            "Promote",
            "Demote",
            "deed: Remove",
            "HandOver",
            "chore: Start",
            "chore: Stop",
            "chore: Uninstall",
            "chore: Join",
            "chore: Push",
            "plan Remove",
            "plan Withdraw",
        ],
    ),
    (
        "prechecks",
        &[
            "ask Zookeeper",
            "ask LoadBalancer",
            "ask Postgres",
            "ask Login",
            "ask Find",
            "ask Canary",
            "ask Identity",
            "ask Port",
            "find repository fail",
            "find repository warn",
        ],
    ),
    ("services", &["Watch", "LeaveAlone"]),
];

/// What is seen in a script.
#[derive(Default)]
pub(super) struct Sight {
    voters: Vec<ManagerId>,
    learners: Vec<ManagerId>,
    joint: bool,
    answers: BTreeMap<ManagerId, u64>,
    behind: BTreeMap<ManagerId, u64>,
    looks: BTreeMap<HostId, (Timestamp, Look)>,
    replies: Replies,
}

impl Sight {
    pub(super) fn seen(&mut self, words: &mut Words) {
        *self = Sight {
            voters: members(words, "voters", 0).into_keys().collect(),
            learners: members(words, "learners", 0).into_keys().collect(),
            joint: words.read_option("joint").unwrap_or(false),
            answers: members(words, "answers", 1),
            behind: members(words, "behind", 0),
            looks: std::mem::take(&mut self.looks),
            replies: std::mem::take(&mut self.replies),
        };
    }

    pub(super) fn looked(&mut self, words: &mut Words, state: &State, now: Timestamp) {
        let id: HostId = words.read();
        let host = &state.hosts.hosts[&id];
        let answered = match words.next().as_str() {
            "answered" => true,
            "silent" => false,
            other => panic!("a host is not {other}"),
        };
        let look = Look { age_ms: 0, revision: host.revision, asked: host.look_asked, answered };
        self.looks.insert(id, (now, look));
    }

    pub(super) fn answered(&mut self, words: &mut Words) {
        self.replies.heard(words);
    }

    pub(super) fn plan(&self, words: &mut Words, state: &State, now: Timestamp) -> Vec<String> {
        let room = words.next();
        let seen = self.of_group(state, now);
        let steps: Vec<String> = match room.as_str() {
            "managers" => {
                let steps = managers::plan::plan(state, &seen);
                steps.iter().map(|step| said(&step.act, &step.because)).collect()
            }
            "operations" => {
                let tenure = state.managers.tenure.as_ref();
                let epoch = tenure.map_or(Epoch(0), |tenure| tenure.epoch);
                let moves = operations::plan::plan(state, &seen, epoch);
                moves.iter().map(|it| said(&it.act, &it.because)).collect()
            }
            "hosts" => {
                let steps = hosts::plan::plan(&state.hosts, &self.of_hosts(now));
                steps.iter().map(|step| said(&step.host, step.because)).collect()
            }
            "prechecks" => self.replies.plan(state, &seen),
            "services" => vec![match services::plan::order(state) {
                Ok(order) => format!("plan Watch {:?} because \"it is wanted\"", order.servers),
                Err(because) => format!("plan LeaveAlone because \"{because}\""),
            }],
            other => panic!("{other} plans nothing"),
        };
        if steps.is_empty() { vec!["plan: nothing to do".into()] } else { steps }
    }

    fn of_group(&self, state: &State, now: Timestamp) -> Seen {
        let last_log = state.kernel.revision;
        let behind = |id: &ManagerId| self.behind.get(id).copied().unwrap_or(0);
        let everybody = self.voters.iter().chain(&self.learners);
        Seen {
            voters: self.voters.iter().copied().collect(),
            learners: self.learners.iter().copied().collect(),
            joint: self.joint,
            last_log,
            matched: everybody
                .map(|id| (*id, Revision(last_log.0.saturating_sub(behind(id)))))
                .collect(),
            processes: self.answers.iter().map(|(id, at)| (*id, Timestamp(*at))).collect(),
            full: BTreeSet::new(),
            worked_ms: worked_ms(state, now),
            now,
        }
    }

    fn of_hosts(&self, now: Timestamp) -> BTreeMap<HostId, Look> {
        let aged = |(id, (at, look)): (&HostId, &(Timestamp, Look))| {
            (*id, Look { age_ms: now.since_ms(*at), ..*look })
        };
        self.looks.iter().map(aged).collect()
    }
}

/// In a script nobody sets the clock.
fn worked_ms(state: &State, now: Timestamp) -> BTreeMap<Try, u64> {
    let tries = state.operations.tries(state.managers.epoch());
    let worked = |step: &Step| step.started_at.map_or(0, |since| now.since_ms(since));
    tries.map(|(it, step)| (it, worked(step))).collect()
}

/// Telling and ending say why in their detail; once is enough.
fn said(act: &dyn std::fmt::Debug, because: &str) -> String {
    let act = format!("{act:?}").replace(&format!(", detail: {because:?}"), "");
    format!("plan {act} because \"{because}\"")
}

/// `1,7:5` is Manager 1 with the usual number, and Manager 7 with 5.
fn members(words: &mut Words, name: &str, usual: u64) -> BTreeMap<ManagerId, u64> {
    let list = words.option(name).unwrap_or_default();
    let member = |word: &str| {
        let (id, number) = word.split_once(':').unwrap_or((word, ""));
        let number = if number.is_empty() { usual } else { read(number) };
        (read(id), number)
    };
    list.split(',').filter(|word| !word.is_empty()).map(member).collect()
}

fn read<T: FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("{word} does not fit"))
}
