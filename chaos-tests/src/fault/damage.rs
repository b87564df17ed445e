//! Disks of stopped Managers that come back damaged: a bit flipped, a file cut short, everything gone, or as they were a
//! while ago; and those that lied about their flushes when the power went. What the product does not heal or refuse by
//! itself shows in what clients see; what it refuses is put right as an operator would, by the one documented command,
//! under a new number.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::operator::Operator;
use super::{Outcome, disk, mechanical, until};
use crate::Failure;
use crate::cluster::{Cluster, Process};
use crate::history::{History, Line};
use crate::lab::{Host, Lab};

/// How long a process may take to end.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// How long a Manager may take to serve again from a damaged disk, or to say that it will not.
const VERDICT_PATIENCE: Duration = Duration::from_secs(40);
/// What a refusal must name, so that an operator knows what to do.
const REMEDY: &str = "--replace";

/// How a process ended that somebody else ended: by SIGKILL, or by SIGTERM before it could hear that.
const FROM_WITHOUT: [i32; 2] = [-9, -15];

/// What a Manager says that ends because somebody wants it to.
pub const ASKED_TO_END: &str = "stopping because=\"asked to terminate\"";

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// One bit of one file is another.
    BitFlip,
    /// One file ends too early.
    Truncation,
    /// It is as it was a while ago.
    OldCopy,
    /// It is empty.
    Wiped,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// It serves.
    Back,
    /// It ended by itself, with this exit code; by a signal, with its number less than nothing.
    Refused(i32),
    /// Neither, in time.
    Nothing,
}

/// Damages the disks of the victims, one after the other, and has them mended where they are refused. One that forgot what it had
/// said to have comes back once the others have that: what fewer disks than a majority have is not promised to last.
pub(super) async fn strike(
    cluster: &Cluster,
    history: &History,
    damage: Damage,
    victims: &[usize],
    (pick, lasts): (u64, Duration),
) -> Result<Outcome, Failure> {
    let Some(lab) = cluster.lab() else { return Ok(Outcome::Skipped("no hosts".into())) };
    let mut answered = true;
    for place in victims {
        if cluster.at(*place).is_none() {
            continue;
        }
        let host = &lab.hosts[*place];
        let told = match spoil(host, damage, pick, lasts).await {
            Ok(told) => told,
            Err(failure) => {
                // It runs on with whatever is left to it.
                host.manager.switch(true);
                return Ok(mechanical(Err(failure)));
            }
        };
        let agreed = match damage {
            Damage::OldCopy => Operator::new(cluster, history)?.agree().await,
            _ => Ok(()),
        };
        let before = Before::of(host);
        host.manager.switch(true);
        agreed?;
        let back = Back { cluster, history, place: *place, f: name(damage), told };
        answered &= back.see(host, before).await?;
    }
    Ok(in_time(answered))
}

/// Has the disks of the victims lie until their power is cut, and has them mended where they are refused: with what a disk
/// lost of what it said it had, a Manager may have nothing to begin with. Power comes back as old copies do.
pub(super) async fn lie(
    (cluster, history, lab): (&Cluster, &History, &Lab),
    victims: &[(usize, Process)],
    lasts: Duration,
) -> Outcome {
    let places: Vec<usize> = victims.iter().map(|(place, _)| *place).collect();
    let cut = async {
        let lied = disk::lie(lab, victims, lasts).await?;
        let agreed = Operator::new(cluster, history)?.agree().await;
        let before: Vec<Before> =
            places.iter().map(|place| Before::of(&lab.hosts[*place])).collect();
        lab.restore_power(&places).await?;
        agreed?;
        Ok((lied, before))
    };
    let (lied, before) = match cut.await {
        Ok(cut) => cut,
        Err(failure) => return mechanical(Err(failure)),
    };
    let mut answered = true;
    for (place, before) in places.into_iter().zip(before) {
        let told = "what was flushed while it lied".to_owned();
        let back = Back { cluster, history, place, f: "flush-lies", told };
        match back.see(&lab.hosts[place], before).await {
            Ok(it) => answered &= it,
            Err(failure) => return Outcome::Indeterminate(failure.to_string()),
        }
    }
    if lied { in_time(answered) } else { Outcome::Indeterminate("no flush was left out".into()) }
}

