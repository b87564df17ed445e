//! The classes of faults there are: how, whom, and with what else at the same time.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::damage::{self, Damage};
use super::disk::Flush;
use super::membership::Change;
use super::network::Break;

/// The longest pause that is shorter than the lease of an Active (1 s).
const SHORT_MS: std::ops::Range<u64> = 200..700;
/// A pause that is longer than the lease, and than an election.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long faults last, and how many of a hundred so: most about as long as an election, so that a run sees many; some so
/// long that connections are given up, checkpoints are made without the victim, and clients run out of patience.
const LASTS_MS: [(u32, std::ops::Range<u64>); 3] =
    [(80, 1_000..3_000), (14, 3_000..8_000), (6, 8_000..20_000)];
/// No fault lasts longer.
pub(super) const LONGEST: Duration = Duration::from_secs(20);
/// What a kill takes until the process is back, for the plan only.
const KILL: Duration = Duration::from_millis(1_500);
/// What ending and starting all Managers one after the other takes, for the plan only.
const ROLLING: Duration = Duration::from_secs(12);
/// What an operation with three failovers takes, for the plan only.
const STEPS: Duration = Duration::from_secs(10);
/// What two of them take, an addition and a removal, for the plan only.
const MEMBER_STEPS: Duration = Duration::from_secs(20);
/// No storm makes checkpoints one after the other in less; not longer than a fault may last in a short run.
const STORM: Duration = Duration::from_secs(4);

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    One,
    Active,
    Majority,
    All,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Active => "active",
            Self::Majority => "majority",
            Self::All => "all",
        }
    }
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// kill -9; it is started again.
    Kill,
    /// SIGSTOP for less than the lease.
    ShortPause,
    /// SIGSTOP for longer than the lease.
    LongPause,
    /// The network between the Managers is broken.
    Network(Break),
    /// The power of hosts is cut.
    PowerCut,
    /// Disks are full.
    FullDisk,
    /// File systems take no more changes.
    ReadOnly,
    /// Flushes go wrong.
    Flushes(Flush),
    /// What a stopped Manager's disk holds is not what it held.
    Disk(Damage),
    /// Wall clocks jump.
    Clock,
    /// Wall clocks jump forth and back all the time.
    Strobe,
    /// Processes hardly get a processor.
    Processor,
    /// The memory of processes runs out, and the kernel ends them.
    Memory,
    /// The agents of hosts are killed; they are started again.
    Agents,
    /// Certificates are renewed again and again.
    Certificates,
    /// The office is handed over again and again.
    Transfers,
    /// All are ended in good order, one after the other.
    Rolling,
    /// The Active is killed at the boundaries of the steps of an operation.
    Steps,
    /// Who belongs to the group changes.
    Membership(Change),
    /// A Manager comes and goes, and the Active is killed at the boundaries of the steps of both.
    MemberSteps,
    /// So many changes are made that one checkpoint comes after the other.
    Storm,
}

/// What two faults may not break at the same time, because one would mend the other.
mod apart {
    pub(super) const FILTER: u16 = 1;
    pub(super) const LINK: u16 = 2;
    pub(super) const PROCESS: u16 = 4;
    pub(super) const HOST: u16 = 8;
    pub(super) const CLOCK: u16 = 16;
    pub(super) const OFFICE: u16 = 32;
    pub(super) const MEMBERS: u16 = 64;
    pub(super) const AGENT: u16 = 128;
    pub(super) const PROCESSOR: u16 = 256;
    pub(super) const CERTIFICATE: u16 = 512;
    /// Breaks nothing; two at a time would be one.
    pub(super) const STORM: u16 = 1024;
    /// What a host that joins anew cannot do without: a disk that takes what is written.
    pub(super) const WRITING: u16 = 2048;
    /// Alone: with a disk that lies no more than a majority of disks is left.
    pub(super) const ALONE: u16 = u16::MAX;
}

