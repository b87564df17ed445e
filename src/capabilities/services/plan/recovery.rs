//! What Services HA does next: begin what was decided, take down what ended, and decide on what is due.

use super::super::command::Command;
use super::super::model::{AT_ONCE, BEGIN_WITHIN_MS, Desk, Recovery, ServiceId};
use crate::base::Timestamp;
use crate::capabilities::operations::model::{Command as Operations, Kind, Recover, ServiceTarget};
use crate::machine::{Command as Proposed, State};

/// What has to be said now, in its order. Every word is judged again by the group: said twice, it counts once.
pub fn recoveries(state: &State, now: Timestamp) -> Vec<Proposed> {
    let open = state.services.ha.open();
    let mut said: Vec<_> =
        open.filter_map(|(service, last)| carry_on(state, now, service, last)).collect();
    let free = AT_ONCE.saturating_sub(state.services.ha.open().count());
    let desk = Desk::of(state, now);
    let due = ServiceId::all(state).filter(|service| desk.standing(*service).start.is_some());
    said.extend(due.take(free).map(|of| Command::Recover { of }.into()));
    said
}

/// What is next for one that was decided on; `None`: its operation is at it.
fn carry_on(
    state: &State,
    now: Timestamp,
    service: ServiceId,
    last: &Recovery,
) -> Option<Proposed> {
    let settle = || Some(Command::SettleRecovery { of: service }.into());
    match state.operations.recovering(last.asked) {
        Some((_, operation)) if operation.status.is_open() => None,
        Some(_) => settle(),
        None if now.since_ms(last.at) > BEGIN_WITHIN_MS => settle(),
        None => begin(state, service, last),
    }
}

fn begin(state: &State, service: ServiceId, last: &Recovery) -> Option<Proposed> {
    let target = |service: ServiceId| {
        let host = state.hosts.hosts.get(&service.host)?.name.clone();
        Some(ServiceTarget { service, host })
    };
    let (of, on) = (target(service)?, target(last.on)?);
    let kind = Kind::Recover(Recover { of, on, asked: last.asked });
    Some(Operations::Begin { kind }.into())
}
