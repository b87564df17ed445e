//! How the scripts speak of prechecks.

use super::command::Command;
use super::model::{Check, Finding, Grade, Outcome, Scope, Subject, Trouble};
use super::plan::{Answer, Answers, Question, due, judge, questions};
use super::port::fake::wished;
use crate::capabilities::managers::plan::Seen;
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

/// What a script has answered; whatever it does not say is as everybody wishes.
#[derive(Default)]
pub(crate) struct Replies(Vec<(String, Answer)>);

impl Replies {
    /// `PART good|denied|bad|silent WHY`
    pub(crate) fn heard(&mut self, words: &mut Words) {
        let (part, kind, why) = (words.next(), words.next(), words.next());
        let answer = match kind.as_str() {
            "good" => Answer::Good(why),
            "denied" => Answer::Denied(why),
            "bad" => Answer::Bad(why),
            "silent" => Answer::Silent(why),
            other => panic!("nobody answers {other}"),
        };
        // What is said last holds.
        self.0.insert(0, (part, answer));
    }

    fn to(&self, question: &Question) -> Answer {
        let told = format!("{question:?}");
        let said = self.0.iter().find(|(part, _)| told.contains(part));
        said.map_or_else(|| wished(question), |(_, answer)| answer.clone())
    }

    /// A whole run: what is asked in each round, and what is found.
    pub(crate) fn plan(&self, state: &State, seen: &Seen) -> Vec<String> {
        let Some(everything) = due(state, seen.now) else { return Vec::new() };
        let begun = state.prechecks.run.as_ref().map(|run| run.scope.clone());
        let scope = begun.unwrap_or_else(Scope::everything);
        let because = if everything { "it is its turn" } else { "somebody asked" };
        let mut said = vec![format!("plan a run because \"{because}\"")];
        let mut answers = Answers::new();
        for round in 1.. {
            let next = questions(state, &scope, &answers);
            if next.is_empty() {
                break;
            }
            let asked = |question| format!("plan ask {question:?} because \"it is round {round}\"");
            said.extend(next.iter().map(asked));
            answers.extend(next.into_iter().map(|question| (question.clone(), self.to(&question))));
        }
        said.extend(judge(state, seen, &scope, &answers).iter().map(in_words));
        said
    }
}

fn in_words(finding: &Finding) -> String {
    let Finding { subject, grade, trouble, detail } = finding;
    let host = subject.host.as_ref().map(|host| format!(" {host}")).unwrap_or_default();
    let code = trouble.map(|code| format!(" {}", code.as_str())).unwrap_or_default();
    let (check, grade) = (subject.check.as_str(), grade.as_str());
    format!("plan find {check}{host} {grade}{code} because \"{detail}\"")
}

#[test]
fn the_scripts_of_prechecks_tell_what_happens() {
    tell_all_of("prechecks");
}