fn in_time(answered: bool) -> Outcome {
    match answered {
        true => Outcome::Installed,
        false => Outcome::Indeterminate("it neither served nor ended".into()),
    }
}

/// How much a Manager had said, and how often it had ended, before it comes back.
struct Before {
    log: u64,
    ends: u64,
}

impl Before {
    fn of(host: &Host) -> Self {
        Self { log: length(&host.log()), ends: host.manager.ends().0 }
    }
}

/// A Manager that comes back from a disk that is not as it left it.
struct Back<'r> {
    cluster: &'r Cluster,
    history: &'r History,
    place: usize,
    /// What befell its disk, by name and in words.
    f: &'static str,
    told: String,
}

impl Back<'_> {
    /// Writes down what comes of it, and puts it right as an operator would if it does not serve. Whether it served or ended
    /// in time.
    async fn see(self, host: &Host, before: Before) -> Result<bool, Failure> {
        let Some(manager) = self.cluster.at(self.place) else { return Ok(true) };
        let came = verdict(host, &before).await;
        let said = words_after(&host.log(), before.log);
        let value = json!({
            "host": self.place + 1,
            "what": self.told,
            "came": format!("{came:?}"),
            "remedy_named": said.contains(REMEDY),
        });
        let id = manager.id.get();
        self.history.record(Line::of_harness("damage", self.f, Some(id), value));
        if came != Came::Back {
            host.manager.switch(false);
            until(END_PATIENCE, || host.process().is_none()).await;
            let operator = Operator::new(self.cluster, self.history)?;
            operator.take_out(id, self.place, true).await?;
            operator.let_back_in(self.place).await?;
        }
        Ok(came != Came::Nothing)
    }
}

pub(super) fn name(damage: Damage) -> &'static str {
    match damage {
        Damage::BitFlip => "bit-flip",
        Damage::Truncation => "truncation",
        Damage::OldCopy => "old-copy",
        Damage::Wiped => "wiped",
    }
}

/// Stops the Manager of a host and damages its disk; what was done, in words.
async fn spoil(host: &Host, damage: Damage, pick: u64, lasts: Duration) -> Result<String, Failure> {
    let (data, mut random) = (host.data_dir(), StdRng::seed_from_u64(pick));
    stop(host).await?;
    match damage {
        Damage::BitFlip | Damage::Truncation => {
            let (path, bytes) = some_file(&data, &mut random)?;
            let at = random.random_range(0..bytes.len());
            let damaged = match damage {
                Damage::BitFlip => flipped(bytes, at, random.random_range(0..8_u8)),
                _ => bytes[..at].to_vec(),
            };
            put(&path, &damaged).map_err(Failure::doing(path.display()))?;
            let path = path.strip_prefix(&data).unwrap_or(&path);
            Ok(format!("{} at {at}", path.display()))
        }
        Damage::Wiped => {
            fs::remove_dir_all(&data).map_err(Failure::doing(data.display()))?;
            Ok("everything".to_owned())
        }
        Damage::OldCopy => {
            let copy = host.home.join("old-copy");
            // One that a fault left here that was broken off would be merged with.
            remove_all(&copy)?;
            copy_all(&data, &copy)?;
            host.manager.switch(true);
            sleep(lasts).await;
            stop(host).await?;
            fs::remove_dir_all(&data).map_err(Failure::doing(data.display()))?;
            copy_all(&copy, &data)?;
            fs::remove_dir_all(&copy).map_err(Failure::doing(copy.display()))?;
            Ok(format!("as it was {} ms ago", lasts.as_millis()))
        }
    }
}

async fn stop(host: &Host) -> Result<(), Failure> {
    host.manager.switch(false);
    let ended = until(END_PATIENCE, || host.process().is_none()).await;
    ended.then_some(()).ok_or_else(|| Failure("a Manager did not end".into()))
}

