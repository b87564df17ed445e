//! Whose turn it is to be looked at, and which verdicts are news.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::command::Command;
use super::super::model::{Evidence, Judgement, Observer, Says, ServiceId, Znodes, turn_ms};
use super::verdict::verdict;
use crate::base::{HostId, ManagerId, Timestamp};
use crate::capabilities::managers::model::Role;
use crate::capabilities::managers::plan::Seen;
use crate::machine::{Command as Proposed, State};

/// What is older than so many turns says nothing any more.
const TURNS_KEPT: u64 = 3;
/// So long other words for the same are not told.
const WORDS_STAND_MS: u64 = 60_000;
/// Most verdicts told at once: with their evidence they are a few hundred kilobytes.
const TOLD_AT_ONCE: usize = 128;
/// So many whose turn it is are looked at beside those that cannot wait: nobody is forgotten, and nobody is kept waiting.
const BESIDE_URGENT: usize = 16;
/// From how many Managers a service is asked.
const ASKED_FROM: usize = 3;

/// What was seen of a service in this tenure, but by ZooKeeper, and how long ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// How long ago.
    pub age_ms: u64,
    /// By its host and by Managers.
    pub evidence: Arc<[Evidence]>,
}

impl Looked {
    /// When the first of it was seen.
    fn at(&self) -> Option<Timestamp> {
        self.evidence.iter().map(|seen| seen.at).min()
    }
}

/// Everything that was looked at in this tenure.
pub type Looks = BTreeMap<ServiceId, Looked>;

/// Whether the group speaks of verdicts yet.
pub fn may_judge(state: &State) -> bool {
    let telling = Proposed::from(Command::NoteVerdicts { judged: Vec::new(), whole: false });
    telling.level() <= state.kernel.level
}

/// The services to look at now, at most so many and host by host, as a host tells of all of its services at once: first the
/// hosts where a znode came or went since it was looked at, then those never looked at, then those whose turn it is. While the
/// first do not wait for a whole round, of the others are only a few.
pub fn due(state: &State, looks: &Looks, most: usize) -> Vec<ServiceId> {
    let (every, znodes) = (turn_ms(state), Znodes::of(state));
    let turn = |service: ServiceId| match looks.get(&service) {
        Some(looked) if has_changed(&znodes, service, looked) => Turn::Changed,
        None => Turn::New,
        Some(looked) if looked.age_ms >= every => Turn::Aged(Reverse(looked.age_ms)),
        Some(_) => Turn::Later,
    };
    let mut hosts: BTreeMap<HostId, (Turn, Vec<ServiceId>)> = BTreeMap::new();
    for service in ServiceId::all(state) {
        let (first, services) = hosts.entry(service.host).or_insert((Turn::Later, Vec::new()));
        *first = turn(service).min(*first);
        services.push(service);
    }
    let mut due: Vec<_> = hosts.into_values().filter(|(turn, _)| *turn != Turn::Later).collect();
    due.sort_unstable();
    let changed = due.iter().take_while(|(turn, _)| *turn == Turn::Changed);
    let most = match changed.map(|(_, services)| services.len()).sum::<usize>() {
        0 => most,
        changed => most.min(changed + BESIDE_URGENT),
    };
    due.into_iter().flat_map(|(_, services)| services).take(most).collect()
}

/// Why it is a host's turn, in the order in which they are looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Changed,
    New,
    Aged(Reverse<u64>),
    Later,
}

/// Whether the znode of some service came or went since it was looked at.
pub fn cannot_wait(state: &State, looks: &Looks) -> bool {
    let znodes = Znodes::of(state);
    looks.iter().any(|(service, looked)| has_changed(&znodes, *service, looked))
}

fn has_changed(znodes: &Znodes<'_>, service: ServiceId, looked: &Looked) -> bool {
    looked.at().is_some_and(|at| znodes.changed_since(service, at))
}

/// The Managers that ask services: who is Active, and others that answer it.
pub fn askers(state: &State, seen: &Seen, here: ManagerId) -> Vec<ManagerId> {
    let is_manager = |id: &&ManagerId| {
        state.managers.members.get(*id).is_some_and(|member| member.role == Role::Manager)
    };
    let others = seen.processes.keys().filter(is_manager).copied().filter(|id| *id != here);
    std::iter::once(here).chain(others).take(ASKED_FROM).collect()
}

