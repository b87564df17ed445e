//! How the prechecks decide and evolve: who may ask about what, and which results are kept.

use std::collections::BTreeSet;

use super::command::{Command, Event};
use super::model::{
    ASKED_HOSTS_MAX, DETAIL_MAX_BYTES, FINDINGS_MAX, Facts, Finding, Outcome, RESULTS_MAX, Run,
    Scope, is_known,
};
use crate::base::text::{cut, one_line};
use crate::base::{Code, Refusal, Revision};
use crate::capabilities::hosts::model::NAME_MAX_BYTES;
use crate::machine::{Capability, Moment, State, Trace};

/// The room, for the machine.
pub struct Room;

impl Capability for Room {
    type Facts = Facts;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, _: &Moment, command: &Command) -> Result<Vec<Event>, Refusal> {
        let facts = &state.prechecks;
        match command {
            Command::Ask { hosts } => Ok(vec![ask(state, hosts)?]),
            Command::Begin { everything } => Ok(begin(facts, *everything).into_iter().collect()),
            Command::Note { run, findings } => Ok(vec![note(facts, *run, findings)?]),
            Command::Finish { run } => {
                under_way(facts, *run)?;
                Ok(vec![Event::Finished])
            }
        }
    }

    fn evolve(facts: &mut Facts, moment: &Moment, event: &Event) {
        match event {
            Event::Asked { scope } => {
                let before = facts.pending.take();
                facts.pending = Some(both(before, Some(scope)).unwrap_or_else(|| scope.clone()));
                facts.asked = Some(moment.revision);
            }
            Event::Begun { scope } => {
                facts.pending = None;
                let (revision, since, scope) = (moment.revision, moment.at, scope.clone());
                facts.run = Some(Run { revision, scope, answers: facts.asked, since });
            }
            Event::Noted { findings } => {
                for finding in findings {
                    keep(facts, moment, finding);
                }
            }
            Event::Finished => finished(facts, moment),
        }
    }

    fn trace(_: &State, command: &Command) -> Option<Trace> {
        match command {
            Command::Ask { hosts } => {
                let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
                let about = if hosts.is_empty() { "every host".into() } else { hosts.join(" ") };
                Some(Trace::new("prechecks.run", cut(&about, DETAIL_MAX_BYTES)))
            }
            Command::Begin { .. } | Command::Note { .. } | Command::Finish { .. } => None,
        }
    }
}

fn ask(state: &State, hosts: &BTreeSet<String>) -> Result<Event, Refusal> {
    if hosts.len() > ASKED_HOSTS_MAX {
        let detail = format!(
            "At most {ASKED_HOSTS_MAX} hosts can be asked about at once; name none to ask about all."
        );
        return Err(Refusal::new(Code::TooMany, detail));
    }
    for host in hosts {
        one_line("A host name", host, NAME_MAX_BYTES)?;
        if !is_known(state, host) {
            return Err(Refusal::new(Code::NoSuchHost, format!("There is no host {host}.")));
        }
    }
    Ok(Event::Asked { scope: Scope::of(hosts) })
}

/// What was asked, and what a run that an Active could not end was about. Nothing to do is no news.
fn begin(facts: &Facts, everything: bool) -> Option<Event> {
    let broken_off = facts.run.as_ref().map(|run| run.scope.clone());
    let due = both(broken_off, facts.pending.as_ref());
    let wanted = everything.then(Scope::everything);
    both(wanted, due.as_ref()).map(|scope| Event::Begun { scope })
}

fn note(facts: &Facts, run: Revision, findings: &[Finding]) -> Result<Event, Refusal> {
    under_way(facts, run)?;
    let new = findings.iter().filter(|finding| !facts.results.contains_key(&finding.subject));
    if findings.len() > FINDINGS_MAX || facts.results.len() + new.count() > RESULTS_MAX {
        let detail = format!(
            "At most {FINDINGS_MAX} findings can be told at once and {RESULTS_MAX} be kept."
        );
        return Err(Refusal::new(Code::TooMany, detail));
    }
    for host in findings.iter().filter_map(|finding| finding.subject.host.as_ref()) {
        one_line("A host name", host, NAME_MAX_BYTES)?;
    }
    let cut = |finding: &Finding| {
        let detail = cut(&finding.detail, DETAIL_MAX_BYTES);
        Finding { detail, ..finding.clone() }
    };
    Ok(Event::Noted { findings: findings.iter().map(cut).collect() })
}

fn under_way(facts: &Facts, run: Revision) -> Result<(), Refusal> {
    if facts.run.as_ref().is_some_and(|open| open.revision == run) {
        return Ok(());
    }
    let detail = format!("The run of prechecks that began at revision {run} is not under way.");
    Err(Refusal::new(Code::WrongState, detail))
}

fn both(one: Option<Scope>, other: Option<&Scope>) -> Option<Scope> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.with(other)),
        (one, other) => one.or_else(|| other.cloned()),
    }
}

fn keep(facts: &mut Facts, moment: &Moment, finding: &Finding) {
    let Some(run) = &facts.run else { return };
    let outcome = Outcome {
        grade: finding.grade,
        trouble: finding.trouble,
        detail: finding.detail.clone(),
        at: moment.at,
        run: run.revision,
    };
    facts.results.insert(finding.subject.clone(), outcome);
}

/// A run about everything also finds out what is no more: hosts that were let go.
fn finished(facts: &mut Facts, moment: &Moment) {
    let Some(run) = facts.run.take() else { return };
    if run.scope.everything {
        facts.results.retain(|_, outcome| outcome.run == run.revision);
        facts.everything_at = Some(run.since);
    }
    facts.answered = run.answers.max(facts.answered);
    facts.as_of = Some(moment.at);
}
