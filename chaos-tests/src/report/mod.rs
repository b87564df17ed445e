//! `report.html`: one page that holds everything a person needs to see what a run did, and needs no other file.

mod scale;
mod timeline;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Failure;
use crate::checker::{Finding, Valid};
use crate::history::Line;
use crate::verdict::{self, Evidence, Papers, Verdict, Versions};

/// Lines of each log that are shown.
const LOG_LINES: usize = 120;
/// Lines of each bad beginning that are shown.
const BEGINNING_LINES: usize = 200;
const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub fn write(path: &Path, verdict: &Verdict, evidence: &Evidence) -> Result<(), Failure> {
    fs::write(path, page(verdict, evidence)).map_err(Failure::doing(path.display()))
}

/// The page.
pub fn page(verdict: &Verdict, evidence: &Evidence) -> String {
    let mut page = String::new();
    let title = format!("Chaos run {}: {}", verdict.seed, verdict.word());
    let parts = [
        head(verdict),
        timeline::draw(&evidence.lines, &evidence.managers()),
        checks(&verdict.checks, &evidence.lines),
        faults(verdict),
        calls(verdict),
        logs(&evidence.papers),
    ];
    let written = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<main>\n{}\n</main>\n</html>\n",
        escaped(&title),
        parts.join("\n")
    );
    written.expect("it is a String");
    page
}

fn head(verdict: &Verdict) -> String {
    let Verdict { seed, seconds, managers, calls_per_second, .. } = verdict;
    let failovers = match verdict.failover_ms.iter().max() {
        Some(longest) => {
            format!("{} failovers, the longest <b>{longest} ms</b>", verdict.failover_ms.len())
        }
        None => "no failover measured".to_owned(),
    };
    let phases = verdict.calls_per_second_by_phase.iter();
    let phases: Vec<String> = phases.map(|(phase, rate)| format!("{rate} {phase}")).collect();
    let Versions { km, km_sha256, commit, kernel } = &verdict.versions;
    let versions = format!("{km} {km_sha256} · harness {commit} · kernel {kernel}");
    let anew = verdict.judged_anew_by.as_ref().map(|by| format!(" · judged anew by {by}"));
    format!(
        "<header><p class=\"verdict {word}\">{word}</p><h1>Chaos run {seed}</h1>\
         <p>{managers} Managers, {seconds} s, <b>{calls_per_second}</b> calls a second answered by a majority ({} the faults), \
         <b>{}</b> faults that bit, {failovers}.</p>\
         <p>Again: <code>{}</code></p><p class=\"legend\">{}</p></header>",
        phases.join(", "),
        verdict.faults.values().map(|counts| counts.installed).sum::<u64>(),
        escaped(&verdict.repeat),
        escaped(&(versions + anew.as_deref().unwrap_or_default())),
        word = verdict.word(),
    )
}

fn checks(checks: &[Finding], lines: &[Line]) -> String {
    let row = |finding: &Finding| {
        let (class, word) = match finding.valid {
            Valid::Yes => ("passed", "kept"),
            Valid::No => ("failed", "broken"),
            Valid::Unknown => ("unknown", "unknown"),
        };
        let because: String =
            finding.because.iter().map(|it| format!("<li>{}</li>", escaped(it))).collect();
        let because = if because.is_empty() { because } else { format!("<ul>{because}</ul>") };
        format!(
            "<tr><td>{}</td><td><span class=\"mark {class}\">{word}</span></td><td>{}{because}{}</td></tr>",
            finding.check,
            facts(&finding.facts),
            beginning(finding, lines)
        )
    };
    let rows: String = checks.iter().map(row).collect();
    format!(
        "<section><h2>Promises</h2><table class=\"checks\"><tr><th>Check</th><th>Verdict</th><th>What was seen</th></tr>{rows}</table></section>"
    )
}

