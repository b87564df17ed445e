//! What schedules ask for next: note what is due, begin its operation, and take down what came of it.

use super::super::command::Command;
use super::super::model::{Schedule, ServiceId, Why};
use crate::base::{Revision, Timestamp};
use crate::capabilities::operations::model::{
    Command as Operations, Kind, Order, Scope, ServiceTarget, Verb,
};
use crate::machine::{Command as Proposed, State};

/// What has to be said now, the longest due first. Every word is judged again by the group: said twice, it counts once.
pub fn scheduled(state: &State, now: Timestamp) -> Vec<Proposed> {
    let mut said = Vec::new();
    for (id, schedule) in &state.services.schedules {
        if let Some(due) = schedule.waiting() {
            said.push(match schedule.outcome(state, due, now) {
                Some(_) => (due.at, Command::SettleSchedule { id: *id }.into()),
                None => (due.at, begin(state, schedule, due.asked, now)),
            });
        } else if let Some(at) = schedule.due(now) {
            said.push((at, Command::NoteDue { id: *id, at }.into()));
        }
    }
    said.sort_by_key(|(at, _)| *at);
    said.into_iter().map(|(_, command)| command).collect()
}

/// The operation says what is wanted before it does anything.
fn begin(state: &State, schedule: &Schedule, asked: Revision, now: Timestamp) -> Proposed {
    let target = |service: ServiceId| {
        let host = state.hosts.hosts.get(&service.host)?.name.clone();
        Some(ServiceTarget { service, host })
    };
    let services = schedule.services(state, now);
    let mut targets: Vec<_> = services.into_iter().filter_map(target).collect();
    let verb = Verb::towards(schedule.setting.want);
    if verb == Verb::Stop {
        targets.reverse();
    }
    let scope = schedule.setting.kind.map_or(Scope::Cluster, Scope::Type);
    let order = Order { verb, scope, why: Why::Schedule, targets, at_once: 1, asked: Some(asked) };
    Operations::Begin { kind: Kind::Services(order) }.into()
}