/// What has to be told: verdicts that are others than before, or made of something else, and that every service was looked at, once in a tenure.
pub fn news(state: &State, looks: &Looks, now: Timestamp) -> Vec<Command> {
    let znodes = Znodes::of(state);
    let kept = TURNS_KEPT * turn_ms(state);
    let judge = |service: ServiceId| {
        let looked = looks.get(&service);
        // As it will be kept, or what is cut there would be news for ever.
        let judgement = verdict(&evidence(&znodes, service, looked, kept, now)).short();
        let known = state.services.verdicts.get(&service);
        let told = known.is_some_and(|known| is_told(&known.judgement, &judgement, now));
        (!told).then_some((service, judgement))
    };
    // Of one that was not looked at in this tenure the last word stands, with its age.
    let judged = ServiceId::all(state).filter(|service| looks.contains_key(service));
    let judged: Vec<(ServiceId, Judgement)> = judged.filter_map(judge).collect();
    let whole = ServiceId::all(state).all(|service| looks.contains_key(&service));
    let first = whole && state.services.judged_in != Some(state.managers.epoch());
    let mut told: Vec<_> = judged
        .chunks(TOLD_AT_ONCE)
        .map(|part| Command::NoteVerdicts { judged: part.to_vec(), whole: false })
        .collect();
    match told.last_mut() {
        Some(Command::NoteVerdicts { whole, .. }) => *whole = first,
        Some(_) | None if first => {
            told.push(Command::NoteVerdicts { judged: Vec::new(), whole: true });
        }
        Some(_) | None => {}
    }
    told
}

/// Whether nothing has to be told: they say the same, in the same words, or in other words since only a moment ago. Of words
/// that keep changing some are enough.
fn is_told(known: &Judgement, judgement: &Judgement, now: Timestamp) -> bool {
    let same = known.verdict == judgement.verdict && gist(known) == gist(judgement);
    let told = known.evidence.iter().map(|seen| seen.at).max();
    let lately = told.is_some_and(|told| now < told.plus_ms(WORDS_STAND_MS));
    same && (lately || words(known) == words(judgement))
}

/// What the observers say, without words and times. Of Managers it matters whether one or several say so, and not which.
fn gist(judgement: &Judgement) -> ([Option<Says>; 2], [usize; 2]) {
    let evidence = &judgement.evidence;
    let one = |who| evidence.iter().find(|seen| seen.observer == who).map(|seen| seen.says);
    let probes = |says| {
        let of_probes = |seen: &&Evidence| matches!(seen.observer, Observer::Probe(_));
        evidence.iter().filter(of_probes).filter(|seen| seen.says == says).count().min(2)
    };
    let says = [one(Observer::Znode), one(Observer::Unit)];
    (says, [probes(Says::There), probes(Says::NotThere)])
}

/// How ZooKeeper and the host say it. Of why somebody cannot say, figures are no news: they may be times that pass.
fn words(judgement: &Judgement) -> [Option<String>; 2] {
    let told = |seen: &Evidence| match seen.says {
        Says::Nothing => seen.because.replace(|letter: char| letter.is_ascii_digit(), ""),
        Says::There | Says::NotThere => seen.because.clone(),
    };
    [Observer::Znode, Observer::Unit]
        .map(|who| judgement.evidence.iter().find(|seen| seen.observer == who).map(told))
}

fn evidence(
    znodes: &Znodes<'_>,
    service: ServiceId,
    looked: Option<&Looked>,
    kept_ms: u64,
    now: Timestamp,
) -> Vec<Evidence> {
    let mut evidence: Vec<_> = znodes.evidence(service, now).into_iter().collect();
    let Some(looked) = looked else { return evidence };
    let old = looked.age_ms > kept_ms;
    evidence.extend(looked.evidence.iter().map(|seen| match old {
        true => Evidence {
            says: Says::Nothing,
            because: format!("not looked at since {}: {}", seen.at, seen.because),
            ..seen.clone()
        },
        false => seen.clone(),
    }));
    evidence
}