fn flipped(mut bytes: Vec<u8>, at: usize, bit: u8) -> Vec<u8> {
    bytes[at] ^= 1 << bit;
    bytes
}

/// One of the files that say who a Manager is or hold what it remembers.
fn some_file(data: &Path, random: &mut StdRng) -> Result<(PathBuf, Vec<u8>), Failure> {
    let mut files = Vec::new();
    for dir in ["identity", "store"].map(|name| data.join(name)) {
        below(&dir, &mut files).map_err(Failure::doing(dir.display()))?;
    }
    files.sort();
    let some = files.get(random.random_range(0..files.len().max(1)));
    let some = some.ok_or_else(|| Failure("a disk holds nothing".into()))?;
    Ok((some.clone(), fs::read(some).map_err(Failure::doing(some.display()))?))
}

fn below(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        if kind.is_dir() {
            below(&entry.path(), files)?;
        } else if kind.is_file() && kind.len() > 0 {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Durable: what a harness put on a disk must not be what the next power cut takes away.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::write(path, bytes)?;
    File::open(path)?.sync_all()
}

/// Removes a folder, if there is one.
fn remove_all(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::doing(folder.display())(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Copies a folder with its files' and folders' rights, durably: who restores a disk waits until it is restored.
fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    let copy = |from: &Path, to: &Path| {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    };
    let make = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        Ok(())
    };
    make().map_err(Failure::doing(to.display()))?;
    for entry in fs::read_dir(from).map_err(Failure::doing(from.display()))? {
        let entry = entry.map_err(Failure::doing(from.display()))?;
        let to = to.join(entry.file_name());
        match entry.file_type().map_err(Failure::doing(from.display()))?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => copy(&entry.path(), &to).map_err(Failure::doing(to.display()))?,
        }
    }
    let settled = File::open(to).and_then(|folder| folder.sync_all());
    settled.map_err(Failure::doing(to.display()))
}

/// Whether a Manager serves from its disk, or ends by itself. Whom somebody asks to end, as a restart of all of them does, or
/// kills, as another fault may at the same time, is looked at when it is back.
async fn verdict(host: &Host, before: &Before) -> Came {
    let Before { log: mut heard, ends: mut ends_before } = *before;
    let deadline = Instant::now() + VERDICT_PATIENCE;
    let url = format!("http://{}:7448/health/ready", host.address);
    while Instant::now() < deadline {
        let (ends, code) = host.manager.ends();
        if ends > ends_before {
            let asked = code == 0 && words_after(&host.log(), heard).contains(ASKED_TO_END);
            if !asked && !FROM_WITHOUT.contains(&code) {
                return Came::Refused(code);
            }
            (heard, ends_before) = (length(&host.log()), ends);
        }
        if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            return Came::Back;
        }
        sleep(Duration::from_millis(50)).await;
    }
    Came::Nothing
}

/// How many bytes a log has; none where there is no log yet.
pub(super) fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |log| log.len())
}

/// What a log says behind so many bytes.
pub(super) fn words_after(log: &Path, before: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut log| {
        log.seek(SeekFrom::Start(before))?;
        log.read_to_end(&mut bytes)
    });
    // One that cannot be read has said nothing.
    read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_was_left_is_gone_before_the_next_and_none_is_no_failure() {
        let home = tempfile::tempdir().unwrap();
        let (data, copy) = (home.path().join("data"), home.path().join("copy"));
        for (folder, file) in [(&data, "new"), (&copy, "left")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(file), "x").unwrap();
        }
        remove_all(&copy).unwrap();
        remove_all(&copy).unwrap();
        copy_all(&data, &copy).unwrap();
        assert!(copy.join("new").exists() && !copy.join("left").exists());
    }

    #[test]
    fn what_a_log_says_later_is_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("km.log");
        assert_eq!((length(&log), words_after(&log, 0)), (0, String::new()));
        fs::write(&log, "before\n").unwrap();
        let before = length(&log);
        fs::write(&log, "before\nafter\n").unwrap();
        assert_eq!(words_after(&log, before), "after\n");
        assert_eq!(words_after(&log, 99), "");
    }
}
