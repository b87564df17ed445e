//! A wall clock that jumps, forth and back. Leases are kept by the monotonic clock, which goes on as it is.
//!
//! That a jump was made is known once the victim has read it: its library asks for the time shown whenever another second has
//! begun. That it tells a time that is not the true one is seen in the dates of its answers; since these never go back, they prove it
//! for the first of a process's faults, and later only that it answers. What its log says is judged each time: whoever
//! wrote lines after it had read a time wrote such a one into them. A Passive may write nothing for as long; of that one's later
//! faults nothing is proven but that every time was read.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use super::Outcome;
use super::damage::{length, words_after};
use super::network::bitten;
use crate::Failure;
use crate::lab::{Host, Lab};
use crate::sayings::stamp;

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
/// A line whose stamp is less apart from when it was looked for bears the true time: longer than it is between two looks with
/// everybody's patience, and with that still less than a jump.
const STAMP_SLACK: Duration = Duration::from_secs(30);

/// Has the victims' clocks jump forth and back between two times for so long.
pub(super) async fn strobe(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let mut sights = match sights(lab, victims) {
        Ok(sights) => sights,
        Err(why) => return Ok(Outcome::Skipped(why.into())),
    };
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
    let mut sights = match sights(lab, victims) {
        Ok(sights) => sights,
        Err(why) => return Ok(Outcome::Skipped(why.into())),
    };
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
    /// It was seen to answer with a time that is not the true one.
    wrong: bool,
    /// The times shown that it read, in turn.
    read: Vec<&'static str>,
    /// How long its log was when that was last looked at; `None` before it had read any time.
    log: Option<u64>,
    stamps: Stamps,
}

/// What times a victim's log bears from when the victim had read the first that was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stamps {
    /// It says nothing.
    #[default]
    None,
    /// Nothing but the true time.
    True,
    /// Another one too.
    Wrong,
}

impl Stamps {
    /// With what it says besides, looked at in this nanosecond of the Unix epoch.
    fn with(self, words: &str, now_ns: u64) -> Self {
        let slack = STAMP_SLACK.as_nanos();
        let of = |at: u64| match u128::from(at.abs_diff(now_ns)) > slack {
            true => Self::Wrong,
            false => Self::True,
        };
        words.lines().filter_map(stamp).map(of).fold(self, |before, this| match before {
            Self::Wrong => before,
            Self::None | Self::True => this,
        })
    }
}

impl Sight {
    /// Whether it told another time wherever it told one.
    fn told(&self) -> bool {
        self.wrong && self.stamps != Stamps::True
    }

    /// Whether it made every jump.
    fn jumped(&self) -> bool {
        self.told() && JUMPS.iter().all(|jump| self.read.contains(jump))
    }

    /// Whether it went forth, back and forth again.
    fn strobed(&self) -> bool {
        let turns = self.read.windows(2).filter(|two| two[0] != two[1]).count();
        self.told() && turns >= TURNS
    }

    /// Looks at what its log says since it had read a time.
    fn look_at_log(&mut self, host: &Host) {
        let Some(before) = self.log else { return };
        let log = host.log();
        self.log = Some(length(&log));
        let now = UNIX_EPOCH.elapsed().unwrap_or_default();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.stamps = self.stamps.with(&words_after(&log, before), now_ns);
    }
}

/// Nothing was seen yet of any victim; or why nothing could be.
fn sights(lab: &Lab, victims: &[usize]) -> Result<BTreeMap<usize, Sight>, &'static str> {
    let lacks = victims.iter().find_map(|place| lab.hosts[*place].lacks_clock());
    match lacks {
        Some(why) => Err(why),
        None => Ok(victims.iter().map(|place| (*place, Sight::default())).collect()),
    }
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
        sight.look_at_log(host);
        if host.clock_was_read() {
            sight.read.push(time);
            sight.log.get_or_insert_with(|| length(&host.log()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(wrong: bool, read: &[&'static str]) -> Sight {
        Sight { wrong, read: read.to_vec(), ..Sight::default() }
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

    #[test]
    fn whoever_goes_on_writing_the_true_time_has_not_jumped_whatever_was_read_and_answered() {
        let with = |stamps| Sight { stamps, ..sight(true, &JUMPS) }.jumped();
        assert!(with(Stamps::None) && with(Stamps::Wrong) && !with(Stamps::True));
        let [forth, back] = STROBES;
        let strobed = |stamps| Sight { stamps, ..sight(true, &[forth, back, forth]) }.strobed();
        assert!(strobed(Stamps::None) && strobed(Stamps::Wrong) && !strobed(Stamps::True));
    }

    #[test]
    fn the_stamps_of_a_log_tell_what_time_its_manager_has() {
        let now_ns = stamp("2026-11-30T21:15:25.739674Z").unwrap();
        let with = |words: &str| Stamps::default().with(words, now_ns);
        let (true_time, ahead) =
            ("2026-11-30T21:15:03.1Z INFO done\n", "2026-11-30T21:16:03.1Z INFO done\n");
        assert_eq!(with(true_time), Stamps::True);
        assert_eq!(with(ahead), Stamps::Wrong);
        assert_eq!(with(ahead).with(true_time, now_ns), Stamps::Wrong);
        assert_eq!(with(true_time).with(ahead, now_ns), Stamps::Wrong);
        // A line that was cut, and one of a panic.
        assert_eq!(with("5:25.1Z INFO done\nthread 'main' panicked\n"), Stamps::None);
    }
}
