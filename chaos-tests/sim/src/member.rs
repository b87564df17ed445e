//! One member: a host with a disk and clocks, and the process that runs there, with the product's code in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kyvos_manager::base::ManagerId;
use kyvos_manager::capabilities::managers::model::{Profile, Role};
use kyvos_manager::cluster::{
    Grounds, Group, Heard, Home, Instructions, Keeper, Opening, PeerIdentity, Sitter,
};
use kyvos_manager::leadership::{Driver, Mode, Office, Reconciler};
use kyvos_manager::machine::LEVEL_MAX;
use openraft::storage::RaftLogStorage;
use raft_store::{LogReader, Machine, OpenError, Opened, Options};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::clock::{ProcessClock, WallClock};
use crate::deeds::{Acts, Deeds};
use crate::disk::Disk;
use crate::ledger::Said;
use crate::net::{Host, Net};
use crate::plan::Plan;
use crate::stream::{Place, address_of};

/// What all members share.
#[derive(Clone)]
pub struct Around {
    pub plan: Arc<Plan>,
    pub net: Net,
    pub cluster_id: Uuid,
    pub acts: Acts,
    pub agents: Vec<Host>,
    /// Where homes are.
    pub homes: PathBuf,
}

impl Around {
    /// From where the keeper of a member's will speaks: the same host, another process.
    pub fn keeper_host(&self, member: Host) -> Host {
        self.plan.roles.len() + member
    }
}

/// One member.
pub struct Member {
    pub place: Host,
    /// Its number, once it was admitted.
    pub node: u64,
    pub role: Role,
    pub disk: Disk,
    pub wall: WallClock,
    /// How often its process was started.
    pub run: u64,
    /// How many disks were here before.
    disks: u64,
    pub process: Option<Process>,
    around: Around,
}

/// A running process.
pub struct Process {
    pub group: Group,
    office: Office,
    driver: Option<Arc<Driver>>,
    pub log: LogReader,
    pub clock: ProcessClock,
    /// Stands still until it is told to go on.
    pub paused: bool,
    /// Its machine is suspended since then, and its monotonic clock stands still as well.
    asleep_since: Option<u64>,
    /// On its way down in good order.
    pub stopping: bool,
    keeping: Option<Keeping>,
    /// Set when the store says that the disk is not to be trusted.
    fatal: Arc<AtomicBool>,
    /// Dropped last, with everything that runs in it.
    runtime: Runtime,
}

/// The process that keeps a member's last will.
pub struct Keeping {
    words: mpsc::Sender<Heard>,
    told: Option<Instructions>,
    task: JoinHandle<()>,
    clock: ProcessClock,
    /// Its machine is suspended since then, with all that runs there.
    asleep_since: Option<u64>,
    host: Host,
    runtime: Runtime,
}

struct OnPlatter {
    disk: Disk,
    dir: PathBuf,
    cluster_id: Uuid,
    options: Options,
    log: Arc<Mutex<Option<LogReader>>>,
}

impl Opening for OnPlatter {
    fn open<M: Machine>(self, machine: Arc<M>) -> Result<Opened<M>, OpenError> {
        let disk = Arc::new(self.disk);
        let mut opened =
            raft_store::open_on(disk, &self.dir, self.cluster_id, &self.options, machine)?;
        let reader = opened.log.get_log_reader().now_or_never();
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = reader;
        Ok(opened)
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_time().start_paused(true).build()
}

impl Member {
    pub fn new(place: Host, role: Role, disk: Disk, wall: WallClock, around: Around) -> Self {
        Self { place, node: 0, role, disk, wall, run: 0, disks: 0, process: None, around }
    }

    pub fn identity(&self) -> PeerIdentity {
        PeerIdentity { cluster_id: self.around.cluster_id, node_id: self.node }
    }

    pub fn disk_id(&self) -> Uuid {
        Uuid::from_u128(0xD15C_0000 + (u128::from(self.disks) << 64) + self.place as u128)
    }

