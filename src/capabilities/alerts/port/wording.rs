//! How a letter reads: one line for people, and the whole of it for programs.

use serde::Serialize;

use super::Sender;
use crate::capabilities::alerts::model::{About, Letter, Word};

/// What a program gets.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    /// The same for every try.
    id: String,
    /// What happened: raised, again, acknowledged, resolved, test.
    event: &'static str,
    /// When.
    at: String,
    /// Everything in one line.
    text: String,
    /// Which group.
    cluster: ToldCluster<'a>,
    /// Which alert; null: somebody tries the channel out.
    alert: Option<ToldAlert<'a>>,
}

#[derive(Debug, Serialize)]
struct ToldCluster<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct ToldAlert<'a> {
    id: u64,
    code: &'static str,
    severity: &'static str,
    subject: &'a str,
    text: &'a str,
    since: String,
    count: u32,
    acknowledged_by: Option<&'a str>,
    note: Option<&'a str>,
}

/// The whole letter.
pub(super) fn told<'a>(sender: &'a Sender, letter: &'a Letter) -> Told<'a> {
    Told {
        id: sender.name(letter),
        event: letter.word.as_str(),
        at: letter.at.to_string(),
        text: format!("[{}] {}", sender.group, line(letter)),
        cluster: ToldCluster { id: &sender.group_id, name: &sender.group },
        alert: letter.about.as_ref().map(|about| told_alert(about, &letter.word)),
    }
}

fn told_alert<'a>(about: &'a About, word: &'a Word) -> ToldAlert<'a> {
    let cause = &about.cause;
    let (acknowledged_by, note) = match word {
        Word::Acknowledged { by, note } => (Some(by.as_str()), Some(note.as_str())),
        Word::Raised | Word::Again | Word::Resolved | Word::Test { .. } => (None, None),
    };
    ToldAlert {
        id: about.alert.0,
        code: cause.kind.as_str(),
        severity: cause.severity.as_str(),
        subject: &cause.subject,
        text: &cause.text,
        since: cause.since.to_string(),
        count: about.count,
        acknowledged_by,
        note,
    }
}

/// The letter in one line.
pub(super) fn line(letter: &Letter) -> String {
    let Letter { word, about, .. } = letter;
    let text = about.as_ref().map_or("", |about| about.cause.text.as_str());
    let severity = about.as_ref().map_or("", |about| about.cause.severity.as_str());
    let times = about.as_ref().map_or(0, |about| about.count);
    match word {
        Word::Raised => format!("{severity}: {text}"),
        Word::Again => format!("{severity}, again ({times} times): {text}"),
        Word::Acknowledged { by, note } if note.is_empty() => format!("seen by {by}: {text}"),
        Word::Acknowledged { by, note } => format!("seen by {by} ({note}): {text}"),
        Word::Resolved => format!("over: {text}"),
        Word::Test { by } => format!("test: {by} tries out whether alerts arrive here."),
    }
}

/// The letter as people read it.
pub(super) fn page(sender: &Sender, letter: &Letter) -> String {
    let mut lines = vec![line(letter), String::new()];
    lines.push(format!("Group:    {}", sender.group));
    if let Some(About { alert, cause, count }) = &letter.about {
        lines.push(format!("Alert:    {alert} ({})", cause.kind.as_str()));
        if !cause.subject.is_empty() {
            lines.push(format!("About:    {}", cause.subject));
        }
        lines.push(format!("Since:    {}", cause.since));
        lines.push(format!("Times:    {count}"));
    }
    lines.push(format!("Told:     {}", letter.at));
    lines.push(format!("Id:       {}", sender.name(letter)));
    if matches!(letter.word, Word::Raised | Word::Again) {
        lines.push(String::new());
        lines.push("Seen it? Acknowledge it in the dashboard, or with km alerts ack.".into());
    }
    lines.push(String::new());
    lines.join("\r\n")
}
