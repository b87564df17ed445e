//! What operations do with services on their hosts: a wave of them side by side, a few at a time.
//!
//! What is wanted is said before anything is done, so that nobody takes what happens for a failure. Whoever is Active
//! next may begin a wave again: starting what runs and stopping what stands still is nothing. Between two services it is
//! looked whether the operation was called off.

use futures::stream::{self, StreamExt};

use super::super::model::{DETAIL_MAX_BYTES, Kind, Order, Recover, ServiceTarget, StepEnd, Verb};
use super::super::plan::{Place, WaveDeed};
use super::chores::{end, ended, failed, hopeless};
use super::tell;
use crate::base::text::cut;
use crate::base::{Code, Refusal};
use crate::capabilities::managers::port::{ActFailure, OnHosts};
use crate::capabilities::services::model::{
    self as services, Configurations, Endpoint, Endpoints, Says, ServiceId, Want, Wanted, Why,
    Znodes, control,
};
use crate::machine::State;
use crate::remote::{RemoteFailure, UnitName, UnitState, UnitVerb};

/// Most services that are acted on at a time.
const AT_ONCE: usize = 16;
/// Longest time services are given to serve once they were started.
const SERVE_MAX_MS: u64 = 5 * 60_000;
/// Longest time a host is given to answer when something is started by itself: another host may be quicker.
const RECOVER_MAX_MS: u64 = 60_000;

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
    /// Somebody wants something else with it since.
    LeftAlone(String),
    /// The operation was called off before its turn.
    CalledOff,
}

