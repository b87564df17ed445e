//! What happens between hosts: packets that are lost, connections that cannot be made, cables that are out, links that
//! are slow. Clients reach every Manager all the while, except over a cable that is out.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use super::between::Between;
use super::{Outcome, checkpoint};
use crate::Failure;
use crate::cluster::Cluster;
use crate::lab::{Counts, Filter, Lab, Manner, Manners, to_each};
use crate::proxy::Proxies;
use crate::strikes::ABSENT;

/// How long connections are reset before none can be made any more.
const RESETTING: Duration = Duration::from_millis(300);
/// How long a flapping link stays as it is.
const FLAP: Duration = Duration::from_millis(300);
/// So many of a hundred packets are lost on a bad link.
const LOSS_PERCENT: u8 = 15;
/// What a slow link lets through.
const SLOW_KILOBITS: u32 = 512;

/// How late what a host sends is, one way only: longer than two heartbeats, shorter than a lease.
const LATE_MS: u64 = 150;
/// Frames that are late by anything up to this overtake each other.
const DISORDER_MS: u64 = 25;
/// So many of a hundred frames come twice.
const TWICE_PERCENT: u8 = 30;

/// Which way the network is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// The victims and the others do not hear each other.
    Split,
    /// Nobody hears anybody.
    Shatter,
    /// Two halves, and one host that hears both.
    Bridge,
    /// Each host has its neighbours in a ring, and with them a majority that is no other host's. Where a majority is even the
    /// farthest of them is one that it can call and that cannot call it.
    Ring,
    /// The victims hear nobody; they are heard.
    Deaf,
    /// Nobody can open a connection to the victims; what they opened themselves goes on.
    NoCalls,
    /// The victims are cut off and back, again and again.
    Flap,
    /// The victims' cables are out: clients do not reach them either.
    Cable,
    /// Packets between all hosts are lost at random.
    Loss,
    /// What the victims send is slow.
    Slow,
    /// What the victims send is late.
    Late,
    /// What the victims send and are sent comes in another order.
    Disorder,
    /// Of what the victims send and are sent a part comes twice.
    Twice,
    /// The victims were away so long that they are sent a checkpoint, and are cut off in the middle of it.
    Checkpoint,
}

/// Puts everything right again, also when the run is cancelled meanwhile.
pub(super) struct Broken<'a>(pub(super) Between<'a>);

impl Broken<'_> {
    pub(super) fn mend(&self) -> Result<(), Failure> {
        to_each(self.0.places(), |place| self.0.mend(place))
    }
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        // Tried before already; what cannot be mended shows in the recovery.
        let _ = self.mend();
    }
}

/// Puts cables in again, also when the run is cancelled meanwhile.
struct Unplugged<'a> {
    lab: &'a Lab,
    victims: &'a [usize],
}

impl Unplugged<'_> {
    fn plug_in(&self) -> Result<(), Failure> {
        to_each(self.victims, |place| self.lab.network.cable(*place, true))
    }
}

impl Drop for Unplugged<'_> {
    fn drop(&mut self) {
        // Tried before already; what cannot be mended shows in the recovery.
        let _ = self.plug_in();
    }
}

/// Breaks the network for so long.
pub(super) async fn strike(
    cluster: &Cluster,
    between: Between<'_>,
    way: Break,
    victims: &[usize],
    (pick, lasts): (u64, Duration),
) -> Result<Outcome, Failure> {
    if let Some(why) = between.lacks(way) {
        return Ok(Outcome::Skipped(format!("{ABSENT}{why}")));
    }
    // Of nobody's cable nothing is carried, and that is no fault.
    if victims.is_empty() {
        return Ok(Outcome::Skipped("nobody to hit has a host".into()));
    }
    match (way, between) {
        (Break::Slow, _) => slow(between, victims, lasts).await,
        (Break::Late, Between::Proxies(proxies)) => late(proxies, victims, lasts).await,
        (Break::Late | Break::Disorder | Break::Twice, Between::Network(lab)) => {
            wires(lab, way, victims, (pick, lasts)).await
        }
        (Break::Loss, Between::Network(lab)) => {
            let everybody: Vec<usize> = between.places().collect();
            wires(lab, way, &everybody, (pick, lasts)).await
        }
        (Break::Cable, Between::Network(lab)) => cable(lab, victims, lasts).await,
        (Break::Flap, _) => flap(between, victims, lasts).await,
        (Break::NoCalls | Break::Ring, _) => no_calls(between, way, victims, lasts).await,
        (Break::Checkpoint, _) => checkpoint::cut(cluster, between, victims, lasts).await,
        _ => {
            let filters = filters(between.sides(), way, victims);
            filtered(between, &filters, lasts, "no packet was lost").await
        }
    }
}

