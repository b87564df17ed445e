//! A majority that nothing befalls serves, whatever befalls the others (promise 37): how long no change was acknowledged
//! while one was left alone.
//!
//! The bound comes from what the product states: a lost Active is replaced within 2 s (`src/cluster/timers.rs`: the lease,
//! and the longest wait for an election). Whenever a fault begins or ends an Active may be lost, so the time is counted
//! anew from there; one election may come to nothing, and who was just started waits for a lease: 5 s. After a majority was
//! hit it is the bound of `recovery`. What a span proves is less where the machine stood still, and nothing where Managers
//! that nothing befell were late to say so much as how they are.
//!
//! All spans from one acknowledged change to the next are bounded together as well: one after the other may lose its Active,
//! so each fault that hits somebody who was left alone allows for one more failover; whatever befalls only others does so once in
//! all, for whoever comes back; and there are never more than four. Else a fault every four seconds would excuse a group that
//! serves nobody for ever.
//!
//! Who is left alone is read conservatively, as `checker/left_alone.rs` has it; a fault whose victims change, or of a class
//! that this build does not know, hits everybody. What is proven of several spans is so by each span's own: of whoever was
//! left alone in it, though nobody may have been so in all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::left_alone::{Group, Moment, answers, belonging, hits};
use super::{Finding, Objection, Valid, recovery};
use crate::changes::Changes;
use crate::fault::{Means, Target};
use crate::history::{Kind, Line, Process, ns};
use crate::strikes::{Strike, strikes};

const CHECK: &str = "availability";
/// Within which a lost Active is replaced, as the product states it.
const STATED: Duration = Duration::from_secs(2);
/// The bound: a failover that comes to nothing, one that does not, and a lease.
pub const BOUND: Duration = Duration::from_secs(5);
/// Failovers that are allowed for from one acknowledged change to the next, however many faults come meanwhile.
const FAILOVERS_MAX: u32 = 4;
/// Nobody's word for so long, of probes that are sent many times as often: the machine stood still.
const STILL: Duration = Duration::from_millis(200);
/// An answer about oneself that takes longer than half a lease is late.
const LATE: Duration = Duration::from_millis(500);

/// A time in which a majority was left alone and nothing was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    from: u64,
    to: u64,
    /// Whether it began when a majority was left alone again.
    returned: bool,
    /// Whether a majority was left alone until it began as well: a fault began or ended there and nothing more.
    goes_on: bool,
    /// Who was left alone.
    untouched: BTreeSet<u64>,
    /// How long it may be.
    bound: Duration,
}

/// Spans one after the other, judged together: one or more.
#[derive(Clone, Copy, Debug)]
struct Silence<'a> {
    spans: &'a [Span],
    /// How long they may be together.
    bound: Duration,
}

impl Silence<'_> {
    fn from(&self) -> u64 {
        self.spans.first().map_or(0, |span| span.from)
    }

    fn to(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.to)
    }

    fn lasted(&self) -> u64 {
        self.to() - self.from()
    }

    fn covers(&self, time: u64) -> bool {
        (self.from()..=self.to()).contains(&time)
    }

    /// Who was left alone in all of them, if anybody was.
    fn untouched(&self) -> BTreeSet<u64> {
        let each = self.spans.iter().map(|span| span.untouched.clone());
        each.reduce(|all, one| &all & &one).unwrap_or_default()
    }

    /// Whether somebody was left alone then: each span has its own.
    fn leaves_alone(&self, node: u64, time: u64) -> bool {
        let then = |span: &&Span| (span.from..=span.to).contains(&time);
        self.spans.iter().filter(then).any(|span| span.untouched.contains(&node))
    }
}