/// Whose turn it is when a service's turn comes.
enum Turn {
    /// The service's.
    Its,
    /// Not the service's, and why.
    NotIts(String),
    /// The operation was called off.
    Nobodys,
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
    if let Some(because) = say_what_is_wanted(reach, at, deed, &wave).await? {
        end(reach, at, StepEnd::Failed, because).await?;
        return Ok(true);
    }
    let acted = stream::iter(wave.clone()).map(|one| async move {
        let outcome = match reach.look(|state, _| turn(state, at, &one)) {
            Turn::Its => outcome(one_of(reach, &one, deed).await, otherwise)?,
            Turn::NotIts(because) => Outcome::LeftAlone(because),
            Turn::Nobodys => Outcome::CalledOff,
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
    alone: Vec<String>,
}

impl Tally {
    fn count(&mut self, host: &str, outcome: Outcome) {
        match outcome {
            Outcome::Good => self.good += 1,
            Outcome::LeftAlone(because) => self.alone.push(format!("{host}: {because}")),
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
        let told = [vec![counted], self.told.clone(), self.alone.clone()].concat().join("; ");
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
    let longest = reach.look(|state, _| longest_ms(state, at, deed));
    let over = reach.look(|_, seen| seen.worked_on_ms(at.id, at.step)) > longest;
    match tally.waits {
        _ if tally.called_off => return Ok(false),
        true if !over => {
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

/// How long is waited for what takes its time, before the step itself has lasted too long.
fn longest_ms(state: &State, at: Place, deed: WaveDeed) -> u64 {
    let operation = state.operations.operations.get(&at.id);
    match (deed, operation.map(|operation| &operation.kind)) {
        (WaveDeed::Serve, _) => SERVE_MAX_MS,
        (WaveDeed::Start, Some(Kind::Recover(_))) => RECOVER_MAX_MS,
        (WaveDeed::Start | WaveDeed::Stop, _) => u64::MAX,
    }
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

/// Whoever acts by himself does not change what is wanted, and ends when something else is: then it comes with the reason.
async fn say_what_is_wanted(
    reach: &impl OnHosts,
    at: Place,
    deed: WaveDeed,
    wave: &[One],
) -> Result<Option<String>, ActFailure> {
    if let Some(because) = reach.look(|state, _| unwanted(state, at)) {
        return Ok(Some(because));
    }
    let Some(command) = reach.look(|state, _| want(state, at, deed, wave)) else { return Ok(None) };
    match reach.propose(command.into()).await {
        Err(ActFailure::Refused(refusal)) if refusal.code == Code::Changed => {
            Ok(Some(refusal.detail))
        }
        said => said.map(|()| None),
    }
}

/// Why a recovery is not to go on: what was started is wanted stopped.
fn unwanted(state: &State, at: Place) -> Option<String> {
    let Kind::Recover(recover) = &state.operations.operations.get(&at.id)?.kind else {
        return None;
    };
    let on = recover.on.service;
    let wanted = state.services.wanted.get(&on).filter(|wanted| wanted.want == Want::Stopped)?;
    let known = &state.services.ha.recoveries.get(&recover.of.service)?.last;
    // A standby was wanted stopped to begin with.
    let begun_so = recover.stands_in() && wanted.revision == known.wanted;
    (!begun_so)
        .then(|| format!("{} is wanted stopped by {}: it is left alone", on.name(state), wanted.by))
}

/// What has to be said of the wave's services; `None`: it was said. While they are restarted it is wanted that they run.
fn want(state: &State, at: Place, deed: WaveDeed, wave: &[One]) -> Option<services::Command> {
    let order = match &state.operations.operations.get(&at.id)?.kind {
        Kind::Services(order) => order,
        Kind::Recover(recover) if deed == WaveDeed::Start => return stand_in(state, at, recover),
        _ => return None,
    };
    if order.asked.is_some() {
        return as_scheduled(state, at, order);
    }
    let want = match (deed, order.verb) {
        (WaveDeed::Serve, _) => return None,
        (WaveDeed::Stop, Verb::Stop) => Want::Stopped,
        (WaveDeed::Stop | WaveDeed::Start, _) => Want::Running,
    };
    let (why, operation) = (order.why, Some(at.id));
    let unsaid = |service: &ServiceId| {
        let known = state.services.wanted.get(service);
        known.is_none_or(|known| (known.want, known.why) != (want, why)) && service.exists(state)
    };
    let services: Vec<_> = wave.iter().map(|one| one.service).filter(unsaid).collect();
    let command = services::Command::Want { services, want, why, operation, expect: None };
    let services::Command::Want { services, .. } = &command else { return None };
    (!services.is_empty()).then_some(command)
}

/// A schedule says what it wants of all its services before the first is touched: their hosts may be taken away
/// meanwhile. Of what is as it wants it already, and of what somebody spoke of since, it says nothing.
fn as_scheduled(state: &State, at: Place, order: &Order) -> Option<services::Command> {
    let (want, why, operation) = (towards(order), order.why, Some(at.id));
    let unsaid = |service: &ServiceId| {
        !is_as(state, *service, want)
            && !service.is_spoken_of_since(state, at.id)
            && service.exists(state)
    };
    let services: Vec<_> = order.targets.iter().map(|it| it.service).filter(unsaid).collect();
    (!services.is_empty()).then_some(services::Command::Want {
        services,
        want,
        why,
        operation,
        expect: None,
    })
}

/// What is wanted by an order that starts or stops.
fn towards(order: &Order) -> Want {
    match order.verb {
        Verb::Stop => Want::Stopped,
        Verb::Start | Verb::Restart => Want::Running,
    }
}

fn is_as(state: &State, service: ServiceId, want: Want) -> bool {
    service.is_wanted(state) == (want == Want::Running)
}

/// A standby is to run from now on, unless somebody said something else of it since that was decided.
fn stand_in(state: &State, at: Place, recover: &Recover) -> Option<services::Command> {
    let (on, want, why) = (recover.on.service, Want::Running, Why::ServicesHa);
    let known = state.services.wanted.get(&on);
    let said = known.is_some_and(|known| known.want == want) || !on.exists(state);
    let last = &state.services.ha.recoveries.get(&recover.of.service)?.last;
    let (operation, expect) = (Some(at.id), Some(last.wanted));
    let command = services::Command::Want { services: vec![on], want, why, operation, expect };
    (recover.stands_in() && !said).then_some(command)
}

async fn one_of(reach: &impl OnHosts, one: &One, deed: WaveDeed) -> Result<(), Not> {
    let malformed = |why| Refusal::new(Code::InvalidValue, format!("{}: {why}.", one.unit));
    let unit: UnitName = one.unit.parse().map_err(malformed)?;
    let host = one.service.host;
    match deed {
        WaveDeed::Start => {
            note_at_rest(reach, one, &unit).await?;
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

/// What does not run reads what holds now, or what is newer, when it is started. That is said before it is started, and only
/// where something else was said last. What answers although its unit does not run was started in another way.
async fn note_at_rest(reach: &impl OnHosts, one: &One, unit: &UnitName) -> Result<(), Not> {
    let news = reach.look(|state, _| Configurations::of(state).news(one.service));
    let Some(configuration) = news else { return Ok(()) };
    let status = reach.unit(one.service.host, unit).await?;
    let runs = !matches!(status.state, UnitState::Stopped | UnitState::Failed);
    let answers = match &one.endpoint {
        Some(endpoint) if !runs => reach.answers(endpoint).await.is_ok(),
        Some(_) | None => false,
    };
    if runs || answers {
        return Ok(());
    }
    let read = vec![(one.service, configuration)];
    Ok(reach.propose(services::Command::NoteAtRest { read }.into()).await?)
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
    let znode = reach.look(|state, seen| Znodes::of(state).evidence(one.service, seen.now));
    match znode {
        Some(seen) if seen.says == Says::NotThere => Err(not_yet(seen.because)),
        Some(_) | None => Ok(()),
    }
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

/// A schedule leaves alone what somebody wants otherwise since it began. Nobody acts on what is no service any more.
fn turn(state: &State, at: Place, one: &One) -> Turn {
    if !is_at(state, at) {
        return Turn::Nobodys;
    }
    if !one.service.exists(state) {
        let role = one.service.service.title();
        return Turn::NotIts(format!("left alone: its host has the role {role} no more"));
    }
    let operation = state.operations.operations.get(&at.id);
    let Some(Kind::Services(order @ Order { asked: Some(_), .. })) = operation.map(|it| &it.kind)
    else {
        return Turn::Its;
    };
    let wanted = state.services.wanted.get(&one.service);
    match wanted.filter(|_| !is_as(state, one.service, towards(order))) {
        Some(Wanted { want, by, .. }) => {
            Turn::NotIts(format!("left alone: it is wanted {} by {by} since", want.as_str()))
        }
        None => Turn::Its,
    }
}

/// Whether the operation is still at this step.
fn is_at(state: &State, at: Place) -> bool {
    let operation = state.operations.operations.get(&at.id);
    operation.is_some_and(|operation| {
        let next = operation.next_step().map(|(place, _)| place);
        operation.status.is_open() && next == Some(at.step)
    })
}
