//! How the Kyvos cluster stands: in one word what is made of its BI Servers and Query Engines together.
//!
//! They are what a cluster is there for: when they rest, it is suspended, whatever else runs. What is to run is what
//! somebody wants, and of what an operation is about already, what that operation is for: stopping goes type by type, and
//! the last type is to stop from the first moment on. So a planned stop is never called a failure, and a cluster that
//! stops is never said to run.

use std::collections::BTreeMap;

use crate::base::{Revision, Timestamp};
use crate::capabilities::operations::model::{Kind, Operation, Status, Verb};
use crate::capabilities::services::model::{ServiceId, ServiceType, Verdict, Wanted, turn_ms};
use crate::machine::State;

/// The types whose services make the cluster run.
const ENGINES: [ServiceType; 2] = [ServiceType::BiServer, ServiceType::QueryEngine];

/// How the cluster stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// In a word.
    pub state: ClusterState,
    /// Why, in sentences.
    pub because: String,
    /// The open operation that starts, restarts or stops some of it.
    pub operation: Option<Revision>,
}

/// How the cluster stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Everything that is to run is up, or is restarted a few at a time.
    Running,
    /// Nothing is to run, and nothing is seen to be up.
    Suspended,
    /// What is to run and is not up yet is being started.
    Starting,
    /// Nothing is to run any more, and what is still up is being stopped.
    Stopping,
    /// Some of it is up and some not, other than wanted, and no start or stop explains it.
    PartlyRunning,
    /// Something is to run, nothing is up, and nothing is being started.
    Down,
    /// Nobody has looked yet, nobody can say, or there is nothing to look at.
    Unknown,
}

/// A BI Server or a Query Engine.
#[derive(Clone, Debug)]
struct Engine<'s> {
    kind: ServiceType,
    /// Whether it is to run, at the latest when what is under way with it is over.
    to_run: bool,
    /// What was last said to be wanted of it.
    wanted: Option<&'s Wanted>,
    /// What the observers make of it; `None`: nobody has judged it.
    verdict: Option<Verdict>,
    /// What is under way with it.
    under_way: Option<UnderWay>,
}

/// What an operation does with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UnderWay {
    deed: Deed,
    /// The operation; `None`: it ended a moment ago, and nobody has looked what came of it.
    open: Option<Revision>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Start,
    Stop,
    /// It ends and comes back, because a person wants that.
    Restart,
    /// Services HA starts it.
    Recover,
}

/// How the cluster stands at this time, as far as the facts tell.
pub fn cluster(state: &State, now: Timestamp) -> Cluster {
    let under_way = under_way(state, now);
    let services = ServiceId::all(state).filter(|it| ENGINES.contains(&it.service));
    let engine = |service: ServiceId| {
        let under_way = under_way.get(&service).copied();
        let open = under_way.filter(|it| it.open.is_some());
        Engine {
            kind: service.service,
            to_run: open.map_or(service.is_wanted(state), |it| it.deed != Deed::Stop),
            wanted: state.services.wanted.get(&service),
            verdict: state.services.verdicts.get(&service).map(|it| it.judgement.verdict),
            under_way,
        }
    };
    stands(&services.map(engine).collect::<Vec<_>>())
}

/// What operations are doing with services, and did until a moment ago: the next look will show it.
fn under_way(state: &State, now: Timestamp) -> BTreeMap<ServiceId, UnderWay> {
    let seen_after_ms = 2 * turn_ms(state);
    let unseen = |operation: &Operation| {
        let until = operation.finished_at.map(|at| at.plus_ms(seen_after_ms));
        until.is_some_and(|until| now < until)
    };
    let mut found = BTreeMap::new();
    for (id, operation) in &state.operations.operations {
        let open = match operation.status {
            Status::Queued | Status::Running => Some(*id),
            // One that failed may have done its part with most of them.
            Status::Succeeded | Status::Failed if unseen(operation) => None,
            // What waits for a person's decision moves nothing.
            Status::Succeeded | Status::Failed | Status::NeedsDecision | Status::Cancelled => {
                continue;
            }
        };
        found.extend(deeds(&operation.kind).map(|(on, deed)| (on, UnderWay { deed, open })));
    }
    found
}

fn deeds(kind: &Kind) -> impl Iterator<Item = (ServiceId, Deed)> {
    let (targets, deed) = match kind {
        Kind::Services(order) => {
            let deed = match order.verb {
                Verb::Start => Deed::Start,
                Verb::Stop => Deed::Stop,
                Verb::Restart => Deed::Restart,
            };
            (order.targets.as_slice(), deed)
        }
        Kind::Recover(recover) => (std::slice::from_ref(&recover.on), Deed::Recover),
        _ => (&[][..], Deed::Start),
    };
    targets.iter().map(move |target| (target.service, deed))
}

