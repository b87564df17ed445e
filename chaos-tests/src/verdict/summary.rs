//! What a run came to, in the lines that `chaos` prints.

use super::Verdict;
use crate::checker::{Finding, Valid};
use crate::fault::Counts;

impl Verdict {
    /// Every check that is well, every class of faults, the figures, every check that is not well with its doubts, and the
    /// verdict in a word: of a long output often only the end is kept, and that has to say why.
    pub fn summary(&self) -> Vec<String> {
        let (well, others): (Vec<&Finding>, Vec<&Finding>) =
            self.checks.iter().partition(|finding| finding.valid == Valid::Yes);
        let mut lines: Vec<String> = well.into_iter().flat_map(told).collect();
        lines.extend(self.faults.iter().map(|(class, counts)| self.fault(class, *counts)));
        let pairs: Vec<&str> = self.pairs.keys().map(String::as_str).collect();
        lines.push(format!("  at the same time: {}", pairs.join(", ")));
        lines.push(format!(
            "  {} calls/s, {:?} · failovers {:?} ms",
            self.calls_per_second, self.calls_per_second_by_phase, self.failover_ms
        ));
        lines.extend(others.into_iter().flat_map(told));
        lines.push(format!("chaos: {}; again: {}", self.word(), self.repeat));
        lines
    }

    fn fault(&self, class: &str, counts: Counts) -> String {
        let skipped = self.skipped.get(class).map(|why| {
            let times = counts.skipped;
            format!("; skipped {times}: {why}")
        });
        let (bit, tried) = (counts.installed, counts.tried());
        format!("  fault   {class:<19} {bit} of {tried}{}", skipped.unwrap_or_default())
    }
}

fn told(finding: &Finding) -> Vec<String> {
    let mark = match finding.valid {
        Valid::Yes => "ok     ",
        Valid::No => "FAILED ",
        Valid::Unknown => "unknown",
    };
    let mut lines = vec![format!("  {mark} {:<13} {}", finding.check, finding.facts)];
    lines.extend(finding.because.iter().map(|because| format!("          {because}")));
    lines.extend(
        finding.prefix_file().map(|file| format!("          its shortest bad beginning: {file}")),
    );
    lines
}
