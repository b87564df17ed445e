//! How the operations decide and evolve: what may begin, which step is next, who may say how it went.

use std::collections::BTreeSet;

use super::command::{Command, Event};
use super::model::{
    AT_ONCE_MAX, DETAIL_MAX_BYTES, ENDED_KEPT, Facts, Instance, Kind, OPEN_MAX, Operation, Order,
    Recover, STEPS_MAX, Scope, ServiceTarget, Site, Status, Step, StepEnd, StepStatus, Subject,
    Target, Verb, newcomer,
};
use crate::base::text::{cut, one_line};
use crate::base::{Code, Epoch, ManagerId, Refusal, Revision};
use crate::capabilities::installs::model::{may_be_added, way_to_service};
use crate::capabilities::managers::model::{self as managers, HOST_MAX_BYTES, Role};
use crate::capabilities::services::model::{Configurations, nothing_stale};
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, moment: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.operations;
        match command {
            Command::Begin { kind } => {
                is_due(state, moment, kind)?;
                begin(state, kind)
            }
            Command::StepStarted { id, step, detail, epoch } => {
                in_office(state, *epoch)?;
                current_step(facts, *id, *step)?;
                let detail = cut(detail, DETAIL_MAX_BYTES);
                Ok(vec![Event::StepStarted { id: *id, step: *step, detail, epoch: *epoch }])
            }
            Command::StepEnded { id, step, end, detail, epoch } => {
                in_office(state, *epoch)?;
                current_step(facts, *id, *step)?;
                let (detail, end) = (cut(detail, DETAIL_MAX_BYTES), *end);
                Ok(vec![Event::StepEnded { id: *id, step: *step, end, detail, epoch: *epoch }])
            }
            Command::Cancel { id } => {
                in_state(facts, *id, Status::is_open, "is open")?;
                Ok(vec![Event::Cancelled { id: *id }])
            }
            Command::Retry { id } => {
                let again = |status| matches!(status, Status::Failed | Status::NeedsDecision);
                let operation = in_state(facts, *id, again, "has failed or needs a decision")?;
                allowed_again(state, *id, operation)?;
                if !operation.status.is_open() {
                    room_for_one_more(facts)?;
                }
                subject_is_free(state, &operation.kind, Some(*id))?;
                Ok(vec![Event::Retried { id: *id }])
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Begun { kind } => {
                facts.operations.insert(moment.revision, Operation::new(kind.clone(), moment));
                forget_oldest(facts);
            }
            Event::StepStarted { id, step, detail, epoch } => {
                change(facts, moment, *id, |operation| {
                    step_started(operation, moment, *step, detail, *epoch);
                })
            }
            Event::StepEnded { id, step, end, detail, epoch } => {
                change(facts, moment, *id, |operation| {
                    step_ended(operation, moment, *step, *end, detail, *epoch);
                })
            }
            Event::Cancelled { id } => {
                change(facts, moment, *id, |operation| cancelled(operation, moment));
            }
            Event::GaveWay { id } => change(facts, moment, *id, |operation| {
                cancelled(operation, moment);
                operation.error = Some("It gave way to what a person asked for.".into());
            }),
            Event::Retried { id } => change(facts, moment, *id, retried),
        }
    }

    fn trace(state: &State, command: &Command) -> Option<Trace> {
        let title = |id: &Revision| match state.operations.operations.get(id) {
            Some(operation) => format!("{id} {}", operation.kind.title()),
            None => id.to_string(),
        };
        match command {
            Command::Begin { kind } => Some(Trace::new("operations.begin", kind.title())),
            Command::Cancel { id } => Some(Trace::new("operations.cancel", title(id))),
            Command::Retry { id } => Some(Trace::new("operations.retry", title(id))),
            Command::StepStarted { .. } | Command::StepEnded { .. } => None,
        }
    }
}

fn begin(state: &State, kind: &Kind) -> Result<Vec<Event>, Refusal> {
    for host in kind.hosts() {
        one_line("A target", host, HOST_MAX_BYTES)?;
    }
    allowed(state, kind)?;
    room_for_one_more(&state.operations)?;
    let mut events = gives_way(state, kind);
    if events.is_empty() {
        subject_is_free(state, kind, None)?;
    }
    events.push(Event::Begun { kind: kind.clone() });
    Ok(events)
}

