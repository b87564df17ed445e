//! What happens if a member dies now, or a host with everything on it: whether the others still agree on things, who
//! would be Active, and what nobody else runs.

use std::collections::BTreeSet;

use super::{ExplainedRule, Explanation};
use crate::api::error::Problem;
use crate::api::sight::Sight;
use crate::base::{Code, ManagerId, Refusal};
use crate::capabilities::hosts::model::{Host, HostRole, Reach};
use crate::capabilities::managers::model::Role;
use crate::capabilities::prechecks::model::is_known;
use crate::machine::State;

/// What happens if a member dies now.
pub(super) fn of_manager(
    state: &State,
    sight: &Sight,
    id: ManagerId,
) -> Result<Explanation, Problem> {
    let host = &state.managers.member(id)?.profile.host;
    let loss = Loss::of(state, sight, BTreeSet::from([id]));
    Ok(Explanation { topic: "failure", verdict: loss.verdict(host), rules: loss.rules() })
}

/// What happens if a host dies now.
pub(super) fn of_host(state: &State, sight: &Sight, host: &str) -> Result<Explanation, Problem> {
    if !is_known(state, host) {
        return Err(Refusal::new(Code::NoSuchHost, format!("There is no host {host}.")).into());
    }
    let members = state.managers.members.iter();
    let living = members.filter(|(_, member)| member.profile.host == host);
    let loss = Loss::of(state, sight, living.map(|(id, _)| *id).collect());
    let roles: Vec<_> = state.hosts.named(host).map_or_else(
        |_| Vec::new(),
        |(_, found)| found.roles.iter().map(|role| role_rule(state, host, *role)).collect(),
    );
    let last: Vec<_> =
        roles.iter().filter(|(_, rule)| !rule.pass).map(|(role, _)| shown(*role)).collect();
    let mut verdict = loss.verdict(host);
    if !last.is_empty() {
        verdict.push_str(&format!(" No other host that answers runs {}.", last.join(", ")));
    }
    let mut rules = loss.rules();
    rules.extend(roles.into_iter().map(|(_, rule)| rule));
    Ok(Explanation { topic: "host-failure", verdict, rules })
}

/// The loss of some members.
struct Loss {
    gone: BTreeSet<ManagerId>,
    /// Voters that would still answer, all voters, and how many are needed.
    votes: (usize, usize, usize),
    keeps_quorum: bool,
    loses_active: bool,
    /// Who could be Active then.
    able: Vec<String>,
}

impl Loss {
    fn of(state: &State, sight: &Sight, gone: BTreeSet<ManagerId>) -> Self {
        let voters = &sight.standing.voters;
        let stays = |id: &ManagerId| sight.reaches(*id) && !gone.contains(id);
        let left = voters.iter().filter(|id| stays(id)).count();
        let able = voters.iter().filter(|id| stays(id)).filter_map(|id| {
            let member = state.managers.members.get(id)?;
            (member.role == Role::Manager).then(|| member.profile.host.clone())
        });
        Self {
            votes: (left, voters.len(), sight.quorum()),
            keeps_quorum: sight.quorum_without(&gone),
            loses_active: sight.active(state).is_some_and(|active| gone.contains(&active)),
            able: able.collect(),
            gone,
        }
    }

    fn verdict(&self, host: &str) -> String {
        match (self.keeps_quorum, self.loses_active) {
            _ if self.gone.is_empty() => {
                format!("If {host} dies now, Kyvos Manager goes on: no instance is on it.")
            }
            (true, true) if !self.able.is_empty() => {
                format!("If {host} dies now, {} becomes Active by itself.", self.able.join(" or "))
            }
            (true, false) => {
                format!("If {host} dies now, the Active goes on and nothing stops.")
            }
            (true, true) | (false, _) => format!(
                "If {host} dies now, there is no Active and no change can be made until it is back."
            ),
        }
    }

    fn rules(&self) -> Vec<ExplainedRule> {
        let (left, voters, needed) = self.votes;
        let detail = format!("{left} of {voters} voters would answer, {needed} are needed");
        let heirs = match (self.loses_active, self.able.is_empty()) {
            (false, _) => "the Active is another one".to_owned(),
            (true, true) => "nobody".to_owned(),
            (true, false) => self.able.join(", "),
        };
        vec![
            ExplainedRule { rule: "The others have a quorum", pass: self.keeps_quorum, detail },
            ExplainedRule {
                rule: "Somebody who may be Active is left",
                pass: !self.loses_active || !self.able.is_empty(),
                detail: heirs,
            },
        ]
    }
}

/// Whether somebody else runs what a host runs. One that was last seen silent does not count.
fn role_rule(state: &State, host: &str, role: HostRole) -> (HostRole, ExplainedRule) {
    let is_silent = |host: &Host| {
        host.seen.as_ref().is_some_and(|seen| matches!(seen.reach, Reach::Silent { .. }))
    };
    let others = state.hosts.with_role(role).map(|(_, other)| other);
    let others: Vec<_> = others.filter(|other| other.name != host && !is_silent(other)).collect();
    let rule = match role {
        HostRole::WebPortal => "Another host runs the Web Portal",
        HostRole::BiServer => "Another host runs a BI Server",
        HostRole::QueryEngine => "Another host runs a Query Engine",
        HostRole::Postgres => "Another host runs Postgres",
        HostRole::Zookeeper => "Another host runs ZooKeeper",
    };
    let detail = match others.is_empty() {
        true => "nobody else".to_owned(),
        false => others.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    (role, ExplainedRule { rule, pass: !others.is_empty(), detail })
}

fn shown(role: HostRole) -> &'static str {
    match role {
        HostRole::WebPortal => "the Web Portal",
        HostRole::BiServer => "a BI Server",
        HostRole::QueryEngine => "a Query Engine",
        HostRole::Postgres => "Postgres",
        HostRole::Zookeeper => "ZooKeeper",
    }
}
