//! The page of a run, and what its summary says.

use super::coverage::busy;
use super::judging::Run;
use super::support::{SECOND, Story};
use chaos_tests::history::{Action, Kind, Line, Outcome, Process};
use chaos_tests::report;
use chaos_tests::verdict::{Evidence, Papers, conclude};
use serde_json::{Value, json};

#[test]
fn the_page_of_a_run_tells_its_verdict_its_faults_and_its_logs_and_nothing_of_it_is_markup() {
    let run =
        busy(Run::new(), "split-one", 3).says("host-1/km.log", "WARN <script>alert(1)</script>");
    let (_dir, mut evidence) = run.evidence();
    // Nor is the name of a call, whoever wrote it into a history.
    let call = |kind| {
        let line = Line::new(Process::Client(99), kind, "<script>", Value::Null);
        Line { time: 100 * SECOND, ..line }
    };
    evidence.lines.extend([call(Kind::Invoke), call(Kind::Ok)]);
    let verdict = conclude(&evidence);
    let page = report::page(&verdict, &evidence);
    for part in
        ["Chaos run 3", "split-one", "Manager of host 1", "Agent of host 4", "SEED=3", "<svg"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
    assert!(!page.contains("shortest-bad"));
    assert!(page.contains("<td>&lt;script&gt;</td>"));
    for finding in &verdict.checks {
        assert!(page.contains(finding.check));
    }
}

#[test]
fn why_a_fault_was_skipped_and_where_a_bad_beginning_is_stand_in_the_summary_and_on_the_page() {
    let why = json!({ "skipped": "faketime is not <installed>" });
    let run = Run::new().tells(|story| story.strike("clock-one", (1, SECOND), &[4], why));
    // Two changes of one revision.
    let run = run.tells(|story| {
        let write = |story: Story, process, value| {
            let value = Action::Write(value);
            story.on("k", process, (2, 3), value, Outcome::Done, Some(9))
        };
        write(write(story, 1, 1), 2, 2)
    });
    let (_dir, evidence) = run.evidence();
    let verdict = conclude(&evidence);
    let summary = verdict.summary().join("\n");
    assert!(summary.contains("0 of 1; skipped 1: faketime is not <installed>"), "{summary}");
    assert!(summary.contains("shortest-bad-revision.jsonl"), "{summary}");
    // Why it failed stands at the end, behind all that is well.
    let at = |part| summary.rfind(part).unwrap_or_else(|| panic!("{part}: {summary}"));
    assert!(at("  ok ") < at("calls/s") && at("calls/s") < at("  FAILED "), "{summary}");
    let page = report::page(&verdict, &evidence);
    assert!(page.contains("faketime is not &lt;installed&gt;"));
    // The page needs no other file.
    assert!(page.contains("lines of shortest-bad-revision.jsonl</summary>"));
    assert!(page.contains("&quot;rev&quot;:9") && !page.contains("<a "));
}

#[test]
fn the_page_of_a_run_in_which_nothing_happened_is_a_page() {
    let evidence = Evidence { papers: Vec::<Papers>::new(), ..Evidence::default() };
    let page = report::page(&conclude(&evidence), &evidence);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
}
