//! What the machine tells: processor time, memory and disk flushes. Knows no system under test.

use std::fs;

use crate::Failure;

/// Ticks of `/proc` in a second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
const SECTOR_BYTES: u64 = 512;

/// What the disks of this machine have done since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disks {
    pub flushes: u64,
    pub written_bytes: u64,
}

impl Disks {
    /// Of all whole disks together.
    pub fn now() -> Result<Self, Failure> {
        let text = fs::read_to_string("/proc/diskstats");
        let text = text.map_err(Failure::doing("/proc/diskstats"))?;
        Ok(text.lines().map(of_line).fold(Self::default(), |sum, disk| Self {
            flushes: sum.flushes + disk.flushes,
            written_bytes: sum.written_bytes + disk.written_bytes,
        }))
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            flushes: self.flushes - before.flushes,
            written_bytes: self.written_bytes - before.written_bytes,
        }
    }
}

/// Loop devices and compressed memory count what a real disk counts as well, or none does.
fn of_line(line: &str) -> Disks {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0_u64);
    let real = fields.get(2).is_some_and(|name| {
        !["loop", "zram", "ram"].iter().any(|not| name.starts_with(not))
            && fs::exists(format!("/sys/block/{name}")).unwrap_or(false)
    });
    match real {
        true => Disks { flushes: number(18), written_bytes: number(9) * SECTOR_BYTES },
        false => Disks::default(),
    }
}

/// Processor time all of these processes have used together, in seconds.
pub fn cpu_seconds(pids: &[i32]) -> f64 {
    let ticks: u64 = pids.iter().filter_map(|pid| ticks(*pid)).sum();
    ticks as f64 / TICKS_PER_SECOND
}

fn ticks(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(number(11)? + number(12)?)
}

/// Memory one process holds, in MiB.
pub fn resident_mib(pid: i32) -> f64 {
    status_mib(pid, "VmRSS:")
}

/// Memory that is a process's own: without the pages of files, which it shares with whoever runs the same program.
pub fn own_mib(pid: i32) -> f64 {
    status_mib(pid, "RssAnon:")
}

fn status_mib(pid: i32, what: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// These processes and all that they started.
pub fn with_children(pids: &[i32]) -> Vec<i32> {
    let mut all = pids.to_vec();
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        next += 1;
    }
    all
}