impl Means {
    /// Its name, the same whomever it hits.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::ShortPause => "pause-short",
            Self::LongPause => "pause-long",
            Self::Network(Break::Split) => "split",
            Self::Network(Break::Shatter) => "shatter",
            Self::Network(Break::Bridge) => "bridge",
            Self::Network(Break::Ring) => "ring",
            Self::Network(Break::Deaf) => "deaf",
            Self::Network(Break::NoCalls) => "no-calls",
            Self::Network(Break::Flap) => "flap",
            Self::Network(Break::Cable) => "cable",
            Self::Network(Break::Loss) => "loss",
            Self::Network(Break::Slow) => "slow-link",
            Self::Network(Break::Late) => "late",
            Self::Network(Break::Disorder) => "disorder",
            Self::Network(Break::Twice) => "twice",
            Self::Network(Break::Checkpoint) => "checkpoint-cut",
            Self::PowerCut => "power-cut",
            Self::FullDisk => "disk-full",
            Self::ReadOnly => "read-only",
            Self::Flushes(Flush::Slow) => "flush-slow",
            Self::Flushes(Flush::Fails) => "flush-fails",
            Self::Flushes(Flush::Lies) => "flush-lies",
            Self::Disk(damage) => damage::name(damage),
            Self::Clock => "clock",
            Self::Strobe => "clock-strobe",
            Self::Processor => "cpu",
            Self::Memory => "memory",
            Self::Agents => "agents",
            Self::Certificates => "certificates",
            Self::Transfers => "transfers",
            Self::Rolling => "rolling",
            Self::Steps => "steps",
            Self::Membership(Change::Manager) => "member",
            Self::Membership(Change::Witness) => "witness",
            Self::Membership(Change::Replace) => "replace",
            Self::MemberSteps => "member-steps",
            Self::Storm => "checkpoint-storm",
        }
    }

    /// Whether it moves the wall clock of a host, by which its Manager writes a log.
    pub fn moves_clocks(self) -> bool {
        matches!(self, Self::Clock | Self::Strobe)
    }

    fn breaks(self) -> u16 {
        match self {
            Self::Kill | Self::ShortPause | Self::LongPause | Self::Rolling | Self::Memory => {
                apart::PROCESS
            }
            Self::Network(
                Break::Slow | Break::Late | Break::Disorder | Break::Twice | Break::Loss,
            ) => apart::LINK,
            // Power that comes back puts the cable in.
            Self::Network(Break::Cable) => apart::FILTER | apart::HOST,
            Self::Network(_) => apart::FILTER,
            Self::PowerCut => apart::HOST,
            Self::FullDisk | Self::ReadOnly => apart::HOST | apart::WRITING,
            Self::Flushes(Flush::Lies) | Self::Disk(Damage::OldCopy) => apart::ALONE,
            Self::Flushes(_) => apart::HOST | apart::PROCESS,
            Self::Disk(_) => apart::HOST | apart::MEMBERS,
            // Whose host is dark joins when its power is back; who is left waits for a majority, and nobody lost anything.
            Self::Membership(Change::Replace) => apart::MEMBERS | apart::WRITING,
            Self::Clock | Self::Strobe => apart::CLOCK,
            Self::Processor => apart::PROCESSOR,
            Self::Agents => apart::AGENT,
            Self::Certificates => apart::CERTIFICATE,
            Self::Transfers => apart::OFFICE,
            Self::Steps => apart::OFFICE | apart::PROCESS,
            Self::Membership(_) => apart::MEMBERS,
            Self::MemberSteps => apart::MEMBERS | apart::OFFICE | apart::PROCESS,
            Self::Storm => apart::STORM,
        }
    }

    /// Whether its victim may never come back as who it was.
    pub(super) fn may_lose_one(self) -> bool {
        matches!(
            self,
            Self::Disk(_) | Self::Membership(_) | Self::MemberSteps | Self::Flushes(Flush::Lies)
        )
    }

    /// Whether it befalls each of its victims, and so is less where one of them has no process; else it befalls the group as a
    /// whole, or what is between its hosts.
    pub(super) fn is_of_each(self) -> bool {
        use Break::{Bridge, Loss, Ring, Shatter};
        !matches!(
            self,
            Self::Network(Shatter | Bridge | Ring | Loss)
                | Self::Agents
                | Self::Transfers
                | Self::Rolling
                | Self::Steps
                | Self::MemberSteps
                | Self::Storm
        )
    }

    /// Whether nothing else may be broken, and nobody be missing, at the same time.
    pub(super) fn is_alone(self) -> bool {
        self.breaks() == apart::ALONE
    }

    /// Whether both can be at the same time.
    pub fn goes_with(self, other: Self) -> bool {
        self.breaks() & other.breaks() == 0
    }
}

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub means: Means,
    pub target: Target,
}

