//! What goes wrong: which members, how, and for how long. Up to two things at a time.

use std::collections::{BTreeMap, BTreeSet};

use kyvos_manager::capabilities::managers::model::Role;

use crate::dice::Dice;

/// Something that is wrong until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Processes are killed, or hosts lose their power; in the end they start again.
    Down { members: Vec<usize>, with_power: bool },
    /// Processes stand still.
    Paused { members: Vec<usize> },
    /// Machines are suspended: processes stand still, and so do their monotonic clocks.
    Asleep { members: Vec<usize> },
    /// One direction each is cut, between members.
    Cut { kind: &'static str, pairs: BTreeSet<(usize, usize)> },
    /// Links lose and delay.
    Poor { loss_per_mille: u64, jitter_us: u64 },
    /// Flushes take long.
    SlowDisk { members: Vec<usize>, us: u64 },
    /// The next flush fails, and the process ends of it.
    DiskFails { member: usize },
    /// Wall clocks are off.
    WallClock { members: Vec<usize>, off_ms: i64 },
    /// The Active is told to hand over; over at once.
    HandOver { to: usize },
    /// A Passive loses its vote and gets it back, by whoever leads.
    Demotion { member: usize },
    /// A process is stopped in good order and started again.
    Restart { member: usize },
    /// Somebody is let in on the spare host, and has to leave in the end.
    Visit { role: Role },
    /// Another lease is wanted; over at once.
    Timers { lease_ms: u64 },
}

impl Fault {
    /// Its name in figures.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Down { members, with_power: false } if members.len() == 1 => "kill-one",
            Self::Down { with_power: false, .. } => "kill-several",
            Self::Down { members, with_power: true } if members.len() == 1 => "power-one",
            Self::Down { with_power: true, .. } => "power-several",
            Self::Paused { .. } => "pause",
            Self::Asleep { .. } => "machine-sleep",
            Self::Cut { kind, .. } => kind,
            Self::Poor { .. } => "poor-links",
            Self::SlowDisk { .. } => "slow-disk",
            Self::DiskFails { .. } => "disk-fails",
            Self::WallClock { .. } => "wall-clock",
            Self::HandOver { .. } => "hand-over",
            Self::Demotion { .. } => "demotion",
            Self::Restart { .. } => "restart",
            Self::Visit { role: Role::Manager } => "visit",
            Self::Visit { role: Role::Witness } => "visit-of-witness",
            Self::Timers { .. } => "timers",
        }
    }
}

/// Who may be chosen from.
pub struct Sight {
    pub members: usize,
    pub leader: Option<usize>,
    /// Members something is wrong with already.
    pub troubled: BTreeSet<usize>,
    /// Whether the spare host is free.
    pub nobody_visits: bool,
}

/// Draws faults.
pub struct Nemesis {
    dice: Dice,
    /// Which pauses are those of a machine. Of their own, so that what else is drawn stays as it was.
    sleeps: Dice,
    quiet_ms: u64,
    pub next_at: u64,
    /// What is wrong, and until when.
    pub active: Vec<(u64, Fault)>,
    pub counts: BTreeMap<&'static str, u64>,
}

/// Most things wrong at a time.
const AT_ONCE: usize = 2;

impl Nemesis {
    pub fn new(seed: u64, quiet_ms: u64) -> Self {
        let dice = Dice::of(seed, "nemesis");
        let sleeps = dice.part("sleeps");
        Self { dice, sleeps, quiet_ms, next_at: 0, active: Vec::new(), counts: BTreeMap::new() }
    }

    /// What goes wrong now, if anything does, and until when.
    pub fn draw(&mut self, now: u64, sight: &Sight) -> Option<(u64, Fault)> {
        if now < self.next_at || self.active.len() >= AT_ONCE {
            return None;
        }
        let quiet_ms = self.dice.within(0..self.quiet_ms);
        let lasts_ms = *self.dice.one_of(&[300, 700, 1_200, 2_500, 4_000]);
        let lasts_ms = self.dice.within(lasts_ms / 2..lasts_ms);
        let fault = self.choose(sight);
        self.next_at = now + (quiet_ms + lasts_ms / 2) * 1000;
        let fault = fault?;
        *self.counts.entry(fault.name()).or_default() += 1;
        Some((now + lasts_ms * 1000, fault))
    }