/// The shortest bad beginning, or as much of its end as a page holds.
fn beginning(finding: &Finding, lines: &[Line]) -> String {
    let Some(file) = finding.prefix_file() else { return String::new() };
    let all = verdict::prefix(lines, finding);
    let last = &all[all.len().saturating_sub(BEGINNING_LINES)..];
    format!(
        "<details><summary>Its shortest bad beginning: the last {} of {} lines of {file}</summary>\
         <pre style=\"white-space:pre-wrap\">{}</pre></details>",
        last.len(),
        all.len(),
        escaped(&last.join("\n"))
    )
}

fn facts(facts: &serde_json::Value) -> String {
    let Some(facts) = facts.as_object() else { return String::new() };
    let fact = |(name, value): (&String, &serde_json::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{} <b>{}</b>", escaped(&name.replace('_', " ")), escaped(&value))
    };
    let told = facts.iter().filter(|(_, value)| value.as_array().is_none_or(|it| !it.is_empty()));
    told.map(fact).collect::<Vec<_>>().join(" · ")
}

fn faults(verdict: &Verdict) -> String {
    let failovers = |class: &String| {
        let took = verdict.failover_ms_by_fault.get(class).into_iter().flatten();
        took.map(u64::to_string).collect::<Vec<_>>().join(" · ")
    };
    let row = |(class, counts): (&String, &crate::fault::Counts)| {
        format!(
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>",
            escaped(class),
            counts.installed,
            counts.indeterminate,
            counts.skipped,
            verdict.skipped.get(class).map(|why| escaped(why)).unwrap_or_default(),
            failovers(class)
        )
    };
    let rows: String = verdict.faults.iter().map(row).collect();
    let pairs: Vec<String> =
        verdict.pairs.iter().map(|(pair, times)| format!("{} ({times})", escaped(pair))).collect();
    let pairs = if pairs.is_empty() { "none".to_owned() } else { pairs.join(" · ") };
    format!(
        "<section><h2>Faults</h2><table><tr><th>Class</th><th class=\"number\">Bit</th><th class=\"number\">Not seen to bite</th><th class=\"number\">Skipped</th><th>Why skipped</th><th>Until another was Active, ms</th></tr>{rows}</table>\
         <p>At the same time: {pairs}.</p></section>"
    )
}

fn calls(verdict: &Verdict) -> String {
    let mut rows = String::new();
    for (f, phases) in &verdict.counts {
        for phase in ["before", "during", "after"] {
            let Some(ends) = phases.get(phase) else { continue };
            let ends: Vec<String> =
                ends.iter().map(|(end, times)| format!("{} {times}", escaped(end))).collect();
            let ends = ends.join(" · ");
            let row = format!("<tr><td>{}</td><td>{phase}</td><td>{ends}</td></tr>", escaped(f));
            rows.push_str(&row);
        }
    }
    format!(
        "<section><h2>Calls</h2><table><tr><th>Call</th><th>Phase</th><th>How they ended</th></tr>{rows}</table></section>"
    )
}

fn logs(papers: &[Papers]) -> String {
    let log = |who: String, path: &Path| {
        let text = fs::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let all: Vec<&str> = text.lines().collect();
        let last = all[all.len().saturating_sub(LOG_LINES)..].join("\n");
        format!(
            "<details><summary>{who}: the last {} of {} lines of {}</summary><pre>{}</pre></details>",
            LOG_LINES.min(all.len()),
            all.len(),
            escaped(&path.display().to_string()),
            escaped(&last)
        )
    };
    let both = |papers: &Papers| {
        let Papers { host, manager, agent } = papers;
        let both = [("Manager", manager), ("Agent", agent)].into_iter();
        let there = both.filter(|(_, path)| path.exists());
        there.map(|(who, path)| log(format!("{who} of host {host}"), path)).collect::<String>()
    };
    let logs: String = papers.iter().map(both).collect();
    format!("<section><h2>Logs</h2>{logs}</section>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
