//! What operations do with services on their hosts: a wave of them side by side, a few at a time.
//!
//! What is wanted is said before anything is done, so that nobody takes what happens for a failure. Whoever is Active
//! next may begin a wave again: starting what runs and stopping what stands still is nothing. Between two services it is
//! looked whether the operation was called off.

use futures::stream::{self, StreamExt};

use super::super::model::{DETAIL_MAX_BYTES, Kind, ServiceTarget, StepEnd, StepStatus, Verb};
use super::super::plan::{Place, WaveDeed};
use super::chores::{end, ended, failed, hopeless};
use super::tell;
use crate::base::text::cut;
use crate::base::{Code, Refusal, Timestamp};
use crate::capabilities::managers::port::{ActFailure, OnHosts};
use crate::capabilities::services::model::{
    self as services, Endpoint, Endpoints, Freshness, Marks, ServiceId, Want, control, freshness,
};
use crate::machine::State;
use crate::remote::{RemoteFailure, UnitName, UnitState, UnitVerb};

/// Most services that are acted on at a time.
const AT_ONCE: usize = 16;
/// Longest time services are given to serve once they were started.
const SERVE_MAX_MS: u64 = 5 * 60_000;

/// One service of a wave.
#[derive(Clone)]
struct One {
    service: ServiceId,
    host: String,
    unit: String,
    endpoint: Option<Endpoint>,
}

/// How it went with one service.
enum Outcome {
    /// As it was to be.
    Good,
    /// Not yet; it is looked again.
    Wait(String),
    /// Not, and trying again is of no use.
    Bad(String),
    /// The operation was called off before its turn.
    CalledOff,
}

/// Does it with every service of the wave, and ends the step when nothing is left to wait for.
pub(super) async fn run(
    reach: &impl OnHosts,
    because: String,
    at: Place,
    deed: WaveDeed,
) -> Result<Option<String>, String> {
    match carry_out(reach, at, deed).await {
        Ok(news) => Ok(news.then_some(because)),
        Err(failure) => Err(format!("{because}: {failure}")),
    }
}

/// Whether something came of it that was told.
async fn carry_out(reach: &impl OnHosts, at: Place, deed: WaveDeed) -> Result<bool, ActFailure> {
    let (wave, passes_over) = reach.look(|state, _| (wave(state, at), passes_over(state, at)));
    let otherwise = if passes_over { StepEnd::Skipped } else { StepEnd::Failed };
    say_what_is_wanted(reach, at, deed, &wave).await?;
    let acted = stream::iter(wave.clone()).map(|one| async move {
        let outcome = match reach.look(|state, _| is_at(state, at)) {
            true => outcome(one_of(reach, &one, deed).await, otherwise)?,
            false => Outcome::CalledOff,
        };
        Ok::<_, ActFailure>((one.host, outcome))
    });
    let outcomes: Vec<_> = acted.buffered(AT_ONCE).collect().await;
    let mut tally = Tally { all: wave.len(), ..Tally::default() };
    for outcome in outcomes {
        let (host, outcome) = outcome?;
        tally.count(&host, outcome);
    }
    conclude(reach, at, deed, tally, passes_over).await
}

/// Why it is not as it is to be with one service.
enum Not {
    /// It takes its time.
    Yet(String),
    /// It failed.
    Done(ActFailure),
}

impl From<ActFailure> for Not {
    fn from(failure: ActFailure) -> Self {
        Self::Done(failure)
    }
}

impl From<Refusal> for Not {
    fn from(refusal: Refusal) -> Self {
        Self::Done(refusal.into())
    }
}

/// Whoever is no longer Active, or cannot have anything agreed on, ends no step.
fn outcome(done: Result<(), Not>, otherwise: StepEnd) -> Result<Outcome, ActFailure> {
    let failure = match done {
        Ok(()) => return Ok(Outcome::Good),
        Err(Not::Yet(because)) => return Ok(Outcome::Wait(because)),
        Err(Not::Done(failure)) => failure,
    };
    match &failure {
        ActFailure::Ended(_)
        | ActFailure::Propose(_)
        | ActFailure::Remote(RemoteFailure::Ended(_) | RemoteFailure::Fenced { .. }) => {
            Err(failure)
        }
        _ if hopeless(&failure, otherwise) => Ok(Outcome::Bad(failure.to_string())),
        _ => Ok(Outcome::Wait(failure.to_string())),
    }
}