    fn choose(&mut self, sight: &Sight) -> Option<Fault> {
        let all: Vec<usize> = (0..sight.members).collect();
        let free: Vec<usize> =
            all.iter().copied().filter(|member| !sight.troubled.contains(member)).collect();
        let one = self.victim(sight, &free);
        let drawn = self.dice.within(0..115);
        Some(match drawn {
            0..14 => Fault::Down { members: vec![one?], with_power: false },
            14..24 => Fault::Down { members: vec![one?], with_power: true },
            24..28 => {
                Fault::Down { members: self.several(&free)?, with_power: self.dice.chance(500) }
            }
            28..32 => Fault::Down { members: free, with_power: true },
            32..44 => self.pause(vec![one?]),
            44..47 => {
                let members = self.several(&free)?;
                self.pause(members)
            }
            47..66 => self.cut(sight),
            66..72 => Fault::Poor {
                loss_per_mille: self.dice.within(10..200),
                jitter_us: self.dice.within(5_000..80_000),
            },
            72..79 => {
                Fault::SlowDisk { members: vec![one?], us: self.dice.within(50_000..600_000) }
            }
            79..84 => {
                let off_ms = *self.dice.one_of(&[-7_200_000, -60_000, 60_000, 3_600_000]);
                Fault::WallClock { members: vec![one?], off_ms }
            }
            84..91 => Fault::HandOver { to: *self.dice.one_of(&all) },
            91..95 => Fault::Demotion { member: *self.dice.one_of(&all) },
            95..100 => Fault::Restart { member: one? },
            100..105 => Fault::DiskFails { member: one? },
            105..108 => {
                Fault::Timers { lease_ms: *self.dice.one_of(&[600, 800, 1_000, 1_500, 2_000]) }
            }
            _ => {
                let witness = self.dice.chance(300);
                let role = if witness { Role::Witness } else { Role::Manager };
                sight.nobody_visits.then_some(Fault::Visit { role })?
            }
        })
    }

    /// One pause in three is a suspended machine.
    fn pause(&mut self, members: Vec<usize>) -> Fault {
        match self.sleeps.chance(333) {
            true => Fault::Asleep { members },
            false => Fault::Paused { members },
        }
    }

    /// Whoever leads, as often as anybody else together.
    fn victim(&mut self, sight: &Sight, free: &[usize]) -> Option<usize> {
        let leader = sight.leader.filter(|leader| free.contains(leader));
        match leader {
            Some(leader) if self.dice.chance(500) => Some(leader),
            _ if free.is_empty() => None,
            _ => Some(*self.dice.one_of(free)),
        }
    }

    fn several(&mut self, free: &[usize]) -> Option<Vec<usize>> {
        let count = free.len() / 2 + 1;
        (count > 1).then(|| self.dice.shuffled(free)[..count].to_vec())
    }

    fn cut(&mut self, sight: &Sight) -> Fault {
        let all: Vec<usize> = (0..sight.members).collect();
        let victim = self.victim(sight, &all).unwrap_or(0);
        let others = all.iter().copied().filter(|other| *other != victim);
        let mut pairs = BTreeSet::new();
        let kind = match self.dice.within(0..6) {
            0 | 1 => {
                pairs.extend(others.flat_map(|other| [(victim, other), (other, victim)]));
                "isolate"
            }
            2 => {
                pairs.extend(others.map(|other| (other, victim)));
                "deaf"
            }
            3 => {
                pairs.extend(others.map(|other| (victim, other)));
                "mute"
            }
            4 => {
                let shuffled = self.dice.shuffled(&all);
                let (one, other) = shuffled.split_at(all.len() / 2);
                for a in one {
                    pairs.extend(other.iter().flat_map(|b| [(*a, *b), (*b, *a)]));
                }
                "halves"
            }
            _ => {
                // Two who do not hear each other, and others who hear both.
                let shuffled = self.dice.shuffled(&all);
                pairs.extend([(shuffled[0], shuffled[1]), (shuffled[1], shuffled[0])]);
                "bridge"
            }
        };
        Fault::Cut { kind, pairs }
    }

    /// What ends now.
    pub fn ended(&mut self, now: u64) -> Vec<Fault> {
        self.active.extract_if(.., |(until, _)| *until <= now).map(|(_, fault)| fault).collect()
    }

    /// Everything ends.
    pub fn end_all(&mut self) -> Vec<Fault> {
        self.active.drain(..).map(|(_, fault)| fault).collect()
    }

    /// Members a fault of these kinds is about.
    pub fn troubled(&self) -> BTreeSet<usize> {
        let of = |fault: &Fault| match fault {
            Fault::Down { members, .. }
            | Fault::Paused { members }
            | Fault::Asleep { members }
            | Fault::SlowDisk { members, .. }
            | Fault::WallClock { members, .. } => members.clone(),
            Fault::Restart { member } | Fault::DiskFails { member } => vec![*member],
            _ => Vec::new(),
        };
        self.active.iter().flat_map(|(_, fault)| of(fault)).collect()
    }

    /// Every cut in force.
    pub fn cuts(&self) -> BTreeSet<(usize, usize)> {
        let of = |fault: &Fault| match fault {
            Fault::Cut { pairs, .. } => pairs.clone(),
            _ => BTreeSet::new(),
        };
        self.active.iter().flat_map(|(_, fault)| of(fault)).collect()
    }
}