    /// Whoever was here is gone for good; the host is as new.
    pub fn replace(&mut self) -> io::Result<()> {
        self.node = 0;
        self.disks += 1;
        self.disk.replace();
        match std::fs::remove_dir_all(self.home_dir()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn home_dir(&self) -> PathBuf {
        self.around.homes.join(self.place.to_string())
    }

    pub fn home(&self) -> Home {
        Home::at(self.home_dir())
    }

    pub fn profile(&self) -> Profile {
        Profile {
            host: format!("host-{}", self.place),
            peer_addr: address_of(self.place),
            api_url: String::new(),
            health_url: String::new(),
            version: "simulated".to_owned(),
            level: LEVEL_MAX,
            lease_ms: 1000,
        }
    }

    /// Starts its process.
    pub fn start(&mut self, now: u64) -> Result<(), String> {
        self.run += 1;
        let runtime = runtime().map_err(|error| error.to_string())?;
        let drift_ppm = self.around.plan.drift_ppm[self.place];
        let clock = runtime.block_on(async { ProcessClock::begin(now, drift_ppm) });
        let (net, host, here) = (self.around.net.clone(), self.place, self.identity());
        net.lit(host);
        net.listen(host, self.node);
        let place = Place { net: net.clone(), host, clock: clock.clone(), here };
        let wall = self.wall.clone();
        let grounds = Grounds {
            here,
            disk_id: self.disk_id(),
            road: Arc::new(place.clone()),
            door: Box::new(place),
            wall_clock: Arc::new(move || wall.says()),
            thresholds: self.around.plan.thresholds,
        };
        let (fatal, log) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let store = self.store(&fatal, &log);
        let sitter = Sitter {
            home: self.home(),
            role: self.role,
            profile: self.profile(),
            hold: Duration::from_millis(self.around.plan.hold_ms),
        };
        let group = runtime
            .block_on(Group::start_on(sitter, grounds, store))
            .map_err(|failure| failure.to_string())?;
        let log = log.lock().unwrap_or_else(PoisonError::into_inner).take();
        let deeds: Arc<dyn Reconciler> = Arc::new(Deeds {
            net,
            clock: clock.clone(),
            member: host,
            agents: self.around.agents.clone(),
            acts: self.around.acts.clone(),
        });
        let driver = {
            let _within = runtime.enter();
            let clock = clock.clone();
            Arc::new(Driver::start_on(&group, vec![deeds], Box::new(move || clock.boot_ahead())))
        };
        let office = driver.office().clone();
        let log = log.ok_or("the log was not opened")?;
        self.process = Some(Process {
            group,
            office,
            driver: Some(driver),
            log,
            clock,
            paused: false,
            asleep_since: None,
            stopping: false,
            keeping: None,
            fatal,
            runtime,
        });
        Ok(())
    }

    fn store(&self, fatal: &Arc<AtomicBool>, log: &Arc<Mutex<Option<LogReader>>>) -> OnPlatter {
        let fatal = fatal.clone();
        let on_fatal = Arc::new(move |_: &str| fatal.store(true, Ordering::Relaxed));
        OnPlatter {
            disk: self.disk.clone(),
            dir: store_dir(&self.home_dir()),
            cluster_id: self.around.cluster_id,
            options: Options { on_fatal, ..Options::default() },
            log: log.clone(),
        }
    }

    /// Whether its machine is suspended.
    pub fn is_asleep(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.asleep_since.is_some())
    }

    /// Its process is gone at once. With the power, its keeper is too; else the keeper may tell.
    pub fn crash(&mut self, with_power: bool) -> Option<Keeping> {
        let process = self.process.take()?;
        let net = self.around.net.clone();
        net.gone(self.place, with_power);
        let Process { group, office, driver, log, keeping, runtime, .. } = process;
        drop((driver, office, group, log));
        drop(runtime);
        self.disk.crash(with_power);
        let keeping = keeping?;
        if with_power {
            net.gone(keeping.host, true);
            return None;
        }
        // What cannot be told now is told by nobody: the queue is never full here.
        drop(keeping.words.try_send(Heard::Gone));
        Some(keeping)
    }
}

fn store_dir(home: &Path) -> PathBuf {
    home.join("store")
}

impl Process {
    /// Lets it run until this moment of the world.
    pub fn run_to(&self, world: u64) {
        if !self.paused {
            let until = self.clock.at(world);
            self.runtime.block_on(async move { sleep_until(until).await });
        }
    }

    /// Its machine is suspended, and its keeper with it.
    pub fn fall_asleep(&mut self, world: u64) {
        self.paused = true;
        self.asleep_since = Some(world);
        if let Some(keeping) = &mut self.keeping {
            keeping.fall_asleep(world);
        }
    }

    /// Its machine goes on, and no time has passed by its clock.
    pub fn wake(&mut self, world: u64) {
        if let Some(since) = self.asleep_since.take() {
            self.clock.sleep(world.saturating_sub(since));
            self.paused = false;
        }
        if let Some(keeping) = &mut self.keeping {
            keeping.wake(world);
        }
    }

    /// Goes on after it stood still: all that time has passed at once.
    pub fn go_on(&mut self, world: u64) {
        self.paused = false;
        let missed = self.clock.at(world);
        self.runtime.block_on(async move {
            let now = tokio::time::Instant::now();
            tokio::time::advance(missed.saturating_duration_since(now)).await;
        });
    }

    /// Begins something within it.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }

    /// What something within it came to, which has ended.
    pub fn finished<T>(&self, task: JoinHandle<T>) -> Result<T, String> {
        self.runtime.block_on(task).map_err(|error| error.to_string())
    }

