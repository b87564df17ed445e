//! One host of a lab, and the keeper that starts its Manager again when it ends.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use blackout::Ext4;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::sleep;

use super::network::Network;
use crate::Failure;
use crate::cluster::Process;

/// How long a Manager may take to end in good order: it hands over first.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Room for the log, the facts and a checkpoint, little enough to be filled in a moment.
const DISK_BYTES: u64 = 256 << 20;

const DAY_S: u64 = 24 * 3600;
/// A clock that differs by less is right.
const CLOCK_SLACK_S: u64 = 30;

/// What is to be with the Manager of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// There is none.
    Off,
    /// It runs, and is started again when it ends.
    On,
    /// It ends in good order, and nobody starts it again.
    Retired,
}

/// A host.
pub struct Host {
    /// From 0.
    pub place: usize,
    /// Holds its configuration, its log and its disk.
    pub home: PathBuf,
    /// Its address, which is its name as well.
    pub address: String,
    namespace: String,
    km: PathBuf,
    /// The library that gives it a clock of its own, where there is one.
    clock: Option<PathBuf>,
    disk: Mutex<Ext4>,
    wanted: watch::Sender<Wanted>,
    /// Of its Manager; 0 while there is none.
    pid: AtomicI32,
}

impl Host {
    pub(super) fn new(
        place: usize,
        home: PathBuf,
        km: PathBuf,
        network: &Network,
        clock: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let disk = Ext4::new(&home, DISK_BYTES).map_err(Failure)?;
        let host = Self {
            place,
            address: network.address(place).to_string(),
            namespace: network.namespace(place),
            km,
            clock,
            disk: Mutex::new(disk),
            wanted: watch::channel(Wanted::Off).0,
            pid: AtomicI32::new(0),
            home,
        };
        host.configure()?;
        host.set_clock("+0")?;
        Ok(host)
    }

    fn configure(&self) -> Result<(), Failure> {
        let data_dir = self.data_dir();
        let text = format!(
            "[node]\ndata_dir = {:?}\nhost = {:?}\n",
            data_dir.display().to_string(),
            self.address
        );
        fs::write(self.config(), text).map_err(Failure::doing(self.config().display()))
    }

    /// Its Manager's configuration.
    pub fn config(&self) -> PathBuf {
        self.home.join("km.toml")
    }

    /// What its Manager says.
    pub fn log(&self) -> PathBuf {
        self.home.join("km.log")
    }

    /// Where its Manager keeps everything.
    pub fn data_dir(&self) -> PathBuf {
        self.disk().path().join("data")
    }

    /// Its disk.
    pub fn disk(&self) -> MutexGuard<'_, Ext4> {
        self.disk.lock().expect("whoever panics with a disk ends the run")
    }

    /// Its Manager's process, while there is one.
    pub fn process(&self) -> Option<Process> {
        Process::of(self.pid.load(Ordering::Relaxed))
    }

    /// Whether its Manager is to run.
    pub(super) fn switch(&self, on: bool) {
        self.wanted.send_replace(if on { Wanted::On } else { Wanted::Off });
    }

    /// Has its Manager end for good.
    pub(super) fn retire(&self) {
        self.wanted.send_replace(Wanted::Retired);
    }

    fn wants(&self, wanted: Wanted) -> bool {
        *self.wanted.borrow() == wanted
    }

    async fn comes_to(&self, wish: impl Fn(Wanted) -> bool) {
        // The host holds the sender, so it cannot be gone.
        let _ = self.wanted.subscribe().wait_for(|wanted| wish(*wanted)).await;
    }

    /// Ends its Manager, in good order when it retires.
    async fn end(&self, child: &mut Child) {
        if self.wants(Wanted::Retired) {
            self.process().iter().for_each(|process| process.terminate());
        } else {
            self.process().iter().for_each(|process| process.kill());
        }
        // It has ended either way; how is told in its log.
        let _ = child.wait().await;
    }

    /// Whether its clock can be set.
    pub fn has_own_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Sets its wall clock relative to this computer's, such as `+60` or `-60` (seconds). The monotonic clock, by
    /// which leases are kept, goes on as it is.
    pub fn set_clock(&self, offset: &str) -> Result<(), Failure> {
        let (path, next) = (self.home.join("clock"), self.home.join("clock.next"));
        // Renamed into place, so that it is never read half written.
        fs::write(&next, offset).map_err(Failure::doing(next.display()))?;
        fs::rename(&next, &path).map_err(Failure::doing(path.display()))
    }

    /// Whether its Manager was seen to answer with a time that is not this computer's.
    pub async fn clock_is_wrong(&self) -> bool {
        let asked = reqwest::get(format!("http://{}:7448/health/live", self.address)).await;
        let told = asked
            .ok()
            .and_then(|answer| seconds_of_day(answer.headers().get("date")?.to_str().ok()?));
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() % DAY_S);
        told.is_some_and(|told| told.abs_diff(now) > CLOCK_SLACK_S)
    }

    /// A verb of `km` on this host, to its end; the JSON it prints.
    pub(super) async fn km(
        &self,
        verb: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let mut command = self.command();
        command.args(["--output", "json"]).args(verb).arg("--config").arg(self.config());
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        let output = command.output().await.map_err(Failure::doing(verb[0]))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure(format!("km {}: {told}", verb[0])));
        }
        serde_json::from_slice(&output.stdout).map_err(Failure::doing(verb[0]))
    }

    fn serve(&self) -> Result<Child, Failure> {
        let open = || OpenOptions::new().create(true).append(true).open(self.log());
        let opened = open().and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = opened.map_err(Failure::doing(self.log().display()))?;
        let mut command = self.command();
        command.arg("serve").arg("--config").arg(self.config());
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        command.spawn().map_err(Failure::doing("start a Manager"))
    }

    /// `nsenter` becomes the program, so its process is the Manager's. `ip netns exec` would give it its own view of
    /// all mounts as well, and a disk that another host still sees cannot be taken away.
    fn command(&self) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "its keeper, or the lab when dropped, ends it"
        )]
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.namespace)).arg(&self.km);
        if let Some(clock) = &self.clock {
            set_clock_of(&mut command, clock, &self.home.join("clock"));
        }
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// Only the wall clock is faked: a lease on a monotonic clock that jumps would be another product.
fn set_clock_of(command: &mut Command, library: &Path, file: &Path) {
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", file)
        .env("FAKETIME_CACHE_DURATION", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// Keeps the Manager of a host as it is wanted, until it is retired.
pub(super) async fn keep(host: Arc<Host>, restart_after: Duration) {
    loop {
        host.comes_to(|wanted| wanted != Wanted::Off).await;
        if host.wants(Wanted::Retired) {
            return;
        }
        if let Ok(mut child) = host.serve() {
            let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
            host.pid.store(pid, Ordering::Relaxed);
            tokio::select! {
                _ = child.wait() => {}
                () = host.comes_to(|wanted| wanted != Wanted::On) => host.end(&mut child).await,
            }
            host.pid.store(0, Ordering::Relaxed);
        }
        sleep(restart_after).await;
    }
}

/// The time in an HTTP date, such as `Sat, 28 Nov 2026 01:02:03 GMT`.
fn seconds_of_day(date: &str) -> Option<u64> {
    let time = date.split(' ').nth(4)?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    Some(parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??)
}
