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
//! Who is left alone is read conservatively: whoever was hit is so again only a lease after it answered a probe; who joins
//! or leaves counts as a vote that is needed and not as one that there is; a fault whose victims change, or of a class
//! that this build does not know, hits everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::{Finding, Objection, Valid, recovery};
use crate::changes::Changes;
use crate::fault::{Change, Flush, Means, Target};
use crate::history::{Kind, Line, Process};
use crate::strikes::{Strike, strikes};

const CHECK: &str = "availability";
/// Within which a lost Active is replaced, as the product states it.
const STATED: Duration = Duration::from_secs(2);
/// For which a Manager that was started anew neither votes nor stands.
const LEASE: Duration = Duration::from_secs(1);
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

impl Span {
    fn covers(&self, time: u64) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// Judges everything that was acknowledged, and when.
pub fn check(lines: &[Line]) -> Finding {
    let asked = lines.iter().filter(|line| line.kind == Kind::Invoke && is_change(line));
    let Some(end) = asked.map(|line| line.time).max() else {
        return Finding::unknown(CHECK, "nobody asked for a change");
    };
    let spans = spans(lines, end);
    let silences = silences(&spans);
    let judged = spans.iter().map(|span| span.to - span.from).sum::<u64>();
    let Some(longest) = spans.iter().max_by_key(|span| span.to - span.from) else {
        return Finding::unknown(CHECK, "a majority was never left alone");
    };
    let (mut objections, mut doubts) = (Vec::new(), Vec::new());
    let long = |span: &&Span| ns(span.bound) < span.to - span.from;
    // A silence of one span is that span.
    let together = silences.iter().filter(long).filter(|silence| !spans.contains(silence));
    for span in spans.iter().filter(long).chain(together) {
        match excuse(lines, span) {
            Some(excuse) => doubts.push(format!("{}: {excuse}", told(span))),
            None => objections.push(objection(lines, span)),
        }
    }
    let over = spans.iter().filter(|span| span.to - span.from > ns(STATED)).count();
    let silent = silences.iter().map(|silence| silence.to - silence.from).max().unwrap_or(0);
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

fn told(span: &Span) -> String {
    let (from_ms, ms) = (span.from / 1_000_000, (span.to - span.from) / 1_000_000);
    let untouched = &span.untouched;
    format!(
        "no change was acknowledged for {ms} ms from {from_ms} ms on, with {untouched:?} left alone"
    )
}

fn objection(lines: &[Line], span: &Span) -> Objection {
    let asked = lines.iter().filter(|line| line.kind == Kind::Invoke && is_change(line));
    let within = asked.filter(|line| span.covers(line.time));
    Objection {
        because: format!("{}, more than {:?}", told(span), span.bound),
        shown: span.from + ns(span.bound),
        lines: within.map(|line| line.index).collect(),
    }
}

/// Why a span that is too long proves nothing; `None`: it does.
fn excuse(lines: &[Line], span: &Span) -> Option<String> {
    let asked = first_asked(lines, span).unwrap_or(span.to);
    if span.to - asked <= ns(span.bound) {
        return Some("nobody asked them for one in time".to_owned());
    }
    let of = |line: &Line, field: &str| line.value[field].as_u64();
    let probes = || lines.iter().filter(|line| line.is_by("probe"));
    let sent = probes().filter_map(|line| of(line, "sent")).filter(|sent| span.covers(*sent));
    let mut sent: Vec<u64> = sent.chain([span.from, span.to]).collect();
    sent.sort_unstable();
    let gaps = sent.windows(2).map(|two| two[1] - two[0]).filter(|gap| *gap > ns(STILL));
    let still = gaps.sum::<u64>();
    if span.to - span.from - still <= ns(span.bound) {
        return Some(format!("the machine stood still for {} ms of it", still / 1_000_000));
    }
    let own = probes().filter(|line| line.node.is_some_and(|node| span.untouched.contains(&node)));
    let mut took: Vec<u64> = own
        .filter_map(|line| Some((of(line, "sent")?, of(line, "received")?)))
        .filter(|(sent, _)| span.covers(*sent))
        .map(|(sent, received)| received.saturating_sub(sent))
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

/// When somebody first waited for a change through one of those that were left alone.
fn first_asked(lines: &[Line], span: &Span) -> Option<u64> {
    let mut waiting: BTreeMap<u64, u64> = BTreeMap::new();
    for line in lines.iter().take_while(|line| line.time <= span.to) {
        let Process::Client(process) = line.process else { continue };
        let theirs = line.node.is_some_and(|node| span.untouched.contains(&node));
        match line.kind {
            Kind::Invoke if is_change(line) && theirs => {
                if line.time >= span.from {
                    let earlier = waiting.values().min().map(|asked| span.from.max(*asked));
                    return Some(earlier.unwrap_or(line.time));
                }
                waiting.insert(process, line.time);
            }
            _ if line.time <= span.from => drop(waiting.remove(&process)),
            // Somebody who waited when it began is told something else than that it is done.
            _ if waiting.contains_key(&process) => return Some(span.from),
            _ => {}
        }
    }
    waiting.values().min().map(|asked| span.from.max(*asked))
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("it is short")
}

/// Something that changes who is left alone, or ends a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Founded(u64),
    Joined(u64),
    Leaves(u64),
    Left(u64),
    /// These are hit.
    Hit(Vec<u64>),
    HitAll,
    /// A fault is over, and whoever comes back by it may end a tenure.
    Over,
    /// Whoever joined in it has a vote.
    Settled,
    /// One of its victims is as before.
    Back(u64),
    BackAll,
    Acknowledged,
}

/// Whether a member's vote is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vote {
    Surely,
    Joining,
    Leaving,
}

/// Who belongs to the group, and whom something befalls.
#[derive(Default)]
pub(crate) struct Group {
    members: BTreeMap<u64, Vote>,
    hits: BTreeMap<u64, usize>,
    everybody: usize,
}

impl Group {
    /// Those that are left alone, if they are a majority whatever the votes of others are.
    pub(crate) fn majority(&self) -> Option<BTreeSet<u64>> {
        let alone = |(id, vote): &(&u64, &Vote)| {
            **vote == Vote::Surely && self.hits.get(id).is_none_or(|hits| *hits == 0)
        };
        let alone: BTreeSet<u64> = self.members.iter().filter(alone).map(|(id, _)| *id).collect();
        (self.everybody == 0 && alone.len() > self.members.len() / 2).then_some(alone)
    }

