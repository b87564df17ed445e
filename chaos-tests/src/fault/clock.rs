//! A wall clock that jumps, forth and back. Leases are kept by the monotonic clock, which goes on as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::Outcome;
use super::network::bitten;
use crate::Failure;
use crate::lab::Lab;

/// Where the clock jumps to, in turn.
const JUMPS: [&str; 4] = ["+60", "-60", "+3600", "-7200"];
const COUNT: u32 = JUMPS.len() as u32;
/// A host looks at its fake clock once a second, and tells the time it knew a second ago.
const EACH_MIN: Duration = Duration::from_millis(2_200);
const TRUE_TIME: &str = "+0";

/// How long a strobing clock shows a time: a host looks at its fake clock once a second.
const STROBE: Duration = Duration::from_millis(1_100);
/// Between these it strobes.
const STROBES: [&str; 2] = ["+7200", "-7200"];

/// Has the victims' clocks jump forth and back between two times for so long.
pub(super) async fn strobe(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let times = (lasts.as_millis() / STROBE.as_millis()).max(2) * 2;
    let (mut wrong, times) = (Wrong::new(), usize::try_from(times).expect("it is short"));
    if !victims.iter().all(|place| lab.hosts[*place].has_own_clock()) {
        return Ok(Outcome::Skipped("faketime is not installed".into()));
    }
    for offset in STROBES.iter().cycle().take(times) {
        victims.iter().try_for_each(|place| lab.hosts[*place].set_clock(offset))?;
        sleep(STROBE).await;
        look(lab, victims, &mut wrong).await;
    }
    victims.iter().try_for_each(|place| lab.hosts[*place].set_clock(TRUE_TIME))?;
    Ok(bitten(all(victims, &wrong, 2), "not every victim was seen to show other times"))
}

/// Has the victims' clocks jump about for so long, then shows the true time again.
pub(super) async fn strike(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    if !victims.iter().all(|place| lab.hosts[*place].has_own_clock()) {
        return Ok(Outcome::Skipped("faketime is not installed".into()));
    }
    let each = lasts.max(EACH_MIN * COUNT) / COUNT;
    let mut wrong = Wrong::new();
    for offset in JUMPS {
        victims.iter().try_for_each(|place| lab.hosts[*place].set_clock(offset))?;
        sleep(each).await;
        look(lab, victims, &mut wrong).await;
    }
    victims.iter().try_for_each(|place| lab.hosts[*place].set_clock(TRUE_TIME))?;
    Ok(bitten(all(victims, &wrong, 1), "not every victim was seen to show another time"))
}

/// How often each victim was seen to show a time that is not the true one.
type Wrong = BTreeMap<usize, u32>;

async fn look(lab: &Lab, victims: &[usize], wrong: &mut Wrong) {
    for place in victims {
        *wrong.entry(*place).or_default() += u32::from(lab.hosts[*place].clock_is_wrong().await);
    }
}

/// Whether every victim was seen so often.
fn all(victims: &[usize], wrong: &Wrong, times: u32) -> bool {
    victims.iter().all(|place| wrong.get(place).is_some_and(|seen| *seen >= times))
}
