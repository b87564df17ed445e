//! Hosts of their own for one run: each a network namespace with its own address and an ext4 with its own power,
//! joined by a bridge. Made by the run, under names that hold its process id, and removed with it.
//!
//! ```text
//!   clients ── 10.77.x.254 ──┐   (in a namespace too)
//!                          bridge ── 10.77.x.1  host 0: km on an ext4 ── power, cable, filter, clock
//!                            ├────── 10.77.x.2  host 1: …
//! ```

mod clients;
mod fake_clock;
mod found;
mod host;
mod kept;
pub(crate) mod names;
mod network;
mod sweep;
mod tool;
mod wire;
mod zookeeper;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub use self::clients::{enter, leave};
pub use self::found::Founded;
pub(crate) use self::host::SETTINGS;
pub use self::host::{Host, Variables};
pub use self::kept::Kept;
pub use self::network::{Filter, Laid, Network};
pub use self::sweep::sweep;
pub use self::tool::said;
pub use self::wire::{Counts, Manner, Manners};
pub use self::zookeeper::watch as zookeeper_watch;
use crate::Failure;
use crate::cluster::Process;

/// How long the processes of a host may take to be gone.
const GONE_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// What the hosts' programs are kept with when they are there: Debian's package `faketime`.
const FAKE_CLOCK: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Hosts besides those of the members a run begins with: for whoever comes later.
const SPARE_HOSTS: usize = 1;

/// The hosts of a run.
pub struct Lab {
    // Before the network and the disks: whatever runs on them ends first.
    keepers: JoinSet<()>,
    /// Those of the first members, then the spare ones.
    pub hosts: Vec<Arc<Host>>,
    /// How many members there are at the beginning.
    pub members: usize,
    pub network: Network,
}

