//! How what happened is said in a script: short, and with the script's own measure of time.

use raft_store::machine::Row;

use super::world::BEGINNING;
use crate::base::Timestamp;
use crate::capabilities::audit::model::AuditRecord;
use crate::capabilities::managers::model::TenureRecord;
use crate::capabilities::properties::model::PropertyChange;
use crate::machine::{Answer, Event, Outcome, from_history_bytes, tables};

pub(super) fn answer(answer: &Answer) -> String {
    let again = if answer.repeated { " again" } else { "" };
    match &answer.outcome {
        Outcome::Committed => format!("@{}{again} done", answer.revision),
        Outcome::Refused(no) => {
            format!("@{}{again} refused {}: {}", answer.revision, no.code, short(&no.detail))
        }
    }
}

pub(super) fn event(event: &Event) -> String {
    let said = format!("{event:?}");
    let inner = said.split_once('(').map_or(said.as_str(), |(_, inner)| inner);
    format!("  event {}: {}", event.room(), short(inner.strip_suffix(')').unwrap_or(inner)))
}

pub(super) fn row(row: &Row) -> String {
    match row.table {
        tables::AUDIT => audit(&from_history_bytes(&row.value).unwrap()),
        tables::PROPERTY_CHANGES => {
            let change: PropertyChange = from_history_bytes(&row.value).unwrap();
            let value = change.value.map_or("none".into(), |value| quoted(&value));
            let back = change.reverts_to.map(|to| format!(" as at @{to}")).unwrap_or_default();
            let key = String::from_utf8(row.key.clone()).unwrap();
            format!("  history {key} = {value}{back} by {}{}", change.by, because(change.reason))
        }
        tables::TENURES => {
            let tenure: TenureRecord = from_history_bytes(&row.value).unwrap();
            format!(
                "  tenure {} of Manager {} in term {}",
                tenure.epoch, tenure.active, tenure.term
            )
        }
        other => panic!("table {other} has no words"),
    }
}

fn audit(record: &AuditRecord) -> String {
    let trace = &record.trace;
    let role = record.role.as_ref().map(|role| format!(" ({role})")).unwrap_or_default();
    let from = record.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    let change = match (&trace.before, &trace.after) {
        (None, None) => String::new(),
        (before, after) => format!(" {} -> {}", side(before), side(after)),
    };
    let refused =
        record.refused.as_ref().map(|code| format!(" refused {code}")).unwrap_or_default();
    let object = short(&trace.object);
    let reason = because(record.reason.clone());
    format!("  audit {}{role}{from} {} {object}{change}{refused}{reason}", record.by, trace.action)
}

fn because(reason: Option<String>) -> String {
    reason.map(|reason| format!(" because {}", quoted(&reason))).unwrap_or_default()
}

fn side(text: &Option<String>) -> String {
    text.as_ref().map_or("nothing".into(), |text| quoted(text))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text).replace('\n', "\\n"))
}

/// Time since the script began, as `+15m` or `+1d2h`.
pub(super) fn since_beginning(at: Timestamp) -> String {
    let mut left = at.since_ms(Timestamp(BEGINNING)) / 1000;
    let mut said = String::from("+");
    for (unit, seconds) in [("d", 24 * 3600), ("h", 3600), ("m", 60), ("s", 1)] {
        if left >= seconds {
            said.push_str(&format!("{}{unit}", left / seconds));
            left %= seconds;
        }
    }
    said
}

/// The derived form with its scaffolding taken away: `ManagerId(4)` is 4, `Timestamp(…)` is `+15m`, a digest is
/// its first digits, a profile is its host, and what repeats one character is said as such.
pub(super) fn short(text: &str) -> String {
    let text = unwrap(text, "Timestamp", |inner| {
        since_beginning(Timestamp(inner.parse().unwrap_or(BEGINNING)))
    });
    let text = unwrap(&text, "ManagerId", str::to_owned);
    let text = unwrap(&text, "Revision", |inner| format!("@{inner}"));
    let text = unwrap(&text, "Epoch", str::to_owned);
    let text = unwrap(&text, "Term", str::to_owned);
    let text = unwrap(&text, "Level", str::to_owned);
    let text = without_profiles(&text);
    text.split(' ').map(shorter).collect::<Vec<_>>().join(" ")
}

fn unwrap(text: &str, name: &str, say: impl Fn(&str) -> String) -> String {
    let open = format!("{name}(");
    let mut parts = text.split(&open);
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The end of a longer name.
        if said.ends_with(char::is_alphanumeric) {
            said.push_str(&open);
            said.push_str(part);
            continue;
        }
        let (inner, rest) = part.split_once(')').unwrap_or((part, ""));
        said.push_str(&say(inner));
        said.push_str(rest);
    }
    said
}

fn without_profiles(text: &str) -> String {
    let mut parts = text.split("Profile { host: ");
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once(" }").unwrap_or((part, ""));
        said.push_str(inner.split(',').next().unwrap_or_default());
        said.push_str(rest);
    }
    said
}

/// Digests, disk numbers and long runs of one character, cut to what tells them apart.
fn shorter(word: &str) -> String {
    let core = word.trim_end_matches([',', '.', '"', ':']);
    let hex = core.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if hex && (core.len() == 64 || core.len() == 36) {
        return format!("{}…{}", &core[..6], &word[core.len()..]);
    }
    let run = core.trim_start_matches('"');
    match run.chars().next() {
        Some(first) if run.chars().count() > 40 && run.chars().all(|c| c == first) => {
            format!("{first}*{}", run.chars().count())
        }
        _ => word.into(),
    }
}