/// What was begun by itself never stands in the way of a person, unless something else does as well.
fn gives_way(state: &State, kind: &Kind) -> Vec<Event> {
    let collides = |(_, open): &(Revision, &Operation)| open.kind.collides(kind);
    let in_the_way: Vec<_> = state.operations.open().filter(collides).collect();
    let by_itself = |open: &Operation| matches!(open.kind, Kind::Recover(_));
    let all = in_the_way.iter().all(|(_, open)| by_itself(open));
    match all && !matches!(kind, Kind::Recover(_)) {
        true => in_the_way.into_iter().map(|(id, _)| Event::GaveWay { id }).collect(),
        false => Vec::new(),
    }
}

/// Who carries out a step does it in a tenure, and only the one in force may say how it went.
fn in_office(state: &State, epoch: Epoch) -> Result<(), Refusal> {
    let current = state.managers.epoch();
    if epoch == current {
        return Ok(());
    }
    let detail = format!("The step was carried out in tenure {epoch}, but {current} is in force.");
    Err(Refusal::new(Code::StaleEpoch, detail))
}

/// Whether the facts allow an operation. What only the Active sees, such as who answers, its steps check.
fn allowed(state: &State, kind: &Kind) -> Result<(), Refusal> {
    let facts = &state.managers;
    for manager in kind.managers() {
        facts.member(manager)?;
    }
    match kind {
        Kind::AddManager { .. } | Kind::SwitchHa { .. } => Ok(()),
        Kind::MakeActive { manager, .. } => may_become_active(facts, *manager),
        Kind::StepAside { manager, host } | Kind::RestartActive(Instance { manager, host, .. }) => {
            is_active(facts, *manager, host)
        }
        Kind::RestartPassives { instances, .. } => {
            let named = |one: &Instance| (one.manager, one.host.clone());
            are_passive(facts, instances.iter().map(named).collect())
        }
        Kind::Start { targets, .. } | Kind::Stop { targets, .. } => on_hosts(state, targets),
        Kind::RestartDown(target) => on_hosts(state, std::slice::from_ref(target)),
        Kind::RemoveManager { manager, host, .. } => not_the_last(facts, *manager, host),
        Kind::AddOnHost(site) => may_come(state, site),
        Kind::Replace { old, new, .. } => {
            same_role(facts, *old, new)?;
            may_come(state, new)
        }
        Kind::PushScript { hosts } => {
            hosts.iter().try_for_each(|(host, _)| state.hosts.host(*host).map(drop))
        }
        Kind::Services(order) => order_fits(state, order),
        Kind::Recover(recover) => decided(state, recover),
    }
}

/// What a schedule asks for is begun once, and with exactly those services that it means at this place in the log: so
/// nobody is woken or sent to sleep who was spoken of a moment before.
fn is_due(state: &State, moment: &Moment, kind: &Kind) -> Result<(), Refusal> {
    let Kind::Services(order @ Order { asked: Some(asked), .. }) = kind else { return Ok(()) };
    let schedules = state.services.schedules.values();
    let mut waiting = schedules.filter_map(|known| Some((known, known.waiting()?)));
    let due = waiting.find(|(_, due)| due.asked == *asked);
    let open = due.filter(|(known, due)| known.outcome(state, due, moment.at).is_none());
    let fits = open.is_some_and(|(known, _)| {
        let meant: BTreeSet<_> = known.services(state, moment.at).into_iter().collect();
        let named: BTreeSet<_> = order.targets.iter().map(|target| target.service).collect();
        order.verb == Verb::towards(known.setting.want) && named == meant
    });
    if fits {
        return Ok(());
    }
    let detail = format!("Nothing like that is to be begun of what was due at revision {asked}.");
    Err(Refusal::new(Code::WrongState, detail))
}

