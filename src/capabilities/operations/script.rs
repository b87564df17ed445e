//! How the scripts speak of operations.

use super::command::Command;
use super::model::{
    Instance, Kind, Order, Recover, Removal, Scope, ServiceTarget, Site, StepEnd, Target, Verb,
};
use crate::base::{Epoch, HostId, ManagerId, Timestamp};
use crate::capabilities::managers::model::Role;
use crate::capabilities::services::model::{ServiceId, ServiceType, Why};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &["begin", "step-started", "step-ended", "cancel", "retry"];

/// `begin add-manager|make-active|step-aside|remove-manager N HOST [why=lost|not-added] [at=@HOST]` ·
/// `begin start|stop N:NAME:@HOST… [all=true]` · `begin restart-down N:NAME:@HOST` ·
/// `begin add-on-host @HOST NAME [role=witness] [accept=true]` · `begin push-script @HOST:NAME…` ·
/// `begin services start|stop|restart one|type|cluster|stale TYPE:HOST:NAME… [at_once=N] [why=] [asked=@N]` ·
/// `begin recover @ASK TYPE:HOST:NAME [TYPE:HOST:NAME]`: of which, and on which ·
/// `begin replace N NAME @HOST NAME [old_at=@HOST] [role=witness]` ·
/// `begin restart-active|switch-ha N HOST [process=MS] [on=true|false]` · `begin restart-passives N… [all=true]` · `step-started @ID STEP DETAIL epoch=N` ·
/// `step-ended @ID STEP done|skipped|failed|needs-decision DETAIL epoch=N` · `cancel @ID` · `retry @ID`
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "begin" => Command::Begin { kind: kind(words) },
        "step-started" => {
            let (id, step, detail) = (words.revision(), words.read(), words.next());
            Command::StepStarted { id, step, detail, epoch: epoch(words) }
        }
        "step-ended" => {
            let (id, step, end) = (words.revision(), words.read(), end(&words.next()));
            Command::StepEnded { id, step, end, detail: words.next(), epoch: epoch(words) }
        }
        "cancel" => Command::Cancel { id: words.revision() },
        "retry" => Command::Retry { id: words.revision() },
        other => panic!("operations know no {other}"),
    }
}

/// `show operations`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let mut said = Vec::new();
    for (id, operation) in &state.operations.operations {
        let (title, status) = (operation.kind.title(), operation.status);
        let error = operation.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        said.push(format!("@{id} {title} {status:?}, resumed {}{error}", operation.resumed));
        said.extend(operation.steps.iter().map(|step| {
            let (name, status, attempt) = (&step.name, step.status, step.attempt);
            format!("  {name} {status:?}, attempt {attempt}: {}", step.detail)
        }));
    }
    said
}

fn kind(words: &mut Words) -> Kind {
    match words.next().as_str() {
        "add-manager" => Kind::AddManager { manager: words.manager(), host: words.next() },
        "make-active" => Kind::MakeActive { manager: words.manager(), host: words.next() },
        "step-aside" => Kind::StepAside { manager: words.manager(), host: words.next() },
        "restart-active" => Kind::RestartActive(instance(words)),
        "switch-ha" => {
            let on = words.read_option("on").unwrap_or(true);
            Kind::SwitchHa { instance: instance(words), on }
        }
        "restart-passives" => {
            let all = words.read_option("all").unwrap_or(false);
            let process = process(words);
            let numbers: Vec<ManagerId> =
                words.rest().iter().map(|word| word.parse().unwrap()).collect();
            let host = |manager| Instance { manager, host: format!("km{manager}"), process };
            Kind::RestartPassives { instances: numbers.into_iter().map(host).collect(), all }
        }
        "remove-manager" => Kind::RemoveManager {
            manager: words.manager(),
            host: words.next(),
            why: match words.option("why").as_deref() {
                Some("lost") => Removal::Lost,
                Some("not-added") => Removal::NotAdded,
                _ => Removal::Deleted,
            },
            at: words.read_option("at"),
        },
        "start" => {
            let all = words.read_option("all").unwrap_or(false);
            Kind::Start { targets: targets(words), all }
        }
        "stop" => {
            let all = words.read_option("all").unwrap_or(false);
            Kind::Stop { targets: targets(words), all }
        }
        "restart-down" => Kind::RestartDown(targets(words).remove(0)),
        "add-on-host" => Kind::AddOnHost(site(words)),
        "replace" => {
            let (old, old_host) = (words.manager(), words.next());
            Kind::Replace { old, old_host, old_at: words.read_option("old_at"), new: site(words) }
        }
        "push-script" => {
            let hosts = words.rest();
            let host = |word: &String| {
                let (id, name) = word.split_once(':').expect("HOST:NAME");
                (id.trim_start_matches('@').parse().unwrap(), name.to_owned())
            };
            Kind::PushScript { hosts: hosts.iter().map(host).collect() }
        }
        "services" => Kind::Services(order(words)),
        "recover" => recover(words),
        other => panic!("there is no operation {other}"),
    }
}