/// Judges everything that was acknowledged, and when.
pub fn check(lines: &[Line]) -> Finding {
    let asked = lines.iter().filter(|line| line.kind == Kind::Invoke && is_change(line));
    let Some(end) = asked.map(|line| line.time).max() else {
        return Finding::unknown(CHECK, "nobody asked for a change");
    };
    let spans = spans(lines, end);
    let silences: Vec<Silence> = silences(&spans).collect();
    let judged = spans.iter().map(|span| span.to - span.from).sum::<u64>();
    let Some(longest) = spans.iter().max_by_key(|span| span.to - span.from) else {
        return Finding::unknown(CHECK, "a majority was never left alone");
    };
    let (mut objections, mut doubts) = (Vec::new(), Vec::new());
    let each = spans.chunks(1).map(|span| Silence { spans: span, bound: allowed(span) });
    // One of one span is that span.
    let together = silences.iter().copied().filter(|silence| silence.spans.len() > 1);
    for silence in each.chain(together).filter(|it| ns(it.bound) < it.lasted()) {
        match excuse(lines, silence) {
            Some(excuse) => doubts.push(format!("{}: {excuse}", told(silence))),
            None => objections.push(objection(lines, silence)),
        }
    }
    let over = spans.iter().filter(|span| span.to - span.from > ns(STATED)).count();
    let silent = silences.iter().map(Silence::lasted).max().unwrap_or(0);
    let facts = json!({
        "longest_ms": (longest.to - longest.from) / 1_000_000,
        "longest_whatever_befell_ms": silent / 1_000_000,
        "at_s": longest.from / 1_000_000_000,
        "longer_than_stated": over,
        "judged_s": judged / 1_000_000_000,
    });
    let mut finding = Finding::shown(CHECK, objections, facts);
    if finding.valid == Valid::Yes && !doubts.is_empty() {
        (finding.valid, finding.because) = (Valid::Unknown, doubts);
    }
    finding
}

/// A repetition is answered from what was done before.
fn is_change(line: &Line) -> bool {
    let changes = Changes::by(&line.f).is_some_and(|changes| changes != Changes::Repeated);
    matches!(line.process, Process::Client(_)) && changes
}

fn told(silence: Silence) -> String {
    let (from_ms, ms) = (silence.from() / 1_000_000, silence.lasted() / 1_000_000);
    let untouched = silence.untouched();
    let left_alone = if untouched.is_empty() {
        "a majority left alone, though not always the same one".to_owned()
    } else {
        format!("{untouched:?} left alone")
    };
    format!("no change was acknowledged for {ms} ms from {from_ms} ms on, with {left_alone}")
}

fn objection(lines: &[Line], silence: Silence) -> Objection {
    let asked = lines.iter().filter(|line| line.kind == Kind::Invoke && is_change(line));
    let within = asked.filter(|line| silence.covers(line.time));
    Objection {
        because: format!("{}, more than {:?}", told(silence), silence.bound),
        shown: silence.from() + ns(silence.bound),
        lines: within.map(|line| line.index).collect(),
    }
}

/// Why a silence that is too long proves nothing; `None`: it does.
fn excuse(lines: &[Line], silence: Silence) -> Option<String> {
    if silence.lasted() - unasked(lines, silence.spans) <= ns(silence.bound) {
        return Some("nobody asked them for one in time".to_owned());
    }
    let of = |line: &Line, field: &str| line.value[field].as_u64();
    let probes = || lines.iter().filter(|line| line.is_by("probe"));
    let sent = probes().filter_map(|line| of(line, "sent")).filter(|sent| silence.covers(*sent));
    let mut sent: Vec<u64> = sent.chain([silence.from(), silence.to()]).collect();
    sent.sort_unstable();
    let gaps = sent.windows(2).map(|two| two[1] - two[0]).filter(|gap| *gap > ns(STILL));
    let still = gaps.sum::<u64>();
    if silence.lasted() - still <= ns(silence.bound) {
        return Some(format!("the machine stood still for {} ms of it", still / 1_000_000));
    }
    let own =
        probes().filter_map(|line| Some((line.node?, of(line, "sent")?, of(line, "received")?)));
    let mut took: Vec<u64> = own
        .filter(|(node, sent, _)| silence.leaves_alone(*node, *sent))
        .map(|(_, sent, received)| received.saturating_sub(sent))
        .collect();
    took.sort_unstable();
    match took.get(took.len() / 2) {
        None => Some("nobody looked at them meanwhile".to_owned()),
        Some(half) if *half > ns(LATE) => Some(format!(
            "half of their words about themselves took more than {} ms",
            half / 1_000_000
        )),
        Some(_) => None,
    }
}

/// For how long nobody who was left alone had been asked for a change while it was so.
fn unasked(lines: &[Line], spans: &[Span]) -> u64 {
    let (mut unasked, mut before) = (0, BTreeSet::new());
    for span in spans {
        let asked = asked(lines, span);
        if before.is_disjoint(&span.untouched) {
            unasked += asked.values().min().unwrap_or(&span.to) - span.from;
        }
        before.extend(asked.into_keys());
    }
    unasked
}