/// Every class there is.
const CLASSES: &[(Means, &[Target])] = &{
    use Target::{Active, All, Majority, One};
    [
        (Means::Kill, &[One, Active, Majority, All] as &[Target]),
        (Means::ShortPause, &[Active]),
        (Means::LongPause, &[One, Active, Majority, All]),
        (Means::Network(Break::Split), &[One, Active, Majority]),
        (Means::Network(Break::Shatter), &[All]),
        (Means::Network(Break::Bridge), &[All]),
        (Means::Network(Break::Ring), &[All]),
        (Means::Network(Break::Deaf), &[One, Active]),
        (Means::Network(Break::NoCalls), &[One, Active]),
        (Means::Network(Break::Flap), &[Active]),
        (Means::Network(Break::Cable), &[One, Active]),
        (Means::Network(Break::Loss), &[All]),
        (Means::Network(Break::Slow), &[Active, All]),
        (Means::Network(Break::Late), &[One, Active]),
        (Means::Network(Break::Disorder), &[One, Active]),
        (Means::Network(Break::Twice), &[One, Active]),
        (Means::Network(Break::Checkpoint), &[One]),
        (Means::PowerCut, &[One, Active, Majority, All]),
        (Means::FullDisk, &[One, Active, All]),
        (Means::ReadOnly, &[One, Active]),
        (Means::Flushes(Flush::Slow), &[One, Active]),
        (Means::Flushes(Flush::Fails), &[One, Active]),
        (Means::Flushes(Flush::Lies), &[One]),
        (Means::Disk(Damage::BitFlip), &[One]),
        (Means::Disk(Damage::Truncation), &[One]),
        (Means::Disk(Damage::OldCopy), &[One]),
        (Means::Disk(Damage::Wiped), &[One]),
        (Means::Clock, &[One, Active, All]),
        (Means::Strobe, &[One, All]),
        (Means::Processor, &[One, Active, All]),
        (Means::Memory, &[One, Active]),
        (Means::Agents, &[All]),
        (Means::Certificates, &[One, Active, All]),
        (Means::Transfers, &[All]),
        (Means::Rolling, &[All]),
        (Means::Steps, &[Active]),
        (Means::Membership(Change::Manager), &[One]),
        (Means::Membership(Change::Witness), &[One]),
        (Means::Membership(Change::Replace), &[One, Active]),
        // Whoever is Active by then: it may be anybody.
        (Means::MemberSteps, &[All]),
        (Means::Storm, &[All]),
    ]
};

impl Fault {
    /// Every class there is.
    pub fn all() -> Vec<Self> {
        let each = |(means, targets): &(Means, &'static [Target])| {
            let means = *means;
            targets.iter().map(move |target| Self { means, target: *target })
        };
        CLASSES.iter().flat_map(each).collect()
    }

    /// The classes whose names begin with one of these; all of them when there are none.
    pub fn chosen(beginnings: &[String]) -> Vec<Self> {
        let chosen = |fault: &Self| {
            beginnings.is_empty() || beginnings.iter().any(|name| fault.name().starts_with(name))
        };
        Self::all().into_iter().filter(chosen).collect()
    }

    /// Its name in histories and results.
    pub fn name(self) -> String {
        format!("{}-{}", self.means.name(), self.target.name())
    }

    /// For how long it is planned, at most for so long.
    pub(super) fn lasts(self, random: &mut StdRng, longest: Duration) -> Duration {
        match self.means {
            Means::Kill | Means::Memory | Means::Agents => KILL,
            Means::Rolling => ROLLING,
            Means::Steps => STEPS,
            Means::MemberSteps => MEMBER_STEPS,
            Means::Storm => some_time(random).clamp(STORM, longest),
            Means::ShortPause => Duration::from_millis(random.random_range(SHORT_MS)),
            Means::LongPause => some_time(random).clamp(LONG_PAUSE, longest),
            _ => some_time(random).min(longest),
        }
    }
}

/// As long as a fault that is carried on lasts.
fn some_time(random: &mut StdRng) -> Duration {
    let mut dice = random.random_range(0..LASTS_MS.iter().map(|(percent, _)| percent).sum::<u32>());
    for (percent, lasts_ms) in LASTS_MS {
        if dice < percent {
            return Duration::from_millis(random.random_range(lasts_ms));
        }
        dice -= percent;
    }
    LONGEST
}