/// A recovery was decided on, and is begun once.
fn decided(state: &State, recover: &Recover) -> Result<(), Refusal> {
    let Recover { of, on, asked } = recover;
    let known = state.services.ha.recoveries.get(&of.service).map(|known| &known.last);
    let open = known.filter(|last| last.ended.is_none() && last.asked == *asked);
    let fits = open.is_some_and(|last| last.on == on.service);
    if !fits || state.operations.recovering(*asked).is_some() {
        let detail = format!("Nothing that was decided at revision {asked} is to be begun.");
        return Err(Refusal::new(Code::WrongState, detail));
    }
    targets_fit(state, [of, on])
}

/// Every service is there, once, and under the name of its host.
fn order_fits(state: &State, order: &Order) -> Result<(), Refusal> {
    let distinct: BTreeSet<_> = order.targets.iter().map(|target| target.service).collect();
    if order.targets.is_empty() || distinct.len() != order.targets.len() {
        let detail = "There is no service this could be done with.";
        return Err(Refusal::new(Code::NoSuchService, detail));
    }
    if order.at_once == 0 || order.at_once > AT_ONCE_MAX {
        let detail = format!("1 to {AT_ONCE_MAX} services are restarted side by side.");
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    if Kind::Services(order.clone()).works().len() > STEPS_MAX {
        let detail = format!(
            "That would be more than {STEPS_MAX} steps: restart more of them side by side."
        );
        return Err(Refusal::new(Code::TooMany, detail));
    }
    if let Scope::Stale(_) = order.scope {
        any_stale(state, &order.targets)?;
    }
    targets_fit(state, &order.targets)
}

/// Some of them may have been restarted since they were chosen; when all of them were, nothing is left to be done.
fn any_stale(state: &State, targets: &[ServiceTarget]) -> Result<(), Refusal> {
    let configurations = Configurations::of(state);
    match targets.iter().any(|target| !configurations.old(target.service).is_empty()) {
        true => Ok(()),
        false => Err(nothing_stale("None of these services is")),
    }
}

/// Every service is there, and under the name of its host.
fn targets_fit<'t>(
    state: &State,
    targets: impl IntoIterator<Item = &'t ServiceTarget>,
) -> Result<(), Refusal> {
    for target in targets {
        let host = state.hosts.host(target.service.host)?;
        if !target.service.exists(state) || host.name != target.host {
            let name = target.service.name(state);
            return Err(Refusal::new(Code::NoSuchService, format!("There is no service {name}.")));
        }
    }
    Ok(())
}

/// Whom it let in already may stay where it is.
fn allowed_again(state: &State, id: Revision, operation: &Operation) -> Result<(), Refusal> {
    match &operation.kind {
        Kind::AddOnHost(_) if newcomer(&state.managers, id, operation).is_some() => Ok(()),
        Kind::Recover(Recover { of, on, .. }) => targets_fit(state, [of, on]),
        // Those that were restarted before it failed are not stale any more.
        Kind::Services(order) => targets_fit(state, &order.targets),
        Kind::Replace { old, new, .. } if newcomer(&state.managers, id, operation).is_some() => {
            same_role(&state.managers, *old, new)
        }
        kind => allowed(state, kind),
    }
}

/// Services are started and stopped where there is a way to their host, and none of them is the Active's.
fn on_hosts(state: &State, targets: &[Target]) -> Result<(), Refusal> {
    let named = |target: &Target| (target.manager, target.host.clone());
    are_passive(&state.managers, targets.iter().map(named).collect())?;
    targets.iter().try_for_each(|target| way_to_service(state, target.manager).map(drop))
}

fn may_come(state: &State, site: &Site) -> Result<(), Refusal> {
    let known = state.hosts.host(site.at)?;
    if known.name != site.host {
        let detail = format!("Host {} is called {}, not {}.", site.at, known.name, site.host);
        return Err(Refusal::new(Code::WrongState, detail));
    }
    may_be_added(state, site.at, site.role)?;
    let failures = state.prechecks.failures(&site.host);
    let told: Vec<_> = failures
        .map(|(subject, outcome)| format!("{}: {}", subject.check.title(), outcome.detail))
        .collect();
    if told.is_empty() || site.accept_failed {
        return Ok(());
    }
    Err(Refusal::new(Code::PrecheckFailed, told.join("; ")))
}