#[derive(Default)]
struct Tally {
    all: usize,
    good: usize,
    called_off: bool,
    waits: bool,
    told: Vec<String>,
}

impl Tally {
    fn count(&mut self, host: &str, outcome: Outcome) {
        match outcome {
            Outcome::Good => self.good += 1,
            Outcome::CalledOff => self.called_off = true,
            Outcome::Bad(because) => self.told.push(format!("{host}: {because}")),
            Outcome::Wait(because) => {
                self.told.push(format!("{host}: {because}"));
                self.waits = true;
            }
        }
    }

    fn in_words(&self, deed: WaveDeed) -> String {
        let done = match deed {
            WaveDeed::Start => "started",
            WaveDeed::Stop => "stopped",
            WaveDeed::Serve => "serving",
        };
        let counted = format!("{} of {} {done}", self.good, self.all);
        let told = [vec![counted], self.told.clone()].concat().join("; ");
        cut(&told, DETAIL_MAX_BYTES)
    }
}

/// Where one of many is passed over, at least one has to be as it was to be: what needs the others cannot go on without.
async fn conclude(
    reach: &impl OnHosts,
    at: Place,
    deed: WaveDeed,
    tally: Tally,
    passes_over: bool,
) -> Result<bool, ActFailure> {
    let detail = tally.in_words(deed);
    let over = reach.look(|state, seen| waited_ms(state, at, seen.now)) > SERVE_MAX_MS;
    match tally.waits {
        _ if tally.called_off => return Ok(false),
        true if !(over && deed == WaveDeed::Serve) => {
            return tell_news(reach, at, detail).await;
        }
        false if tally.told.is_empty() => end(reach, at, StepEnd::Done, detail).await,
        true | false => {
            let goes_on = passes_over && (tally.good > 0 || deed == WaveDeed::Stop);
            let how = if goes_on { StepEnd::Skipped } else { StepEnd::Failed };
            end(reach, at, how, detail).await
        }
    }?;
    Ok(true)
}

/// How far the wave is, told once.
async fn tell_news(reach: &impl OnHosts, at: Place, detail: String) -> Result<bool, ActFailure> {
    let known = reach.look(|state, _| {
        let operation = state.operations.operations.get(&at.id);
        let step = operation.and_then(|operation| operation.steps.get(at.step as usize));
        step.is_some_and(|step| step.detail == detail)
    });
    if !known {
        tell(reach, at, detail).await?;
    }
    Ok(!known)
}

async fn say_what_is_wanted(
    reach: &impl OnHosts,
    at: Place,
    deed: WaveDeed,
    wave: &[One],
) -> Result<(), ActFailure> {
    let Some(command) = reach.look(|state, _| want(state, at, deed, wave)) else { return Ok(()) };
    reach.propose(command.into()).await
}

/// What has to be said of the wave's services; `None`: it was said. While they are restarted it is wanted that they run.
fn want(state: &State, at: Place, deed: WaveDeed, wave: &[One]) -> Option<services::Command> {
    let Kind::Services(order) = &state.operations.operations.get(&at.id)?.kind else { return None };
    let want = match (deed, order.verb) {
        (WaveDeed::Serve, _) => return None,
        (WaveDeed::Stop, Verb::Stop) => Want::Stopped,
        (WaveDeed::Stop | WaveDeed::Start, _) => Want::Running,
    };
    let (why, operation) = (order.why, Some(at.id));
    let said = |one: &&One| {
        let known = state.services.wanted.get(&one.service);
        known.is_some_and(|known| (known.want, known.why) == (want, why))
    };
    let services: Vec<_> = wave.iter().filter(|one| !said(one)).map(|one| one.service).collect();
    let command = services::Command::Want { services, want, why, operation, expect: None };
    let services::Command::Want { services, .. } = &command else { return None };
    (!services.is_empty()).then_some(command)
}