/// What filters alone break; `otherwise` is to be said when they kept nothing out.
async fn filtered(
    between: Between<'_>,
    filters: &[Filter],
    lasts: Duration,
    otherwise: &str,
) -> Result<Outcome, Failure> {
    let broken = Broken(between);
    set(between, filters)?;
    sleep(lasts).await;
    let kept_out = between.kept_out()?;
    broken.mend()?;
    Ok(bitten(kept_out > 0, otherwise))
}

/// The hosts that a broken network is between.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// Of the members a run begins with.
    pub members: usize,
    /// All of them, also those for whoever comes later.
    pub hosts: usize,
}

impl Sides {
    /// The same with nobody to come.
    pub fn of(members: usize) -> Self {
        Self { members, hosts: members }
    }

    /// Where a host stands among the first members: a spare one beside the first of them.
    fn stand(self, place: usize) -> usize {
        place % self.members
    }
}

/// What each host lets in. Whoever came later is cut off like those that were there.
pub fn filters(sides: Sides, way: Break, victims: &[usize]) -> Vec<Filter> {
    let victims: BTreeSet<usize> = victims.iter().copied().collect();
    let everybody = || 0..sides.hosts;
    let not = |own: usize, hears: &dyn Fn(usize) -> bool| -> BTreeSet<usize> {
        everybody().filter(|other| *other != own && !hears(*other)).collect()
    };
    let filter = |own: usize| match way {
        Break::Shatter => Filter { deaf_to: not(own, &|_| false), ..Filter::default() },
        Break::Bridge => {
            let (middle, own_stand) = (sides.members / 2, sides.stand(own));
            let hears = |other: usize| {
                let other = sides.stand(other);
                own_stand == middle || other == middle || (own_stand < middle) == (other < middle)
            };
            Filter { deaf_to: not(own, &hears), ..Filter::default() }
        }
        Break::Ring => neighbours(sides, own),
        Break::Deaf if victims.contains(&own) => {
            Filter { deaf_to: not(own, &|_| false), ..Filter::default() }
        }
        Break::Split | Break::Flap | Break::Checkpoint => {
            let hears = |other: usize| victims.contains(&own) == victims.contains(&other);
            Filter { deaf_to: not(own, &hears), ..Filter::default() }
        }
        Break::NoCalls if victims.contains(&own) => {
            Filter { no_calls_from: not(own, &|_| false), ..Filter::default() }
        }
        Break::Deaf | Break::NoCalls | Break::Cable | Break::Slow => Filter::default(),
        Break::Late | Break::Disorder | Break::Twice | Break::Loss => Filter::default(),
    };
    everybody().map(filter).collect()
}

/// What a host of a ring lets in.
fn neighbours(sides: Sides, own: usize) -> Filter {
    let members = sides.members;
    let majority = members / 2 + 1;
    let reach = majority / 2;
    let ahead = |other: usize| (sides.stand(other) + members - sides.stand(own)) % members;
    let others = || (0..sides.hosts).filter(|other| *other != own);
    let far = |other: &usize| ahead(*other).min(members - ahead(*other)) > reach;
    // It can call the farthest ahead, and so be answered; the other way round nothing is begun.
    let calls_in_vain = |other: &usize| majority.is_multiple_of(2) && ahead(*other) == reach;
    Filter {
        deaf_to: others().filter(far).collect(),
        no_calls_from: others().filter(calls_in_vain).collect(),
        ..Filter::default()
    }
}

pub(super) fn set(between: Between<'_>, filters: &[Filter]) -> Result<(), Failure> {
    filters.iter().enumerate().try_for_each(|(place, filter)| between.filter(place, filter))
}

pub(super) fn bitten(bit: bool, otherwise: &str) -> Outcome {
    if bit { Outcome::Installed } else { Outcome::Indeterminate(otherwise.into()) }
}

/// Open connections are reset first: they would go on otherwise, and nothing would be broken.
async fn no_calls(
    between: Between<'_>,
    way: Break,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    // Also when the run is cancelled while connections are reset.
    let _broken = Broken(between);
    let filters = filters(between.sides(), way, victims);
    let resets = |filter: &Filter| Filter {
        resets: filter.no_calls_from.clone(),
        no_calls_from: BTreeSet::new(),
        ..filter.clone()
    };
    set(between, &filters.iter().map(resets).collect::<Vec<_>>())?;
    sleep(RESETTING).await;
    filtered(between, &filters, lasts, "nobody called").await
}

