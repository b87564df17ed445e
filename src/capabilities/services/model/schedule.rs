//! When services go to sleep and wake by themselves: schedules, and when one is due.
//!
//! Times of a day are told with their distance from UTC, which stays the same all year: nobody has to know where a Manager
//! runs, and no day is without its hour.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ServiceId, ServiceType, Want, Why};
use crate::base::text::one_line;
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::State;

/// Most schedules.
pub const SCHEDULES_MAX: usize = 50;
/// Longest name of a schedule, in bytes.
pub const SCHEDULE_NAME_MAX_BYTES: usize = 64;
/// How late a schedule may still be carried out: what nobody could do at night is not done in the morning.
pub const LATE_MAX_MS: u64 = 30 * 60_000;
const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// The zones of this world are 12 hours behind UTC to 14 ahead of it.
const OFFSETS: std::ops::RangeInclusive<i16> = -12 * 60..=14 * 60;

/// A schedule, and what came of it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What somebody set.
    pub setting: Timetable,
    /// Since when; what would have been due before is none of its business.
    pub since: Timestamp,
    /// When it was last due.
    pub last: Option<Due>,
    /// Revision of the last change somebody made; the ETag.
    pub revision: Revision,
}

/// What is done when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timetable {
    /// Its name, for people.
    pub name: String,
    /// Whether services wake or go to sleep.
    pub want: Want,
    /// Which; `None`: those of all types.
    pub kind: Option<ServiceType>,
    /// At which second of the day.
    pub second: u32,
    /// How many minutes its clock is ahead of UTC.
    pub offset: i16,
    /// On which days by that clock.
    pub days: BTreeSet<Weekday>,
    /// Whether anything is done.
    pub enabled: bool,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// A time at which a schedule was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// When that was.
    pub at: Timestamp,
    /// The revision that noted it; the name of what is done then.
    pub asked: Revision,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a time at which a schedule was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Its operation is to be begun.
    Waiting,
    /// Its operation was begun.
    Begun(Revision),
    /// There was nothing to do: everything was as it wants it, or is not its business.
    Needless,
    /// The schedule was changed before anything was begun.
    Overtaken,
    /// Nothing was done: it was too late when it was noticed, or could be begun.
    Missed,
}

impl Weekday {
    /// Every day, in order.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// The day of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|day| day.as_str() == name)
    }

    /// Of a day counted from 1970-01-01, which was a Thursday.
    fn of(day: i64) -> Self {
        let place = usize::try_from((day + 3).rem_euclid(7)).expect("it is 0 to 6");
        Self::ALL[place]
    }
}

impl Timetable {
    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<(), Refusal> {
        one_line("The name of a schedule", &self.name, SCHEDULE_NAME_MAX_BYTES)?;
        let refused = |detail: &str| Err(Refusal::new(Code::InvalidValue, detail));
        if self.name.trim().is_empty() {
            return refused("A schedule has a name.");
        }
        if i64::from(self.second) * SECOND_MS >= DAY_MS {
            return refused("A time of the day is 00:00:00 to 23:59:59.");
        }
        if !OFFSETS.contains(&self.offset) {
            return refused("A clock is 12 hours behind UTC to 14 hours ahead of it.");
        }
        if self.days.is_empty() {
            return refused("A schedule has one day of the week or more.");
        }
        if self.kind == Some(ServiceType::KyvosManager) {
            return refused("Kyvos Managers have no schedule: they stay up.");
        }
        Ok(())
    }

    /// Its time of the day in letters, with seconds where it has some.
    pub fn clock(&self) -> String {
        let (hours, minutes, seconds) =
            (self.second / 3_600, self.second / 60 % 60, self.second % 60);
        match seconds {
            0 => format!("{hours:02}:{minutes:02}"),
            _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }

    /// The last time at or before a moment.
    pub fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.day(now);
        let back = (0..=7).map(|days| today - days);
        back.filter_map(|day| self.on(day)).find(|at| *at <= now)
    }

    /// The first time after a moment.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.day(now);
        let ahead = (0..=7).map(|days| today + days);
        ahead.filter_map(|day| self.on(day)).find(|at| *at > now)
    }

    /// The day by its own clock.
    fn day(&self, now: Timestamp) -> i64 {
        let here =
            i64::try_from(now.0).unwrap_or(i64::MAX / 2) + i64::from(self.offset) * MINUTE_MS;
        here.div_euclid(DAY_MS)
    }

    /// When on a day; `None`: not on that day.
    fn on(&self, day: i64) -> Option<Timestamp> {
        let of_day = i64::from(self.second) * SECOND_MS - i64::from(self.offset) * MINUTE_MS;
        let at = day.checked_mul(DAY_MS)?.checked_add(of_day)?;
        self.days.contains(&Weekday::of(day)).then_some(Timestamp(u64::try_from(at).ok()?))
    }
}

