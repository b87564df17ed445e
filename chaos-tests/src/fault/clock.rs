//! A wall clock that jumps, forth and back. Leases are kept by the monotonic clock, which goes on as it is.
//!
//! That a jump was made is known once the victim's Manager has read it: its library asks for the time shown whenever another second
//! has begun. That it tells such a time to others is seen once for each fault, since the dates of its answers never go back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Outcome;
use super::network::bitten;
use crate::Failure;
use crate::lab::Lab;

/// Where the clock jumps to, in turn.
const JUMPS: [&str; 4] = ["+60", "-60", "+3600", "-7200"];
const COUNT: u32 = JUMPS.len() as u32;
/// Two seconds begin in it at least.
const EACH_MIN: Duration = Duration::from_millis(2_200);
const TRUE_TIME: &str = "+0";

/// How long a strobing clock shows a time: longer than the second after which it is read again, so that no time is missed.
const STROBE: Duration = Duration::from_millis(1_100);
/// Between these it strobes.
const STROBES: [&str; 2] = ["+7200", "-7200"];
/// Forth, back, and forth again, with one time to spare.
const STROBES_MIN: u32 = 4;
/// How often it is to be seen to turn: first it went forth.
const TURNS: usize = 2;

/// How much longer a fault may take in all until every victim has looked: what else is broken may have it stand still.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Has the victims' clocks jump forth and back between two times for so long.
pub(super) async fn strobe(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let Some(mut sights) = sights(lab, victims) else { return Ok(no_clock()) };
    let ends = Instant::now() + lasts.max(STROBE * STROBES_MIN);
    for time in STROBES.into_iter().cycle() {
        let (now, all) = (Instant::now(), sights.values().all(Sight::strobed));
        if now > ends + PATIENCE || (now >= ends && all) {
            break;
        }
        show(lab, &sights, time)?;
        sleep(STROBE).await;
        look(lab, &mut sights, time).await;
    }
    show(lab, &sights, TRUE_TIME)?;
    let all = sights.values().all(Sight::strobed);
    Ok(bitten(all, "not every victim was seen to go forth, back and forth again"))
}

/// Has the victims' clocks jump about for so long, then shows the true time again.
pub(super) async fn strike(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let Some(mut sights) = sights(lab, victims) else { return Ok(no_clock()) };
    let each = lasts.max(EACH_MIN * COUNT) / COUNT;
    let deadline = Instant::now() + each * COUNT + PATIENCE;
    for time in JUMPS {
        show(lab, &sights, time)?;
        sleep(each).await;
        let read = || sights.keys().all(|place| lab.hosts[*place].clock_was_read());
        while !read() && Instant::now() < deadline {
            sleep(LOOK_PERIOD).await;
        }
        look(lab, &mut sights, time).await;
    }
    show(lab, &sights, TRUE_TIME)?;
    let all = sights.values().all(Sight::jumped);
    Ok(bitten(all, "not every victim was seen to show another time and to make every jump"))
}

/// What was seen of a victim's clock.
#[derive(Debug, Default)]
struct Sight {
    /// It was seen to tell a time that is not the true one.
    wrong: bool,
    /// The times shown that its Manager read, in turn.
    read: Vec<&'static str>,
}

impl Sight {
    /// Whether it made every jump.
    fn jumped(&self) -> bool {
        self.wrong && JUMPS.iter().all(|jump| self.read.contains(jump))
    }

    /// Whether it went forth, back and forth again.
    fn strobed(&self) -> bool {
        let turns = self.read.windows(2).filter(|two| two[0] != two[1]).count();
        self.wrong && turns >= TURNS
    }
}

/// Nothing was seen yet of any victim; `None` where they have no clocks of their own.
fn sights(lab: &Lab, victims: &[usize]) -> Option<BTreeMap<usize, Sight>> {
    let all = victims.iter().all(|place| lab.hosts[*place].has_own_clock());
    all.then(|| victims.iter().map(|place| (*place, Sight::default())).collect())
}

fn no_clock() -> Outcome {
    Outcome::Skipped("faketime is not installed".into())
}

fn show(lab: &Lab, sights: &BTreeMap<usize, Sight>, time: &str) -> Result<(), Failure> {
    sights.keys().try_for_each(|place| lab.hosts[*place].set_clock(time))
}

/// Sees what became of a time that was shown.
async fn look(lab: &Lab, sights: &mut BTreeMap<usize, Sight>, time: &'static str) {
    for (place, sight) in sights {
        let host = &lab.hosts[*place];
        if !sight.wrong {
            sight.wrong = host.clock_is_wrong().await;
        }
        if host.clock_was_read() {
            sight.read.push(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(wrong: bool, read: &[&'static str]) -> Sight {
        Sight { wrong, read: read.to_vec() }
    }

    #[test]
    fn a_clock_that_stays_where_it_jumped_to_does_not_strobe() {
        let [forth, back] = STROBES;
        for standing in [&[forth, forth, forth][..], &[forth, back], &[forth], &[]] {
            assert!(!sight(true, standing).strobed(), "{standing:?}");
        }
        for to_and_fro in [&[forth, back, forth][..], &[back, forth, forth, back]] {
            assert!(sight(true, to_and_fro).strobed(), "{to_and_fro:?}");
            assert!(!sight(false, to_and_fro).strobed(), "{to_and_fro:?}");
        }
    }

    #[test]
    fn each_of_the_jumps_is_made() {
        assert!(sight(true, &JUMPS).jumped());
        assert!(!sight(false, &JUMPS).jumped());
        assert!(!sight(true, &JUMPS[1..]).jumped());
    }
}