    /// Begins to go down in good order; `None` when it cannot now.
    pub fn stop(&mut self) -> Option<JoinHandle<()>> {
        let driver = self.driver.take().filter(|_| !self.paused)?;
        // Whoever has the office handed over still holds it: then this is not the moment.
        let driver = Arc::into_inner(driver)?;
        self.stopping = true;
        let group = self.group.clone();
        Some(self.spawn(async move {
            driver.shutdown().await;
            group.shutdown().await;
        }))
    }

    /// Has it hand over, if it is Active.
    pub fn hand_over(&self, to: ManagerId) {
        if let Some(driver) = self.driver.clone() {
            drop(self.spawn(async move { drop(driver.hand_over(to).await) }));
        }
    }

    /// Looks at it as something within it would.
    pub fn within<T>(&self, look: impl FnOnce(&Self) -> T) -> T {
        let _within = self.runtime.enter();
        look(self)
    }

    /// The epoch in which it says to be Active, if it does.
    pub fn claim(&self) -> Option<u64> {
        self.within(|process| match process.office.mode() {
            Mode::Active(epoch) => Some(epoch.0),
            Mode::Passive | Mode::NoQuorum => None,
        })
    }

    /// What it says of itself, and why it stopped if it did.
    pub fn says(&self) -> (Said, Option<String>) {
        let standing = self.within(|process| process.group.standing());
        let revision = self.group.applied().borrow().0;
        let said = Said {
            term: standing.term.0,
            leading: standing.leading,
            committed: standing.committed.0,
            applied: standing.applied.0,
            revision,
        };
        let fatal =
            self.fatal.load(Ordering::Relaxed).then(|| "the disk is not trusted".to_owned());
        (said, standing.stopped.or(fatal))
    }
}

impl Keeping {
    /// Has the will of a running member kept as `km serve` does.
    pub fn look(member: &mut Member, now: u64) -> Result<(), String> {
        let (host, here) = (member.around.keeper_host(member.place), member.identity());
        let net = member.around.net.clone();
        let drift_ppm = member.around.plan.drift_ppm[member.place];
        let Some(process) = &mut member.process else { return Ok(()) };
        let instructions = process.group.instructions();
        if process.keeping.is_none() && instructions.needs_keeper() {
            process.keeping = Some(Self::begin(net, host, here, (now, drift_ppm))?);
        }
        if let Some(keeping) = &mut process.keeping
            && keeping.told.as_ref() != Some(&instructions)
        {
            let told = keeping.words.try_send(Heard::Instructions(instructions.clone())).is_ok();
            keeping.told = told.then_some(instructions);
        }
        let kept = process.keeping.as_ref().is_some_and(|keeping| keeping.told.is_some());
        process.group.will_is_kept(kept);
        Ok(())
    }

    /// Starts one on this host, at this moment of the world and so much too fast.
    pub fn begin(
        net: Net,
        host: Host,
        here: PeerIdentity,
        (now, drift_ppm): (u64, i64),
    ) -> Result<Self, String> {
        let runtime = runtime().map_err(|error| error.to_string())?;
        let clock = runtime.block_on(async { ProcessClock::begin(now, drift_ppm) });
        net.lit(host);
        let keeper = {
            let _within = runtime.enter();
            Keeper::on(Arc::new(Place { net, host, clock: clock.clone(), here }), here)
        };
        let (words, heard) = mpsc::channel(8);
        let task = runtime.spawn(keeper.keep(heard));
        Ok(Self { words, told: None, task, clock, asleep_since: None, host, runtime })
    }

    pub fn of(process: &Process) -> Option<&Self> {
        process.keeping.as_ref()
    }

    /// Whether it runs on this host.
    pub fn is_on(&self, host: Host) -> bool {
        self.host == host
    }

    /// Lets it run until this moment of the world, unless its machine is suspended.
    pub fn run_to(&self, world: u64) {
        if self.asleep_since.is_none() {
            let until = self.clock.at(world);
            self.runtime.block_on(async move { sleep_until(until).await });
        }
    }

    /// Its machine is suspended.
    pub fn fall_asleep(&mut self, world: u64) {
        self.asleep_since = Some(world);
    }

    /// Its machine goes on. It measures time by the monotonic clock alone, as its Manager does, which stood still.
    pub fn wake(&mut self, world: u64) {
        if let Some(since) = self.asleep_since.take() {
            self.clock.sleep(world.saturating_sub(since));
        }
    }

    /// The world's time as it takes it to be.
    pub fn world_now(&self) -> u64 {
        self.runtime.block_on(async { self.clock.world_now() })
    }

    /// How much of the world's time it knows to have passed while its machine was suspended.
    pub fn slept(&self) -> Duration {
        self.clock.boot_ahead()
    }

    /// Whether it has told, or given up.
    pub fn is_done(&self) -> bool {
        self.task.is_finished()
    }
}
