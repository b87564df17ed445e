//! One pass of the prechecks: begin a run that is due, ask in rounds, judge, tell.

use futures::stream::{self, StreamExt};

use super::command::Command;
use super::model::{FINDINGS_MAX, Run};
use super::plan::{Answers, due, judge, questions};
use super::port::Ask;
use crate::capabilities::managers::port::{ActFailure, Reach};
use crate::leadership::Pass;

/// Questions under way at a time: enough that one slow host does not hold up the others, and few enough for the Active.
const AT_ONCE: usize = 16;

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