/// A Manager takes the place of a Manager and a witness that of a witness: a move changes nothing else.
fn same_role(facts: &managers::Facts, old: ManagerId, new: &Site) -> Result<(), Refusal> {
    let member = facts.member(old)?;
    if member.role == new.role {
        return Ok(());
    }
    let (host, role) = (&member.profile.host, member.role.as_str());
    Err(Refusal::new(Code::WrongState, format!("{host} is a {role}, and is replaced by one.")))
}

fn may_become_active(facts: &managers::Facts, manager: ManagerId) -> Result<(), Refusal> {
    let member = facts.member(manager)?;
    let host = &member.profile.host;
    if member.role == Role::Witness {
        let detail = format!("{host} is a witness: it votes and never becomes Active.");
        return Err(Refusal::new(Code::NotEligible, detail));
    }
    if facts.is_active(manager) {
        return Err(Refusal::new(Code::WrongState, format!("{host} is Active already.")));
    }
    Ok(())
}

fn is_active(facts: &managers::Facts, manager: ManagerId, host: &str) -> Result<(), Refusal> {
    if facts.is_active(manager) {
        return Ok(());
    }
    Err(Refusal::new(Code::WrongState, format!("{host} is not the Active any more.")))
}

/// Row 57, also when an instance became Active between somebody's look and this entry.
fn are_passive(
    facts: &managers::Facts,
    instances: Vec<(ManagerId, String)>,
) -> Result<(), Refusal> {
    if let Some((_, active)) = instances.iter().find(|(manager, _)| facts.is_active(*manager)) {
        let detail = format!("{active} is the Active instance.");
        return Err(Refusal::new(Code::ActiveNotAllowed, detail));
    }
    let distinct: BTreeSet<_> = instances.iter().map(|(manager, _)| *manager).collect();
    if instances.is_empty() || distinct.len() != instances.len() {
        let detail = "There is no Passive instance this could be done with.";
        return Err(Refusal::new(Code::WrongState, detail));
    }
    Ok(())
}

fn not_the_last(facts: &managers::Facts, manager: ManagerId, host: &str) -> Result<(), Refusal> {
    let others = facts.members.iter().filter(|(id, _)| **id != manager);
    if others.filter(|(_, member)| member.role == Role::Manager).count() > 0 {
        return Ok(());
    }
    let detail = format!("{host} is the last Kyvos Manager of the group.");
    Err(Refusal::new(Code::LastManager, detail))
}

fn room_for_one_more(facts: &Facts) -> Result<(), Refusal> {
    if facts.open().count() < OPEN_MAX {
        return Ok(());
    }
    Err(Refusal::new(Code::TooMany, format!("{OPEN_MAX} operations are open already.")))
}

/// Whom an open operation let in is one of its subjects too, from then on.
fn subject_is_free(state: &State, kind: &Kind, but: Option<Revision>) -> Result<(), Refusal> {
    let wanted = kind.subjects();
    let in_the_way = |(id, operation): &(Revision, &Operation)| {
        let newcomer = newcomer(&state.managers, *id, operation).map(Subject::Manager);
        let taken = newcomer.is_some_and(|newcomer| wanted.contains(&newcomer));
        Some(*id) != but && (taken || operation.kind.collides(kind))
    };
    let Some((id, open)) = state.operations.open().find(in_the_way) else { return Ok(()) };
    let detail = format!("Operation {id} is still open: {}.", open.kind.title());
    Err(Refusal::new(Code::TargetBusy, detail))
}

fn in_state<'f>(
    facts: &'f Facts,
    id: Revision,
    fits: impl Fn(Status) -> bool,
    wanted: &str,
) -> Result<&'f Operation, Refusal> {
    let operation = facts.operation(id)?;
    if fits(operation.status) {
        return Ok(operation);
    }
    let detail =
        format!("Only an operation that {wanted} allows this; {id} is {:?}.", operation.status);
    Err(Refusal::new(Code::WrongState, detail))
}