async fn flap(
    between: Between<'_>,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let broken = Broken(between);
    let filters = filters(between.sides(), Break::Flap, victims);
    let (mut lost, until) = (0, Instant::now() + lasts);
    while Instant::now() < until {
        set(between, &filters)?;
        sleep(FLAP).await;
        lost += between.kept_out()?;
        broken.mend()?;
        sleep(FLAP).await;
    }
    Ok(bitten(lost > 0, "no packet was lost"))
}

async fn cable(lab: &Lab, victims: &[usize], lasts: Duration) -> Result<Outcome, Failure> {
    let unplugged = Unplugged { lab, victims };
    let carried = || -> Result<u64, Failure> {
        victims.iter().map(|place| lab.network.carried(*place)).sum()
    };
    for place in victims {
        lab.network.cable(*place, false)?;
    }
    let before = carried()?;
    sleep(lasts).await;
    let after = carried()?;
    unplugged.plug_in()?;
    Ok(bitten(before == after, "a link that was down carried something"))
}

/// Lets links be as fast as they are, also when the run is cancelled meanwhile or one could not be made slow.
struct Throttled<'a> {
    between: Between<'a>,
    victims: &'a [usize],
}

impl Throttled<'_> {
    fn lift(&self) -> Result<(), Failure> {
        to_each(self.victims, |place| self.between.throttle(*place, None))
    }
}

impl Drop for Throttled<'_> {
    fn drop(&mut self) {
        // Tried before already; what cannot be mended shows in the recovery.
        let _ = self.lift();
    }
}

async fn slow(
    between: Between<'_>,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let throttled = Throttled { between, victims };
    for place in victims {
        between.throttle(*place, Some(SLOW_KILOBITS))?;
    }
    sleep(lasts).await;
    let held_up = victims.iter().map(|place| between.held_up(*place));
    let held_up = held_up.sum::<Result<u64, Failure>>();
    throttled.lift()?;
    Ok(bitten(held_up? > 0, "nobody had to wait"))
}

/// What proxies do for a wire that is late.
async fn late(proxies: &Proxies, victims: &[usize], lasts: Duration) -> Result<Outcome, Failure> {
    let make = |late: Duration| victims.iter().for_each(|place| proxies.make_late(*place, late));
    make(Duration::from_millis(LATE_MS));
    sleep(lasts).await;
    make(Duration::ZERO);
    let late: u64 = victims.iter().map(|place| proxies.late(*place)).sum();
    Ok(bitten(late > 0, "nothing was sent"))
}

/// What becomes of what the victims send and are sent.
fn manners(way: Break) -> Manners {
    let (sent, received) = match way {
        Break::Late => (Manner { late_ms: LATE_MS..=LATE_MS, ..Manner::PLAIN }, Manner::PLAIN),
        // Each host's own wire loses what the others send it, so that every packet is drawn for once.
        Break::Loss => (Manner::PLAIN, Manner { lost_percent: LOSS_PERCENT, ..Manner::PLAIN }),
        Break::Twice => {
            let twice = Manner { late_ms: 0..=2, twice_percent: TWICE_PERCENT, ..Manner::PLAIN };
            (twice.clone(), twice)
        }
        _ => {
            let mixed = Manner { late_ms: 0..=DISORDER_MS, ..Manner::PLAIN };
            (mixed.clone(), mixed)
        }
    };
    Manners { sent, received }
}

/// Clients' packets take the same wire; none of them is lost.
async fn wires(
    lab: &Lab,
    way: Break,
    victims: &[usize],
    (pick, lasts): (u64, Duration),
) -> Result<Outcome, Failure> {
    let lay = |place: &usize| {
        let random = StdRng::seed_from_u64(pick.wrapping_add(*place as u64));
        lab.network.lay_wire(*place, manners(way), random)
    };
    let wires = victims.iter().map(lay).collect::<Result<Vec<_>, _>>()?;
    sleep(lasts).await;
    let mut bit = false;
    for wire in wires {
        let Counts { late, overtaken, twice, lost } = wire.take_up()?;
        bit |= match way {
            Break::Late => late > 0,
            Break::Twice => twice > 0,
            Break::Loss => lost > 0,
            _ => overtaken > 0,
        };
    }
    Ok(bitten(bit, "nothing was sent"))
}
