//! Whether something can be done now, rule by rule: the same rules that stand behind a button that is off, and that the
//! group itself judges by.

use super::{ExplainedRule, Explanation};
use crate::api::codes::Fault;
use crate::api::error::Problem;
use crate::api::sight::Sight;
use crate::base::ManagerId;
use crate::capabilities::installs::model::{Precondition, to_add_any, to_be_added};
use crate::capabilities::managers::api::blocked::{Verb, rules};
use crate::capabilities::managers::model::Role;
use crate::capabilities::managers::plan::{Condition, conditions};
use crate::machine::State;

/// Whether a member could take over from the Active now.
pub(super) fn make_active(
    state: &State,
    sight: &Sight,
    id: ManagerId,
) -> Result<Explanation, Problem> {
    let host = &state.managers.member(id)?.profile.host;
    let conditions = conditions(state, &sight.seen(), id);
    let failed = conditions.iter().find(|condition| !condition.holds);
    let verdict = match failed {
        None => format!("{host} can be made Active."),
        Some(condition) => format!("{host} cannot be made Active now: {}.", condition.otherwise),
    };
    Ok(Explanation { topic: "make-active", verdict, rules: shown(conditions) })
}

/// Whether a member's service can be started, stopped or restarted now.
pub(super) fn of_manager(
    state: &State,
    sight: &Sight,
    id: ManagerId,
    topic: &str,
) -> Result<Explanation, Problem> {
    let host = &state.managers.member(id)?.profile.host;
    let (topic, verb, done) = match topic {
        "start" => ("start", Verb::Start, "started"),
        "stop" => ("stop", Verb::Stop, "stopped"),
        "restart" => ("restart", Verb::Restart, "restarted"),
        _ => return Err(Problem::new(Fault::NoSuchTopic, "There is no such topic.")),
    };
    let rules = rules(state, sight, id, verb);
    let verdict = match rules.iter().find(|rule| !rule.holds) {
        None => format!("{host} can be {done}."),
        Some(rule) => format!("{host} cannot be {done} now: {}", rule.otherwise),
    };
    Ok(Explanation { topic, verdict, rules: shown(rules) })
}

/// Whether a Manager can be added, on a host if one is named; with what its prechecks say against it.
pub(super) fn add(state: &State, host: Option<&str>) -> Result<Explanation, Problem> {
    let musts = match host {
        None => to_add_any(state, Role::Manager).to_vec(),
        Some(name) => to_be_added(state, state.hosts.named(name)?.0, Role::Manager)?,
    };
    let place = host.map(|host| format!(" on {host}")).unwrap_or_default();
    let refused = musts.iter().find_map(|must| must.refusal.as_ref());
    let mut verdict = match refused {
        None => format!("A Kyvos Manager can be added{place}."),
        Some(no) => format!("No Kyvos Manager can be added{place} now: {}", no.detail),
    };
    let mut rules: Vec<_> = musts.into_iter().map(of_must).collect();
    if let Some(host) = host {
        let prechecks = prechecks(state, host);
        if !prechecks.pass {
            verdict.push_str(&format!(" Prechecks that fail: {}.", prechecks.detail));
        }
        rules.push(prechecks);
    }
    Ok(Explanation { topic: "add", verdict, rules })
}

/// What the latest prechecks say of a host and of the group as a whole.
fn prechecks(state: &State, host: &str) -> ExplainedRule {
    let failures = state.prechecks.failures(host).map(|(subject, _)| subject.check.as_str());
    let failures: Vec<_> = failures.collect();
    let detail = match failures.is_empty() {
        true if state.prechecks.as_of.is_none() => "nobody has looked yet".to_owned(),
        true => "yes".to_owned(),
        false => failures.join(", "),
    };
    ExplainedRule { rule: "No precheck fails", pass: failures.is_empty(), detail }
}

fn of_must(must: Precondition) -> ExplainedRule {
    let pass = must.refusal.is_none();
    let detail = must.refusal.map_or_else(|| "yes".to_owned(), |no| no.detail);
    ExplainedRule { rule: must.rule, pass, detail }
}

fn shown(conditions: Vec<Condition>) -> Vec<ExplainedRule> {
    let rule = |condition: Condition| ExplainedRule {
        rule: condition.rule,
        pass: condition.holds,
        detail: if condition.holds { "yes".to_owned() } else { condition.otherwise },
    };
    conditions.into_iter().map(rule).collect()
}