impl Schedule {
    /// The time that is due now and that nobody has noted. Of several that were missed the last one counts: whoever
    /// should have slept and woken since is awake.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let before = self.last.as_ref().map_or(self.since, |last| last.at.max(self.since));
        self.setting.latest(now).filter(|at| self.setting.enabled && *at > before)
    }

    /// When it is due next; `None`: it is switched off.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.setting.next(now).filter(|_| self.setting.enabled)
    }

    /// With which services something is done: a sleep stops what is to run, and a wake starts that and what sleeps by a
    /// schedule. What somebody stopped for another reason stays as it is, and what is under maintenance too.
    pub fn services(&self, state: &State, now: Timestamp) -> Vec<ServiceId> {
        let windows = state.services.ha.windows.values();
        let open: Vec<_> = windows.filter(|window| window.is_open(now)).collect();
        let sleeps = |service: &ServiceId| {
            let wanted = state.services.wanted.get(service);
            wanted.is_some_and(|wanted| wanted.why == Why::Schedule)
        };
        let meant = |service: &ServiceId| {
            let of_kind = self.setting.kind.is_none_or(|kind| kind == service.service);
            let wakes = self.setting.want == Want::Running && sleeps(service);
            let maintained = open.iter().any(|window| window.scope.holds(*service));
            of_kind && !maintained && (service.is_wanted(state) || wakes)
        };
        ServiceId::all(state).filter(meant).collect()
    }

    /// What comes of a time that waits: its operation was begun, or there is nothing to do or it is too late for one;
    /// `None`: it is to be begun.
    pub fn outcome(&self, state: &State, due: &Due, now: Timestamp) -> Option<Outcome> {
        match state.operations.scheduled(due.asked) {
            Some(operation) => Some(Outcome::Begun(operation)),
            None if now.since_ms(due.at) > LATE_MAX_MS => Some(Outcome::Missed),
            None => self.services(state, now).is_empty().then_some(Outcome::Needless),
        }
    }

    /// The time that waits for its operation.
    pub fn waiting(&self) -> Option<&Due> {
        self.last.as_ref().filter(|due| due.outcome == Outcome::Waiting)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-28, a Saturday, at 00:00 UTC.
    const SATURDAY: u64 = 1_795_824_000_000;
    const HOUR: u64 = 3_600_000;

    fn timetable(minute: u32, offset: i16, days: &[Weekday]) -> Timetable {
        Timetable {
            name: "night".into(),
            want: Want::Stopped,
            kind: None,
            second: minute * 60,
            offset,
            days: days.iter().copied().collect(),
            enabled: true,
        }
    }

    fn schedule(setting: Timetable, since: u64) -> Schedule {
        Schedule { setting, since: Timestamp(since), last: None, revision: Revision(4) }
    }

    #[test]
    fn days_are_those_of_its_own_clock() {
        assert_eq!(Timestamp(SATURDAY).to_string(), "2026-11-28T00:00:00.000Z");
        let utc = timetable(22 * 60, 0, &[Weekday::Saturday]);
        assert_eq!(utc.next(Timestamp(SATURDAY)), Some(Timestamp(SATURDAY + 22 * HOUR)));
        assert_eq!(utc.latest(Timestamp(SATURDAY)), Some(Timestamp(SATURDAY - 146 * HOUR)));
        // At 00:30 on Saturday by a clock five and a half hours ahead it is Friday in Greenwich.
        let ahead = timetable(30, 330, &[Weekday::Saturday]);
        assert_eq!(ahead.latest(Timestamp(SATURDAY)), Some(Timestamp(SATURDAY - 5 * HOUR)));
        let behind = timetable(23 * 60, -480, &[Weekday::Friday]);
        assert_eq!(behind.next(Timestamp(SATURDAY)), Some(Timestamp(SATURDAY + 7 * HOUR)));
    }

    #[test]
    fn each_time_is_due_once_and_never_one_from_before_it_was_set() {
        let mut night = schedule(timetable(22 * 60, 0, &Weekday::ALL), SATURDAY);
        let at = SATURDAY + 22 * HOUR;
        assert_eq!(night.due(Timestamp(at - 1)), None);
        assert_eq!(night.due(Timestamp(at)), Some(Timestamp(at)));
        assert_eq!(night.due(Timestamp(at + 40 * HOUR)), Some(Timestamp(at + 24 * HOUR)));
        night.last = Some(Due { at: Timestamp(at), asked: Revision(9), outcome: Outcome::Missed });
        assert_eq!(night.due(Timestamp(at + HOUR)), None);
        assert_eq!(night.next(Timestamp(at)), Some(Timestamp(at + 24 * HOUR)));
        night.setting.enabled = false;
        assert_eq!((night.due(Timestamp(at + 24 * HOUR)), night.next(Timestamp(at))), (None, None));
    }

    #[test]
    fn a_week_goes_on_over_the_end_of_a_month_and_of_a_year() {
        let days = [Weekday::Monday, Weekday::Thursday];
        let night = timetable(23 * 60 + 59, 0, &days);
        let mut at = Timestamp(SATURDAY);
        let mut told = Vec::new();
        for _ in 0..11 {
            at = night.next(at).unwrap();
            told.push(at.to_string()[..16].to_owned());
        }
        assert_eq!(told[0], "2026-11-30T23:59");
        assert_eq!(told[1], "2026-12-03T23:59");
        assert_eq!(told[9..], ["2026-12-31T23:59", "2027-01-04T23:59"]);
        // A clock ahead of UTC is in the next month already.
        let ahead = timetable(0, 14 * 60, &[Weekday::Tuesday]);
        let at = ahead.next(Timestamp(SATURDAY)).unwrap();
        assert_eq!(at.to_string(), "2026-11-30T10:00:00.000Z");
    }

    #[test]
    fn a_clock_that_is_put_back_has_nothing_done_twice() {
        let mut night = schedule(timetable(22 * 60, 0, &Weekday::ALL), SATURDAY);
        let at = SATURDAY + 22 * HOUR;
        let due = |at: u64| {
            Some(Due { at: Timestamp(at), asked: Revision(9), outcome: Outcome::Waiting })
        };
        night.last = due(at);
        for back in [0, 1, HOUR, 23 * HOUR] {
            assert_eq!(night.due(Timestamp(at + HOUR - back)), None);
        }
        // Also not when it ran days ahead: what it took for done is done.
        night.last = due(at + 48 * HOUR);
        assert_eq!(night.due(Timestamp(at + 49 * HOUR)), None);
        assert_eq!(night.due(Timestamp(at + 24 * HOUR)), None);
        assert_eq!(night.due(Timestamp(at + 72 * HOUR)), Some(Timestamp(at + 72 * HOUR)));
    }

    #[test]
    fn an_edit_moves_what_is_to_come_and_makes_up_for_nothing() {
        let mut night = schedule(timetable(22 * 60, 0, &Weekday::ALL), SATURDAY);
        night.setting.second = 20 * 3_600;
        night.since = Timestamp(SATURDAY + 21 * HOUR);
        assert_eq!(night.due(Timestamp(SATURDAY + 23 * HOUR)), None);
        assert_eq!(
            night.due(Timestamp(SATURDAY + 44 * HOUR)),
            Some(Timestamp(SATURDAY + 44 * HOUR))
        );
        // Set at the very moment: that one was before.
        night.since = Timestamp(SATURDAY + 44 * HOUR);
        assert_eq!(night.due(Timestamp(SATURDAY + 44 * HOUR)), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let fine = timetable(0, 0, &[Weekday::Monday]);
        assert!(fine.check().is_ok());
        for wrong in [
            timetable(1_440, 0, &[Weekday::Monday]),
            timetable(0, 841, &[Weekday::Monday]),
            timetable(0, -721, &[Weekday::Monday]),
            timetable(0, 0, &[]),
            Timetable { name: "x".repeat(65), ..fine.clone() },
            Timetable { name: " ".into(), ..fine.clone() },
            Timetable { kind: Some(ServiceType::KyvosManager), ..fine.clone() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn between_the_last_time_and_the_next_is_none(
            now in 0..4_000_000_000_000_u64,
            minute in 0..1_440_u32,
            offset in OFFSETS,
            days in proptest::collection::btree_set(0..7_usize, 1..7),
        ) {
            let days: Vec<_> = days.into_iter().map(|day| Weekday::ALL[day]).collect();
            let timetable = timetable(minute, offset, &days);
            let next = timetable.next(Timestamp(now)).expect("there is always another");
            prop_assert!(next.0 > now && next.0 - now <= 7 * 24 * HOUR);
            prop_assert_eq!(timetable.latest(next), Some(next));
            if let Some(latest) = timetable.latest(Timestamp(now)) {
                prop_assert!(latest.0 <= now);
                prop_assert_eq!(timetable.next(latest), Some(next));
            }
        }
    }
}