fn recover(words: &mut Words) -> Kind {
    let asked = words.revision();
    let mut targets: Vec<_> = words.rest().iter().map(|word| service_target(word)).collect();
    let on = targets.pop().expect("what is started");
    let of = targets.pop().unwrap_or_else(|| on.clone());
    Kind::Recover(Recover { of, on, asked })
}

fn service_target(word: &str) -> ServiceTarget {
    let parts: Vec<_> = word.split(':').collect();
    let [kind, host, name] = parts[..] else { panic!("TYPE:HOST:NAME") };
    let service = ServiceType::named(kind).expect("a type of service");
    let host = HostId(host.trim_start_matches('@').parse().unwrap());
    ServiceTarget { service: ServiceId { service, host }, host: name.to_owned() }
}

fn order(words: &mut Words) -> Order {
    let verb = match words.next().as_str() {
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        other => panic!("services cannot be {other}"),
    };
    let scope = words.next();
    let (at_once, why) = (words.read_option("at_once").unwrap_or(1), words.option("why"));
    let asked = words.read_option("asked");
    let targets: Vec<_> = words.rest().iter().map(|word| service_target(word)).collect();
    let scope = match scope.as_str() {
        "one" => Scope::One,
        "type" => Scope::Type(targets[0].service.service),
        "cluster" => Scope::Cluster,
        "stale" => Scope::Stale(None),
        other => panic!("nothing is asked for {other}"),
    };
    let why = if why.is_some() { Why::Schedule } else { Why::Operator };
    Order { verb, scope, why, targets, at_once, asked }
}

fn targets(words: &mut Words) -> Vec<Target> {
    let words = words.rest();
    let target = |word: &String| {
        let mut parts = word.split(':');
        let mut next = || parts.next().expect("MANAGER:NAME:HOST");
        let (manager, host) = (next().parse().unwrap(), next().to_owned());
        Target { manager, host, at: next().trim_start_matches('@').parse().unwrap() }
    };
    words.iter().map(target).collect()
}

fn site(words: &mut Words) -> Site {
    let (at, host) = (words.read(), words.next());
    let role = match words.option("role").as_deref() {
        Some("witness") => Role::Witness,
        _ => Role::Manager,
    };
    Site { at, host, role, accept_failed: words.read_option("accept").unwrap_or(false) }
}

fn instance(words: &mut Words) -> Instance {
    Instance { manager: words.manager(), host: words.next(), process: process(words) }
}

fn process(words: &mut Words) -> Timestamp {
    Timestamp(words.read_option("process").unwrap_or(1))
}

fn epoch(words: &mut Words) -> Epoch {
    words.read_option("epoch").expect("epoch=N")
}

fn end(word: &str) -> StepEnd {
    match word {
        "done" => StepEnd::Done,
        "skipped" => StepEnd::Skipped,
        "failed" => StepEnd::Failed,
        "needs-decision" => StepEnd::NeedsDecision,
        other => panic!("no step ends {other}"),
    }
}

#[test]
fn the_scripts_of_operations_tell_what_happens() {
    tell_all_of("operations");
}