    /// Who belongs to it, with a vote or without.
    pub(crate) fn members(&self) -> impl Iterator<Item = u64> {
        self.members.keys().copied()
    }

    pub(crate) fn take(&mut self, moment: &Moment) {
        match moment {
            Moment::Founded(id) => drop(self.members.insert(*id, Vote::Surely)),
            Moment::Joined(id) => drop(self.members.insert(*id, Vote::Joining)),
            Moment::Leaves(id) => drop(self.members.insert(*id, Vote::Leaving)),
            Moment::Left(id) => drop(self.members.remove(id)),
            Moment::Settled => {
                let joining = self.members.values_mut().filter(|vote| **vote == Vote::Joining);
                joining.for_each(|vote| *vote = Vote::Surely);
            }
            Moment::Hit(victims) => {
                victims.iter().for_each(|id| *self.hits.entry(*id).or_default() += 1);
            }
            Moment::Back(id) => *self.hits.entry(*id).or_default() -= 1,
            Moment::HitAll => self.everybody += 1,
            Moment::BackAll => self.everybody -= 1,
            Moment::Over | Moment::Acknowledged => {}
        }
    }
}

impl Moment {
    /// Whether the time is counted anew from here, though a majority is left alone before it and after.
    fn cuts(&self) -> bool {
        match self {
            Self::Founded(_)
            | Self::Joined(_)
            | Self::Leaves(_)
            | Self::Left(_)
            | Self::Hit(_)
            | Self::HitAll
            | Self::Over
            | Self::Acknowledged => true,
            Self::Settled | Self::Back(_) | Self::BackAll => false,
        }
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
            (Some(span), Some(untouched)) if !moment.cuts() => span.untouched = untouched,
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

/// Spans with nothing but faults between them, as one. Left alone is who was so in all of them, if anybody was.
fn silences(spans: &[Span]) -> Vec<Span> {
    let mut silences: Vec<Span> = Vec::new();
    // Whom nothing befell since the last failover that was allowed for; how many were, and whether one for others.
    let (mut alone, mut failovers, mut for_others) = (BTreeSet::new(), 1, false);
    for span in spans {
        let last = silences.last_mut().filter(|last| span.goes_on && last.to == span.from);
        let Some(last) = last else {
            (alone, failovers, for_others) = (span.untouched.clone(), 1, false);
            silences.push(span.clone());
            continue;
        };
        let hit = !alone.is_subset(&span.untouched);
        if (hit || !for_others) && failovers < FAILOVERS_MAX {
            (failovers, last.bound) = (failovers + 1, last.bound + BOUND);
        }
        for_others |= !hit;
        alone = &alone & &span.untouched;
        last.to = span.to;
        last.untouched = &last.untouched & &span.untouched;
    }
    silences
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

/// What a line says of who belongs to the group.
pub(crate) fn belonging(line: &Line) -> Option<Moment> {
    let id = line.node.filter(|_| line.is_by("member"))?;
    Some(match line.f.as_str() {
        "founded" => Moment::Founded(id),
        "joined" => Moment::Joined(id),
        "leaves" => Moment::Leaves(id),
        "left" => Moment::Left(id),
        _ => return None,
    })
}

/// When each Manager was asked how it is, and said it.
pub(crate) fn answers(lines: &[Line]) -> BTreeMap<u64, Vec<u64>> {
    let mut answers: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by("probe") && line.f != "silent") {
        let (Some(node), Some(sent)) = (line.node, line.value["sent"].as_u64()) else { continue };
        answers.entry(node).or_default().push(sent);
    }
    answers.values_mut().for_each(|sent| sent.sort_unstable());
    answers
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

/// When a fault hits these, or everybody, and when they are back.
pub(crate) fn hits(
    strike: &Strike,
    these: Option<&[u64]>,
    answers: &BTreeMap<u64, Vec<u64>>,
) -> Vec<(u64, Moment)> {
    let hit = these.map_or(Moment::HitAll, |these| Moment::Hit(these.to_vec()));
    let mut moments = vec![(strike.from, hit)];
    let Some(over) = strike.over() else { return moments };
    // A process that is started anew follows whoever leads.
    let started_anew = strike.is(|means| matches!(means, Means::Kill | Means::Memory));
    moments.extend((!started_anew).then_some((over, Moment::Over)));
    // When one of them is a Manager like any other: a lease after it said how it is.
    let back = |id: &u64| {
        let sent = answers.get(id)?;
        sent.get(sent.partition_point(|sent| *sent < over)).map(|sent| sent + ns(LEASE))
    };
    if let Some(these) = these {
        moments.extend(these.iter().filter_map(|id| Some((back(id)?, Moment::Back(*id)))));
    } else {
        // Whoever is hit is not back either while its own number never answers; one that was replaced has another.
        let last = strike.victims.iter().filter_map(back).max();
        moments.extend(last.map(|last| (last, Moment::BackAll)));
    }
    moments.extend(settles(strike));
    moments
}

/// When whoever a fault brought under a new number has a vote.
pub(crate) fn settles(strike: &Strike) -> Option<(u64, Moment)> {
    let brings = |means: Means| {
        let lies = Means::Flushes(Flush::Lies);
        means == lies || matches!(means, Means::Disk(_) | Means::Membership(Change::Replace))
    };
    Some((strike.over().filter(|_| strike.bit() && strike.is(brings))?, Moment::Settled))
}
