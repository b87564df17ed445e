//! One pass of the prechecks: begin a run that is due, ask in rounds, judge, tell.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::command::Command;
use super::model::{FINDINGS_MAX, Run};
use super::plan::{Answers, due, judge, questions};
use super::port::{Ask, Asking, FromHere, password};
use crate::capabilities::managers::port::{ActFailure, InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};
use crate::machine::State;
use crate::remote::Hosts;

/// How often is looked whether results have become old. An ask is noticed by its event.
const PERIOD: Duration = Duration::from_secs(30);

/// Questions under way at a time: enough that one slow host does not hold up the others, and few enough for the Active.
const AT_ONCE: usize = 16;

/// Runs the prechecks.
pub struct Prechecks {
    group: Group,
    hosts: Arc<Hosts>,
}

impl Prechecks {
    /// The reconciler of this group, and its way to the hosts.
    pub fn of(group: Group, hosts: Arc<Hosts>) -> Self {
        Self { group, hosts }
    }
}

impl Reconciler for Prechecks {
    fn name(&self) -> &'static str {
        "prechecks"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move {
            let here = FromHere::believing(self.group.view(authority));
            let here = here.signing_in(password(&self.group));
            let asking = Asking::of(self.hosts.under(tenure), self.group.clone(), here);
            pass(&InTenure::of(&self.group, tenure), &asking).await
        })
    }
}

fn authority(state: &State) -> Option<String> {
    state.managers.group.as_ref().map(|group| group.ca_pem.clone())
}

async fn pass(reach: &impl Reach, asking: &impl Ask) -> Pass {
    let Some(everything) = reach.look(|state, seen| due(state, seen.now)) else {
        return Pass::Nothing;
    };
    match run(reach, asking, everything).await {
        Ok(Some(findings)) => Pass::Did(format!("the prechecks found {findings} results")),
        Ok(None) => Pass::Nothing,
        Err(failure) => Pass::Failed(format!("prechecks: {failure}")),
    }
}

/// A whole run. What is asked meanwhile waits for the next one.
async fn run(
    reach: &impl Reach,
    asking: &impl Ask,
    everything: bool,
) -> Result<Option<usize>, ActFailure> {
    reach.propose(Command::Begin { everything }.into()).await?;
    let begun: Option<Run> = reach.look(|state, _| state.prechecks.run.clone());
    let Some(Run { revision: run, scope, .. }) = begun else { return Ok(None) };
    let mut answers = Answers::new();
    loop {
        let next = reach.look(|state, _| questions(state, &scope, &answers));
        if next.is_empty() {
            break;
        }
        let asked = stream::iter(next).map(|question| async move {
            let answer = asking.ask(&question).await?;
            Ok::<_, ActFailure>((question, answer))
        });
        let answered: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        for answer in answered {
            let (question, answer) = answer?;
            answers.insert(question, answer);
        }
    }
    let findings = reach.look(|state, seen| judge(state, seen, &scope, &answers));
    for told in findings.chunks(FINDINGS_MAX) {
        reach.propose(Command::Note { run, findings: told.to_vec() }.into()).await?;
    }
    reach.propose(Command::Finish { run }.into()).await?;
    Ok(Some(findings.len()))
}

#[cfg(test)]
mod tests;
