//! How the scripts speak of prechecks.

use super::command::Command;
use super::model::{Check, Finding, Grade, Outcome, Subject, Trouble};
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &["ask", "begin", "note", "finish"];

/// `ask [HOST…]` · `begin [everything=true]` · `note @RUN CHECK GRADE DETAIL [host=] [code=] [times=N]` · `finish @RUN`.
/// `times` tells the same finding so often.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "ask" => Command::Ask { hosts: words.rest().into_iter().collect() },
        "begin" => {
            Command::Begin { everything: words.read_option("everything").unwrap_or_default() }
        }
        "note" => {
            let (run, times) = (words.revision(), words.read_option("times").unwrap_or(1));
            let finding = finding(words);
            Command::Note { run, findings: vec![finding; times] }
        }
        "finish" => Command::Finish { run: words.revision() },
        other => panic!("prechecks know no {other}"),
    }
}

fn finding(words: &mut Words) -> Finding {
    let check = Check::named(&words.next()).expect("a check");
    let grade = match words.next().as_str() {
        "pass" => Grade::Pass,
        "warn" => Grade::Warn,
        "fail" => Grade::Fail,
        other => panic!("no result is {other}"),
    };
    let trouble = words.option("code").map(|code| Trouble::named(&code).expect("a code"));
    let subject = Subject { check, host: words.option("host") };
    Finding { subject, grade, trouble, detail: words.next() }
}

/// `show prechecks`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let facts = &state.prechecks;
    let line = |(subject, outcome): (&Subject, &Outcome)| {
        let host = subject.host.as_ref().map(|host| format!(" {host}")).unwrap_or_default();
        let code = outcome.trouble.map(|code| format!(" {}", code.as_str())).unwrap_or_default();
        let (check, grade) = (subject.check.as_str(), outcome.grade.as_str());
        format!("{check}{host} {grade}{code}: {} (run @{})", outcome.detail, outcome.run)
    };
    let mut said: Vec<String> = facts.results.iter().map(line).collect();
    let asked = |ask: Option<crate::base::Revision>| ask.map_or(0, |ask| ask.0);
    let (newest, answered) = (asked(facts.asked), asked(facts.answered));
    said.push(format!("asked @{newest}, answered @{answered}, running {}", facts.running()));
    said
}

#[test]
fn the_scripts_of_prechecks_tell_what_happens() {
    tell_all_of("prechecks");
}
