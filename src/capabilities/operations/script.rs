//! How the scripts speak of operations.

use super::command::Command;
use super::model::{Kind, StepEnd};
use crate::base::Epoch;
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &["begin", "step-started", "step-ended", "cancel", "retry"];

/// `begin add-manager N HOST` · `step-started @ID STEP DETAIL epoch=N` ·
/// `step-ended @ID STEP done|skipped|failed|needs-decision DETAIL epoch=N` · `cancel @ID` · `retry @ID`
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "begin" => {
            assert_eq!(words.next(), "add-manager");
            Command::Begin {
                kind: Kind::AddManager { manager: words.manager(), host: words.next() },
            }
        }
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