async fn one_of(reach: &impl OnHosts, one: &One, deed: WaveDeed) -> Result<(), Not> {
    let malformed = |why| Refusal::new(Code::InvalidValue, format!("{}: {why}.", one.unit));
    let unit: UnitName = one.unit.parse().map_err(malformed)?;
    let host = one.service.host;
    match deed {
        WaveDeed::Start => {
            let status = reach.order_unit(host, &unit, UnitVerb::Start).await?;
            match status.state {
                UnitState::Running | UnitState::Starting => Ok(()),
                UnitState::Stopping | UnitState::Stopped | UnitState::Failed => {
                    Err(failed(format!("it did not start: {}", ended(&status.ended))).into())
                }
            }
        }
        WaveDeed::Stop => {
            let status = reach.order_unit(host, &unit, UnitVerb::Stop).await?;
            match status.state {
                UnitState::Stopped | UnitState::Failed => Ok(()),
                UnitState::Running | UnitState::Starting | UnitState::Stopping => {
                    Err(Not::Yet("it has not stopped yet".into()))
                }
            }
        }
        WaveDeed::Serve => serves(reach, one, &unit).await,
    }
}

/// The gate: its unit runs, it answers where it is asked, and its znode, if it has one, is there.
async fn serves(reach: &impl OnHosts, one: &One, unit: &UnitName) -> Result<(), Not> {
    let status = reach.unit(one.service.host, unit).await?;
    match status.state {
        UnitState::Running => {}
        UnitState::Starting | UnitState::Stopping => return Err(not_yet("it is being started")),
        UnitState::Stopped | UnitState::Failed => {
            return Err(failed(format!("it does not run: {}", ended(&status.ended))).into());
        }
    }
    if let Some(endpoint) = &one.endpoint
        && let Err(because) = reach.answers(endpoint).await
    {
        return Err(not_yet(format!("{} does not answer: {because}", endpoint.address)));
    }
    match reach.look(|state, _| lacks_its_znode(state, one)) {
        true => Err(not_yet("its znode is not there")),
        false => Ok(()),
    }
}

/// Only of one whose znode was seen before it is known that it has one.
fn lacks_its_znode(state: &State, one: &One) -> bool {
    let of_it = state.services.sightings.values().filter(|known| {
        let sighted = &known.sighted;
        sighted.service == one.service.service
            && sighted.marks == Marks::Presence
            && sighted.host == one.host
    });
    let (mut known, mut there) = (false, false);
    for sighting in of_it {
        (known, there) = (true, there || sighting.present);
    }
    freshness(state) == Freshness::Fresh && known && !there
}

fn not_yet(because: impl Into<String>) -> Not {
    Not::Yet(because.into())
}

fn wave(state: &State, at: Place) -> Vec<One> {
    let Some(operation) = state.operations.operations.get(&at.id) else { return Vec::new() };
    let targets = operation.work(at.step).map(|work| work.wave).unwrap_or_default();
    let endpoints = Endpoints::of(state);
    let one = |target: &ServiceTarget| One {
        service: target.service,
        host: target.host.clone(),
        unit: control(state, target.service.service).unit,
        endpoint: endpoints.get(target.service),
    };
    targets.iter().map(one).collect()
}

fn passes_over(state: &State, at: Place) -> bool {
    let operation = state.operations.operations.get(&at.id);
    operation.is_some_and(|operation| operation.kind.passes_over())
}

/// Whether the operation is still at this step.
fn is_at(state: &State, at: Place) -> bool {
    let operation = state.operations.operations.get(&at.id);
    operation.is_some_and(|operation| {
        let next = operation.next_step().map(|(place, _)| place);
        operation.status.is_open() && next == Some(at.step)
    })
}

fn waited_ms(state: &State, at: Place, now: Timestamp) -> u64 {
    let operation = state.operations.operations.get(&at.id);
    let step = operation.and_then(|operation| operation.steps.get(at.step as usize));
    let running = step.filter(|step| step.status == StepStatus::Running);
    running.and_then(|step| step.started_at).map_or(0, |since| now.since_ms(since))
}