fn stands(engines: &[Engine<'_>]) -> Cluster {
    let state = word(engines);
    let first = engines.iter().find_map(|engine| engine.under_way?.open);
    Cluster { state, because: because(state, engines), operation: first }
}

fn word(engines: &[Engine<'_>]) -> ClusterState {
    if engines.iter().all(|engine| engine.verdict.is_none()) {
        return ClusterState::Unknown;
    }
    let missing: Vec<_> = engines.iter().filter(|engine| engine.is_missing()).collect();
    let any_to_run = engines.iter().any(|engine| engine.to_run);
    match (any_to_run, missing.as_slice()) {
        (false, _) => at_rest(engines),
        (true, []) => ClusterState::Running,
        (true, missing) => incomplete(engines, missing),
    }
}

/// Nothing is to run.
fn at_rest(engines: &[Engine<'_>]) -> ClusterState {
    let mut still = engines.iter().filter(|engine| engine.is_left_over()).peekable();
    if still.peek().is_none() {
        return ClusterState::Suspended;
    }
    match still.any(|engine| engine.does(Deed::Stop)) {
        true => ClusterState::Stopping,
        false => ClusterState::PartlyRunning,
    }
}

/// Something is to run that is not up.
fn incomplete(engines: &[Engine<'_>], missing: &[&Engine<'_>]) -> ClusterState {
    let is_served = |kind| engines.iter().any(|it| it.kind == kind && it.to_run && it.is_up());
    let is_restarted = |it: &&&Engine<'_>| it.does(Deed::Restart) && is_served(it.kind);
    let left: Vec<_> = missing.iter().filter(|it| !is_restarted(it)).collect();
    let is_seen = |verdict| left.iter().any(|engine| engine.verdict == Some(verdict));
    if left.is_empty() {
        return ClusterState::Running;
    }
    if left.iter().all(|engine| engine.does(Deed::Start)) {
        return ClusterState::Starting;
    }
    if engines.iter().any(Engine::is_up) || is_seen(Verdict::Degraded) {
        return ClusterState::PartlyRunning;
    }
    if left.iter().any(|engine| engine.is_coming()) {
        return ClusterState::Starting;
    }
    match left.iter().all(|engine| engine.verdict == Some(Verdict::Down)) {
        true => ClusterState::Down,
        // Whether anything is up cannot be said before it is known of each.
        false => ClusterState::Unknown,
    }
}

impl Engine<'_> {
    fn is_up(&self) -> bool {
        self.verdict == Some(Verdict::Up)
    }

    /// Whether it is to run and is not up.
    fn is_missing(&self) -> bool {
        self.to_run && !self.is_up()
    }

    /// Whether it is up, or partly so, although it is not to run.
    fn is_left_over(&self) -> bool {
        !self.to_run && matches!(self.verdict, Some(Verdict::Up | Verdict::Degraded))
    }

    fn does(&self, deed: Deed) -> bool {
        self.under_way.is_some_and(|under_way| under_way.deed == deed)
    }

    fn is_coming(&self) -> bool {
        self.under_way.is_some_and(|under_way| under_way.deed != Deed::Stop)
    }

    /// Whether it is missing, and nothing is done about it.
    fn is_left_alone(&self, verdict: Verdict) -> bool {
        self.is_missing()
            && !self.is_coming()
            && self.verdict.unwrap_or(Verdict::Unknown) == verdict
    }
}

fn because(state: ClusterState, engines: &[Engine<'_>]) -> String {
    let all = told(engines.iter());
    let Some(all) = all else {
        return "No host has the role of a BI Server or a Query Engine.".to_owned();
    };
    let count = |is: fn(&&Engine<'_>) -> bool| engines.iter().filter(is).count();
    let (to_run, up) = (count(|it| it.to_run), count(|it| it.to_run && it.is_up()));
    let still = || told(engines.iter().filter(|it| it.is_left_over())).unwrap_or_default();
    let first = match state {
        ClusterState::Unknown if engines.iter().all(|it| it.verdict.is_none()) => {
            return format!("Nobody has looked yet at {all}.");
        }
        ClusterState::Suspended => return suspended(engines, &all),
        ClusterState::Stopping => {
            return format!("Nothing is to run any more. Still up: {}.", still());
        }
        ClusterState::PartlyRunning if to_run == 0 => {
            return format!("Nothing is to run, and nothing stops what is still up: {}.", still());
        }
        ClusterState::Running if up == to_run => {
            let up = told(engines.iter().filter(|it| it.to_run)).unwrap_or_default();
            format!("Everything that is to run is up: {up}.")
        }
        ClusterState::Running | ClusterState::Starting | ClusterState::PartlyRunning => {
            format!("{up} of {to_run} that are to run are up.")
        }
        ClusterState::Down => "Nothing that is to run is up, and nothing starts it.".to_owned(),
        ClusterState::Unknown => "Nobody can say whether anything that is to run is up.".to_owned(),
    };
    std::iter::once(first).chain(details(engines)).collect::<Vec<_>>().join(" ")
}

/// What is not up although it is to run, and what is not to run, each by what is known of it.
fn details(engines: &[Engine<'_>]) -> impl Iterator<Item = String> {
    type Is<'e> = fn(&&Engine<'e>) -> bool;
    let parts: [(&str, Is<'_>); 9] = [
        ("Being started", |it| it.is_missing() && it.does(Deed::Start)),
        ("Being restarted", |it| it.is_missing() && it.does(Deed::Restart)),
        ("Being started again by Services HA", |it| it.is_missing() && it.does(Deed::Recover)),
        ("Down", |it| it.is_left_alone(Verdict::Down)),
        ("Observers disagree about", |it| it.is_left_alone(Verdict::Degraded)),
        ("Nobody can say of", |it| it.is_left_alone(Verdict::Unknown)),
        ("Being stopped", |it| it.is_left_over() && it.does(Deed::Stop)),
        ("Still up, although not to run", |it| it.is_left_over() && !it.does(Deed::Stop)),
        ("Stopped, as is wanted", |it| !it.to_run && !it.is_left_over()),
    ];
    parts.into_iter().filter_map(|(what, is)| {
        let which = told(engines.iter().filter(is))?;
        Some(format!("{what}: {which}."))
    })
}

/// With who wanted it last: whoever finds it at rest asks that first.
fn suspended(engines: &[Engine<'_>], all: &str) -> String {
    let last = engines.iter().filter_map(|engine| engine.wanted).max_by_key(|it| it.since);
    let who = last.map(|last| format!(" ({}) by {}", last.why.as_str(), last.by));
    let who = who.unwrap_or_default();
    format!("Nothing is seen to be up, as is wanted{who}: {all}.")
}

/// How many of each type; `None`: none.
fn told<'e>(engines: impl Iterator<Item = &'e Engine<'e>> + Clone) -> Option<String> {
    let count = |kind| engines.clone().filter(|engine| engine.kind == kind).count();
    let each = ENGINES.into_iter().filter_map(|kind| match count(kind) {
        0 => None,
        1 => Some(format!("1 {}", kind.title())),
        many => Some(format!("{many} {}", kind.titles())),
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| each.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::services::model::{Want, Why};

    const BY_NIGHT: Wanted = Wanted {
        want: Want::Stopped,
        why: Why::Schedule,
        by: String::new(),
        since: Timestamp(7),
        revision: Revision(3),
    };

    /// `bi|qe`, `run|rest`, what is made of it, and perhaps what is under way; `was-` is over.
    fn engine<'s>(words: &str, wanted: Option<&'s Wanted>) -> Engine<'s> {
        let words: Vec<_> = words.split(' ').collect();
        let deed = words.get(3).map(|deed| match deed.trim_start_matches("was-") {
            "start" => Deed::Start,
            "stop" => Deed::Stop,
            "restart" => Deed::Restart,
            "recover" => Deed::Recover,
            other => panic!("nothing is {other}"),
        });
        let open = words.get(3).filter(|deed| !deed.starts_with("was-")).map(|_| Revision(120));
        let verdicts = [Verdict::Up, Verdict::Down, Verdict::Degraded, Verdict::Unknown];
        Engine {
            kind: if words[0] == "bi" { ServiceType::BiServer } else { ServiceType::QueryEngine },
            to_run: words[1] == "run",
            wanted,
            verdict: verdicts.into_iter().find(|verdict| verdict.as_str() == words[2]),
            under_way: deed.map(|deed| UnderWay { deed, open }),
        }
    }

    fn of(engines: &str) -> Cluster {
        let night = Wanted { by: "night".into(), ..BY_NIGHT };
        let words = engines.split(", ").filter(|words| !words.is_empty());
        let wanted = |words: &str| words.contains("rest").then_some(&night);
        let engines: Vec<_> = words.map(|words| engine(words, wanted(words))).collect();
        stands(&engines)
    }

    #[test]
    fn the_state_of_the_cluster_is_what_is_wanted_beside_what_is_up_and_what_is_under_way() {
        use ClusterState::{Down, PartlyRunning, Running, Starting, Stopping, Suspended, Unknown};
        let table = [
            // Running: all that is to run is up, whatever rests beside it.
            ("bi run up, qe run up", Running),
            ("bi run up, qe rest down", Running),
            ("bi run up, qe rest unknown", Running),
            ("bi run up, qe rest up stop", Running),
            ("bi run up, qe rest up", Running),
            // A few are restarted at a time, and others serve meanwhile.
            ("bi run up, qe run up, qe run down restart", Running),
            ("bi run up, qe run up, qe run degraded restart", Running),
            // The only one of its type does not serve meanwhile.
            ("bi run down restart, qe run up", PartlyRunning),
            ("bi run down restart, qe run down restart", Starting),
            // Suspended: nothing is to run, and nothing is seen. The machines may be away as well.
            ("bi rest down, qe rest down", Suspended),
            ("bi rest unknown, qe rest down", Suspended),
            ("bi rest down was-stop, qe rest down", Suspended),
            // Stopping: from the first moment on, and until it was looked at again.
            ("bi rest up stop, qe rest down", Stopping),
            ("bi rest up stop, qe rest up stop", Stopping),
            ("bi rest up was-stop, qe rest down", Stopping),
            // Starting: all that is missing is being started, or it is the first to come.
            ("bi run down start, qe run down start", Starting),
            ("bi run up start, qe run unknown start", Starting),
            ("bi run up, qe run down was-start", Starting),
            ("bi run down recover, qe run down", Starting),
            ("bi run down, qe run down start", Starting),
            // Neither one nor the other.
            ("bi run up, qe run down", PartlyRunning),
            ("bi run up, qe run unknown", PartlyRunning),
            ("bi run up, qe run degraded", PartlyRunning),
            ("bi run degraded", PartlyRunning),
            ("bi run up, qe run down recover", PartlyRunning),
            ("bi run up, qe run down start, qe run down", PartlyRunning),
            ("bi rest up, qe rest down", PartlyRunning),
            ("bi rest degraded, qe rest down", PartlyRunning),
            // Nothing comes.
            ("bi run down, qe run down", Down),
            ("bi run down, qe rest down", Down),
            ("bi run down was-stop, qe run down", Down),
            ("bi run down, qe run unknown", Unknown),
            ("bi run unknown, qe run unknown", Unknown),
            ("bi run -, qe rest -", Unknown),
            ("", Unknown),
        ];
        for (engines, expected) in table {
            assert_eq!(of(engines).state, expected, "{engines}");
        }
    }

    #[test]
    fn it_says_why() {
        let table = [
            (
                "bi run up, bi run up, qe run up",
                "Everything that is to run is up: 2 BI Servers and 1 Query Engine.",
            ),
            (
                "bi run up, qe rest up stop, qe rest down",
                "Everything that is to run is up: 1 BI Server. Being stopped: 1 Query Engine. Stopped, as is wanted: 1 Query Engine.",
            ),
            (
                "bi run up, qe run up, qe run down restart",
                "2 of 3 that are to run are up. Being restarted: 1 Query Engine.",
            ),
            (
                "bi rest down, qe rest unknown",
                "Nothing is seen to be up, as is wanted (schedule) by night: 1 BI Server and 1 Query Engine.",
            ),
            (
                "bi rest up stop, qe rest down stop",
                "Nothing is to run any more. Still up: 1 BI Server.",
            ),
            (
                "bi run down start, qe run up start",
                "1 of 2 that are to run are up. Being started: 1 BI Server.",
            ),
            (
                "bi run up, qe run down, qe run unknown, qe run -, qe run degraded, qe run down recover",
                "1 of 6 that are to run are up. Being started again by Services HA: 1 Query Engine. Down: 1 Query Engine. \
                 Observers disagree about: 1 Query Engine. Nobody can say of: 2 Query Engines.",
            ),
            (
                "bi rest up, qe rest down",
                "Nothing is to run, and nothing stops what is still up: 1 BI Server.",
            ),
            (
                "bi run down",
                "Nothing that is to run is up, and nothing starts it. Down: 1 BI Server.",
            ),
            (
                "bi run unknown",
                "Nobody can say whether anything that is to run is up. Nobody can say of: 1 BI Server.",
            ),
            ("bi run -, qe run -", "Nobody has looked yet at 1 BI Server and 1 Query Engine."),
            ("", "No host has the role of a BI Server or a Query Engine."),
        ];
        for (engines, expected) in table {
            assert_eq!(of(engines).because, expected, "{engines}");
        }
    }

    #[test]
    fn the_operation_is_told_while_it_is_open() {
        assert_eq!(of("bi run up, qe run down start").operation, Some(Revision(120)));
        assert_eq!(of("bi run up, qe run down was-start").operation, None);
    }
}