fn current_step(facts: &Facts, id: Revision, step: u32) -> Result<(), Refusal> {
    let workable = |status| matches!(status, Status::Queued | Status::Running);
    let operation = in_state(facts, id, workable, "is queued or running")?;
    match operation.next_step() {
        Some((next, _)) if next == step => Ok(()),
        Some(_) | None => {
            Err(Refusal::new(Code::WrongState, format!("Step {step} of {id} is not the next one.")))
        }
    }
}

fn change(facts: &mut Facts, moment: &Moment, id: Revision, how: impl FnOnce(&mut Operation)) {
    if let Some(operation) = facts.operations.get_mut(&id) {
        how(operation);
        operation.revision = moment.revision;
    }
}

fn step_started(operation: &mut Operation, moment: &Moment, step: u32, detail: &str, epoch: Epoch) {
    operation.adopt(epoch);
    operation.started_at.get_or_insert(moment.at);
    operation.status = Status::Running;
    let Some(step) = operation.steps.get_mut(step as usize) else { return };
    let goes_on = step.status == StepStatus::Running && step.epoch == Some(epoch);
    if !goes_on {
        step.attempt += 1;
        step.started_at = Some(moment.at);
    }
    step.status = StepStatus::Running;
    step.detail = detail.into();
    (step.executed_by, step.epoch) = (Some(moment.via), Some(epoch));
}

fn step_ended(
    operation: &mut Operation,
    moment: &Moment,
    step: u32,
    end: StepEnd,
    detail: &str,
    epoch: Epoch,
) {
    operation.adopt(epoch);
    operation.started_at.get_or_insert(moment.at);
    let Some(step) = operation.steps.get_mut(step as usize) else { return };
    // A step too short to be told of as begun was begun all the same.
    step.attempt += u32::from(step.status == StepStatus::Pending && end != StepEnd::Skipped);
    step.status = match end {
        StepEnd::Done => StepStatus::Done,
        StepEnd::Skipped => StepStatus::Skipped,
        StepEnd::Failed | StepEnd::NeedsDecision => StepStatus::Failed,
    };
    step.detail = detail.into();
    step.finished_at = Some(moment.at);
    (step.executed_by, step.epoch) = (Some(moment.via), Some(epoch));
    operation.status = match end {
        StepEnd::Done | StepEnd::Skipped if operation.next_step().is_some() => Status::Running,
        StepEnd::Done | StepEnd::Skipped => Status::Succeeded,
        StepEnd::Failed => Status::Failed,
        StepEnd::NeedsDecision => Status::NeedsDecision,
    };
    operation.error =
        matches!(end, StepEnd::Failed | StepEnd::NeedsDecision).then(|| detail.into());
    operation.finished_at = (!operation.status.is_open()).then_some(moment.at);
}

fn cancelled(operation: &mut Operation, moment: &Moment) {
    operation.status = Status::Cancelled;
    operation.finished_at = Some(moment.at);
    let open = |step: &&mut Step| matches!(step.status, StepStatus::Pending | StepStatus::Running);
    for step in operation.steps.iter_mut().filter(open) {
        step.status = StepStatus::Skipped;
    }
}

fn retried(operation: &mut Operation) {
    (operation.status, operation.error, operation.finished_at) = (Status::Queued, None, None);
    let passes_over = operation.kind.passes_over();
    // Whom it let in may have been taken out since; every step looks before it does.
    let all = operation.kind.site().is_some();
    let undone = |step: &&mut Step| match step.status {
        StepStatus::Failed => true,
        StepStatus::Skipped => all || passes_over,
        StepStatus::Done => all,
        StepStatus::Pending | StepStatus::Running => false,
    };
    for step in operation.steps.iter_mut().filter(undone) {
        step.status = StepStatus::Pending;
    }
}

fn forget_oldest(facts: &mut Facts) {
    let ended = facts.operations.iter().filter(|(_, operation)| !operation.status.is_open());
    let surplus = ended.clone().count().saturating_sub(ENDED_KEPT);
    let oldest: Vec<Revision> = ended.map(|(id, _)| *id).take(surplus).collect();
    for id in oldest {
        facts.operations.remove(&id);
    }
}