impl Lab {
    /// Why there can be no lab here; `None` when there can.
    pub fn missing() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("hosts of their own need root".into());
        }
        let network = ["ip", "nsenter", "unshare", "nft", "tc", "ethtool"];
        let disks = ["mkfs.ext4", "e2fsck", "mount", "umount", "losetup", "strace"];
        let tools = network.into_iter().chain(disks);
        let missing: Vec<_> = tools.filter(|tool| !tool::is_there(tool)).collect();
        if !missing.is_empty() {
            return Some(format!("{} is missing", missing.join(", ")));
        }
        // A container may have root and neither of these.
        let may = |what: &str, line: &str| {
            tool::run(line).err().map(|failure| format!("{what} may not be made here: {failure}"))
        };
        may("namespaces", "unshare --net --mount true")
            .or_else(|| may("loop devices", "losetup -f"))
    }

    /// Makes hosts for so many members and a spare one, with everything of theirs below a folder. Nothing runs on them yet.
    pub fn new(
        dir: &Path,
        km: &Path,
        members: usize,
        restart_after: Duration,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let hosts = members + SPARE_HOSTS;
        let network = Network::new(hosts)?;
        let clock = Path::new(FAKE_CLOCK);
        let clock = clock.exists().then(|| clock.to_owned());
        let make = |place| -> Result<Arc<Host>, Failure> {
            let home = dir.join(format!("host-{}", place + 1));
            fs::create_dir_all(&home).map_err(Failure::doing(home.display()))?;
            let home = home.canonicalize().map_err(Failure::doing(home.display()))?;
            let (km, clock, variables) = (km.to_owned(), clock.clone(), variables.clone());
            Ok(Arc::new(Host::new(place, home, km, &network, clock, variables)?))
        };
        let hosts = (0..hosts).map(make).collect::<Result<Vec<_>, _>>()?;
        let mut keepers = JoinSet::new();
        for host in hosts.clone() {
            let agent = host.clone();
            keepers.spawn(kept::keep(host, |host| &host.manager, Host::serve, restart_after));
            keepers.spawn(kept::keep(agent, |host| &host.agent, Host::attend, restart_after));
        }
        Ok(Self { keepers, hosts, members, network })
    }

    /// Cuts the power of all these hosts at one instant, as nearly as one process can: their links go dark, what
    /// their disks had not flushed is lost, their processes end without another word. Where it does not go as it should
    /// for one of them, all have their power back.
    pub async fn cut_power(&self, places: &[usize]) -> Result<(), Failure> {
        let cut = self.go_dark(places);
        if cut.is_err() {
            return cut.and(self.restore_power(places).await);
        }
        cut
    }

    fn go_dark(&self, places: &[usize]) -> Result<(), Failure> {
        let unplugged = to_each(places, |place| self.network.cable(*place, false));
        let cut = to_each(places, |place| {
            self.hosts[*place].disk().cut().map_err(Failure::doing("cut the power of a disk"))
        });
        let ended = to_each(places, |place| {
            self.hosts[*place].power(false);
            self.network.processes(*place)?.iter().for_each(|process| process.kill());
            Ok(())
        });
        unplugged.and(cut).and(ended)
    }

    /// Brings the power back to hosts whose power was cut, also after one to which it does not come; the first failure is told.
    pub async fn restore_power(&self, places: &[usize]) -> Result<(), Failure> {
        let mut restored = Ok(());
        for place in places {
            restored = restored.and(self.light(*place).await);
        }
        restored
    }

    async fn light(&self, place: usize) -> Result<(), Failure> {
        self.empty(place).await?;
        let host = self.hosts[place].clone();
        let repowered = tokio::task::spawn_blocking(move || host.disk().repower()).await;
        repowered
            .map_err(Failure::doing("repower a disk"))?
            .map_err(Failure::doing("repower a disk"))?;
        self.network.cable(place, true)?;
        // Last: whoever waits for the power finds the disk. Who was taken out meanwhile does not come back with it.
        self.hosts[place].power(true);
        Ok(())
    }

    async fn empty(&self, place: usize) -> Result<(), Failure> {
        let deadline = Instant::now() + GONE_PATIENCE;
        while !self.network.processes(place)?.is_empty() {
            if Instant::now() > deadline {
                return Err(Failure(format!("processes of host {} do not end", place + 1)));
            }
            sleep(LOOK_PERIOD).await;
        }
        Ok(())
    }

    /// Asks every Manager to end, and ends what stays. What is left is folders.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.hosts.iter().for_each(|host| host.retire());
        let stopping = async { while self.keepers.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(host::STOP_PATIENCE, stopping).await.is_ok();
        for host in &self.hosts {
            self.network.processes(host.place)?.iter().for_each(end);
            self.empty(host.place).await?;
        }
        in_time.then_some(()).ok_or_else(|| Failure("a Manager did not stop in time".into()))
    }

    /// The folder that a Manager's configuration and log are in.
    pub fn home(&self, place: usize) -> PathBuf {
        self.hosts[place].home.clone()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in &self.hosts {
            host.power(false);
            // Already gone is gone.
            let left = self.network.processes(host.place).unwrap_or_default();
            left.iter().for_each(end);
        }
    }
}

/// Does something to each, also after one with whom it failed; tells the first failure.
pub(crate) fn to_each<T>(
    all: impl IntoIterator<Item = T>,
    act: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    all.into_iter().map(act).fold(Ok(()), Result::and)
}

/// Ends a process that nobody keeps any more.
fn end(process: &Process) {
    process.kill();
    fake_clock::forget(process.pid());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_keeps_nobody_else_from_being_mended() {
        let mut mended = Vec::new();
        let told = to_each(1..=4, |place| {
            mended.push(place);
            if place % 2 == 0 { Err(Failure(format!("host {place}"))) } else { Ok(()) }
        });
        assert_eq!(told.unwrap_err().0, "host 2");
        assert_eq!(mended, [1, 2, 3, 4]);
        assert!(to_each([1, 3], |_| Ok(())).is_ok());
    }
}
