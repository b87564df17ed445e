//! Nobody is told without need to read everything again (`resync`): whoever comes back to a Manager, and is a little behind it, is
//! told what came after (promise 23).
//!
//! What a Manager keeps for those who come back begins anew with its process and with a checkpoint it was sent, and nobody outside
//! sees either. So another stream of the same Manager has to show that neither came between: it told a change that the
//! watcher knew, or an older one, and it told one that was asked for only after the `resync`. A stream ends with its process, and is sent back
//! itself by a checkpoint that is newer than what it told. Without such a stream nothing is shown.

use std::collections::HashMap;

use super::Objection;
use crate::history::{Line, Operation, Outcome};
use crate::workload::watch::NAME;

/// Nobody who is fewer revisions behind is sent back. A Manager keeps 4,096 changes for those who come back (`RING` in
/// `src/cluster/feed.rs`), and gives up whoever it could not tell 1,024 (`BEHIND`), as when it catches up itself; the smaller counts.
const OWED: u64 = 1_024;

/// A stream that a watcher opened.
struct Stream<'a> {
    watcher: &'a str,
    node: u64,
    /// How far the watcher was told; `None`: it never said.
    knows: Option<u64>,
    /// The oldest change that it told.
    oldest: Option<Told>,
    /// Of those it told, the one that was asked for last.
    latest: Option<Told>,
}

/// A change that was told.
#[derive(Clone, Copy)]
struct Told {
    revision: u64,
    /// When somebody asked for it; 0 when it is not known whose it is.
    asked: u64,
    /// Number and time of the line that tells it.
    line: u64,
    at: u64,
}

/// A watcher that was sent back, from what it knew to where the Manager was.
struct SentBack<'a> {
    line: &'a Line,
    watcher: &'a str,
    node: u64,
    knew: u64,
    newest: u64,
}

/// Watchers that were sent back by a Manager that surely had what they asked for.
pub(super) fn sent_back(lines: &[Line], operations: &[Operation]) -> Vec<Objection> {
    let (streams, sent_back) = streams(lines, &asked(operations));
    let near = sent_back.iter().filter(|it| it.newest.saturating_sub(it.knew) < OWED);
    near.filter_map(|it| streams.iter().find_map(|stream| without_need(it, stream))).collect()
}

/// When each acknowledged change was asked for, by its revision.
fn asked(operations: &[Operation]) -> HashMap<u64, u64> {
    let changes = operations.iter().filter(|operation| operation.outcome == Outcome::Done);
    changes.filter_map(|change| Some((change.rev?, change.invoked))).collect()
}

/// All streams, and all that ended because their watchers were sent back.
fn streams<'a>(
    lines: &'a [Line],
    asked: &HashMap<u64, u64>,
) -> (Vec<Stream<'a>>, Vec<SentBack<'a>>) {
    let (mut streams, mut sent_back): (Vec<Stream<'_>>, Vec<_>) = (Vec::new(), Vec::new());
    let mut present: HashMap<&str, usize> = HashMap::new();
    for line in lines.iter().filter(|line| line.is_by(NAME)) {
        let Some(watcher) = line.key.as_deref() else { continue };
        if line.f == "open" {
            let (node, knows) = (line.node.unwrap_or(0), line.value["after"].as_u64());
            present.insert(watcher, streams.len());
            streams.push(Stream { watcher, node, knows, oldest: None, latest: None });
            continue;
        }
        let Some(which) = present.get(watcher) else { continue };
        let stream = &mut streams[*which];
        match line.f.as_str() {
            "event" => stream.tell(line, asked),
            "bookmark" => stream.knows = stream.knows.max(line.value["rev"].as_u64()),
            "resync" => sent_back.extend(stream.sent_back(line)),
            _ => {}
        }
    }
    (streams, sent_back)
}

impl<'a> Stream<'a> {
    fn tell(&mut self, line: &Line, asked: &HashMap<u64, u64>) {
        let Some(revision) = line.value["rev"].as_u64() else { return };
        let asked = asked.get(&revision).copied().unwrap_or(0);
        let told = Told { revision, asked, line: line.index, at: line.time };
        self.knows = self.knows.max(Some(revision));
        if self.oldest.is_none_or(|oldest| revision < oldest.revision) {
            self.oldest = Some(told);
        }
        if self.latest.is_none_or(|latest| asked > latest.asked) {
            self.latest = Some(told);
        }
    }

    fn sent_back(&self, line: &'a Line) -> Option<SentBack<'a>> {
        let (knew, newest) = (self.knows?, line.value["revision"].as_u64()?);
        Some(SentBack { line, watcher: self.watcher, node: self.node, knew, newest })
    }
}

/// What a stream shows against sending somebody back.
fn without_need(it: &SentBack<'_>, stream: &Stream<'_>) -> Option<Objection> {
    let oldest = stream.oldest.filter(|told| told.revision <= it.knew)?;
    let latest = stream.latest.filter(|told| told.asked > it.line.time)?;
    (stream.node == it.node).then(|| Objection {
        because: format!(
            "{}, by Manager {}: to be read anew at revision {}, though it knew {} and {} was told from revision {} on all the while",
            it.watcher, it.node, it.newest, it.knew, stream.watcher, oldest.revision
        ),
        shown: latest.at,
        lines: vec![oldest.line, it.line.index, latest.line],
    })
}