/// Who of those that were left alone in a span was asked for a change, and since when somebody waited for it in that span.
fn asked(lines: &[Line], span: &Span) -> BTreeMap<u64, u64> {
    let (mut asked, mut waiting) = (BTreeMap::new(), BTreeMap::new());
    for line in lines.iter().take_while(|line| line.time <= span.to) {
        let Process::Client(process) = line.process else { continue };
        let change = line.kind == Kind::Invoke && is_change(line);
        let of = line.node.filter(|node| change && span.untouched.contains(node));
        match of {
            Some(node) if line.time >= span.from => {
                asked.entry(node).or_insert(line.time);
            }
            Some(node) => drop(waiting.insert(process, node)),
            // Whoever is told something later than this waited when the span began.
            None if line.time <= span.from => drop(waiting.remove(&process)),
            None => {}
        }
    }
    asked.extend(waiting.into_values().map(|node| (node, span.from)));
    asked
}

/// Whether the time is counted anew from here, though a majority is left alone before it and after.
fn cuts(moment: &Moment) -> bool {
    match moment {
        Moment::Founded(_)
        | Moment::Joined(_)
        | Moment::Leaves(_)
        | Moment::Left(_)
        | Moment::Hit(_)
        | Moment::HitAll
        | Moment::Over
        | Moment::Acknowledged => true,
        Moment::Settled | Moment::Back(_) | Moment::BackAll => false,
    }
}

/// Every time in which a majority was left alone, cut wherever something was acknowledged or a fault began or ended.
fn spans(lines: &[Line], end: u64) -> Vec<Span> {
    let mut moments = moments(lines);
    // Of one instant whatever makes it harder to judge comes first, and an answer last.
    moments.sort_by_key(|(time, moment)| (*time, *moment == Moment::Acknowledged));
    let (mut group, mut spans) = (Group::default(), Vec::new());
    let mut open: Option<Span> = None;
    let mut close = |open: &mut Option<Span>, time: u64| {
        let closed = open.take().map(|span| Span { to: time.min(end), ..span });
        spans.extend(closed.filter(|span| span.from < span.to));
    };
    for (time, moment) in moments.into_iter().take_while(|(time, _)| *time <= end) {
        let returned = open.as_ref().is_none_or(|span| span.returned);
        let returned = returned && moment != Moment::Acknowledged;
        let goes_on = open.is_some() && moment != Moment::Acknowledged;
        group.take(&moment);
        match (&mut open, group.majority()) {
            // More are left alone now.
            (Some(span), Some(untouched)) if !cuts(&moment) => span.untouched = untouched,
            (_, majority) => {
                close(&mut open, time);
                let bound = if returned { recovery::BOUND } else { BOUND };
                let begun =
                    |untouched| Span { from: time, to: time, returned, goes_on, untouched, bound };
                open = majority.map(begun);
            }
        }
    }
    close(&mut open, end);
    spans
}

/// Spans with nothing but faults between them, together.
fn silences(spans: &[Span]) -> impl Iterator<Item = Silence<'_>> {
    let together = |one: &Span, next: &Span| next.goes_on && one.to == next.from;
    spans.chunk_by(together).map(|spans| Silence { spans, bound: allowed(spans) })
}

/// How long spans may be together.
fn allowed(spans: &[Span]) -> Duration {
    let [first, others @ ..] = spans else { return BOUND };
    // Whom nothing befell so far; how many failovers are allowed for, and whether one for others.
    let (mut alone, mut failovers, mut for_others) = (first.untouched.clone(), 1, false);
    for span in others {
        let hit = !alone.is_subset(&span.untouched);
        if hit || !for_others {
            failovers += 1;
        }
        for_others |= !hit;
        alone = &alone & &span.untouched;
    }
    first.bound + BOUND * (FAILOVERS_MAX.min(failovers) - 1)
}

fn moments(lines: &[Line]) -> Vec<(u64, Moment)> {
    let mut moments = Vec::new();
    for line in lines {
        let acknowledged = line.kind == Kind::Ok && is_change(line);
        let moment = belonging(line).or_else(|| acknowledged.then_some(Moment::Acknowledged));
        moments.extend(moment.map(|moment| (line.time, moment)));
    }
    let answers = answers(lines);
    for strike in strikes(lines).iter().filter(|strike| !strike.victims.is_empty()) {
        moments.extend(befalls(strike, &answers));
    }
    moments
}

fn befalls(strike: &Strike, answers: &BTreeMap<u64, Vec<u64>>) -> Vec<(u64, Moment)> {
    if strike.is(|means| matches!(means, Means::Agents | Means::Storm)) {
        return Vec::new();
    }
    let everybody = strike
        .fault
        .is_none_or(|fault| fault.target == Target::All || matches!(fault.means, Means::Steps));
    hits(strike, (!everybody).then_some(strike.victims.as_slice()), answers)
}
