//! Keeps a demo's agents running and its record current. The Managers are kept running by their agents.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Demo;
use super::child::Process;
use super::layout::Home;
use super::record::{Agent, Manager, Record, Service};
use crate::agent;
use crate::cli::client::Client;
use crate::cli::outcome::Failure;
use crate::cli::output::complain;
use crate::remote::{UnitName, UnitState, UnitStatus, UnitVerb};

/// How often is looked which processes the Managers are.
const GLANCE: Duration = Duration::from_millis(100);
/// How often is looked which processes the sample services are.
const SERVICES_GLANCE: Duration = Duration::from_secs(1);
/// How long the group may take to tell which Managers there are.
const ASK_PATIENCE: Duration = Duration::from_secs(2);
/// How long a Manager that was started is given until the group is asked about it.
const ASK_PAUSE: Duration = Duration::from_millis(500);

/// The agents of a demo and what is recorded of them, in the same order.
pub(super) struct Supervisor {
    dir: PathBuf,
    record: Option<Record>,
    processes: Vec<Process>,
    /// Managers that were started, or began anew, since it was last asked which number they have.
    unsure: Vec<PathBuf>,
}

impl Supervisor {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), record: None, processes: Vec::new(), unsure: Vec::new() }
    }

    /// Starts the Managers and agents of an earlier run. A Manager that was stopped through its host stays so.
    pub(super) async fn resume(&mut self, record: Record) -> Result<(), Failure> {
        let (managers, agents) = (record.managers.clone(), record.agents.clone());
        self.record = Some(Record { managers: Vec::new(), agents: Vec::new(), ..record });
        for manager in managers {
            match stands(&manager.agent_config()).await?.state {
                UnitState::Stopped => self.list(manager)?,
                _ => self.add(manager).await?,
            }
        }
        agents.into_iter().try_for_each(|agent| self.attend(agent))
    }

    /// Begins a record, as long as there is no Manager yet.
    pub(super) fn begin(&mut self, record: Record) {
        assert!(self.record.is_none(), "a demo is founded once");
        self.record = Some(record);
    }

    /// Has a further Manager started, as its agent would, and records it.
    pub(super) async fn add(&mut self, mut manager: Manager) -> Result<(), Failure> {
        let config = agent::load(&manager.agent_config())?;
        let status = agent::order(&config, UnitName::MANAGER, UnitVerb::Start).await?;
        manager.pid = status.pid;
        self.list(manager)
    }

    fn list(&mut self, manager: Manager) -> Result<(), Failure> {
        self.record_mut()?.managers.push(manager);
        self.save()
    }

    /// Starts a further agent and records it.
    pub(super) fn attend(&mut self, mut agent: Agent) -> Result<(), Failure> {
        let process = Process::start(&agent)?;
        agent.pid = process.pid();
        self.processes.push(process);
        self.record_mut()?.agents.push(agent);
        self.save()
    }

    /// Has sample services started, as their agents would, and records them.
    pub(super) async fn serve(&mut self, services: Vec<Service>) -> Result<(), Failure> {
        let starting = services.into_iter().map(|service| async move {
            let config = agent::load(&service.config)?;
            let status = agent::order(&config, &service.unit, UnitVerb::Start).await?;
            Ok::<_, Failure>(Service { pid: status.pid, ..service })
        });
        let started = try_join_all(starting).await?;
        self.record_mut()?.services.extend(started);
        self.save()
    }

    /// What there is; a failure before the founding.
    pub(super) fn record(&self) -> Result<&Record, Failure> {
        self.record.as_ref().ok_or_else(unfounded)
    }

    /// How many Managers there are.
    pub(super) fn len(&self) -> usize {
        self.record.as_ref().map_or(0, |record| record.managers.len())
    }

    /// Watches until interrupted: starts agents again that ended, each after its own pause, and tells which processes
    /// the Managers are.
    pub(super) async fn watch(
        &mut self,
        demo: &Demo,
        client: &Client,
        interrupted: &mut Interrupted,
    ) {
        let mut returns: VecDeque<(Instant, usize)> = VecDeque::new();
        let mut glances = interval(GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut services = interval(SERVICES_GLANCE);
        services.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Asked beside the rest: a Manager that is paused answers nobody.
        let mut asking = FuturesUnordered::new();
        loop {
            let next_return = returns.front().copied();
            tokio::select! {
                (which, how) = next_end(&mut self.processes) => {
                    self.tell(which, &how, demo);
                    if !demo.no_restart {
                        returns.push_back((Instant::now() + demo.pause(), which));
                    }
                }
                which = due(next_return) => {
                    returns.pop_front();
                    self.start_again(which);
                }
                _ = glances.tick() => {
                    self.glance(demo).await;
                    if asking.is_empty() && !self.unsure.is_empty() {
                        asking.push(ask(client));
                    }
                }
                _ = services.tick() => self.glance_at_services().await,
                Some(told) = asking.next(), if !asking.is_empty() => {
                    if let Some(list) = told {
                        self.identify(&list).await;
                    }
                }
                () = interrupted.wait() => return,
            }
        }
    }

    /// Which processes the Managers are now. Their keepers know first, so nobody else is asked.
    async fn glance(&mut self, demo: &Demo) {
        let Some(record) = &mut self.record else { return };
        let mut changed = false;
        for manager in &mut record.managers {
            let Ok(status) = stands(&manager.agent_config()).await else { continue };
            if status.pid == manager.pid {
                continue;
            }
            if let Some(pid) = manager.pid {
                let next = what_comes(&status, demo);
                let told = if status.ended.is_empty() { "stopped" } else { &status.ended };
                complain(&format!("Manager {} (pid {pid}): {told}. {next}", manager.id));
            }
            if status.pid.is_some() {
                self.unsure.push(manager.agent_config());
            }
            manager.pid = status.pid;
            changed = true;
        }
        if changed {
            self.save_or_tell();
        }
        self.meet_new().await;
    }

    /// Which processes the sample services are now. It is the group that brings them back.
    async fn glance_at_services(&mut self) {
        let Some(record) = &mut self.record else { return };
        let mut changed = false;
        for service in &mut record.services {
            let Ok(config) = agent::load(&service.config) else { continue };
            let Ok(status) = agent::status(&config, &service.unit).await else { continue };
            if status.pid == service.pid {
                continue;
            }
            let told = match (status.pid, status.ended.as_str()) {
                (Some(pid), _) => format!("runs as pid {pid}"),
                (None, "") => "does not run".to_owned(),
                (None, ended) => format!("does not run: {ended}"),
            };
            complain(&format!("{} {told}.", service.id));
            service.pid = status.pid;
            changed = true;
        }
        if changed {
            self.save_or_tell();
        }
    }

    /// Hosts on which a Manager was added since, with the mouse say.
    async fn meet_new(&mut self) {
        let Some(record) = &self.record else { return };
        let is_known = |agent: &&Agent| {
            let recorded = record.managers.iter().any(|known| known.agent_config() == agent.config);
            recorded || self.unsure.contains(&agent.config)
        };
        let mut met = Vec::new();
        for agent in record.agents.iter().filter(|agent| !is_known(agent)) {
            if matches!(stands(&agent.config).await, Ok(UnitStatus { pid: Some(_), .. })) {
                met.push(agent.config.clone());
            }
        }
        self.unsure.extend(met);
    }

    /// Which numbers the Managers have that were started since: one that was let in anew has another.
    async fn identify(&mut self, list: &Value) {
        let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let unsure = std::mem::take(&mut self.unsure);
        for config in unsure {
            if !self.identified(&config, items).await {
                self.unsure.push(config);
            }
        }
        self.save_or_tell();
    }

    async fn identified(&mut self, config: &Path, items: &[Value]) -> bool {
        let (Some(record), Some(folder)) = (&mut self.record, config.parent()) else { return true };
        let Ok(manager) = Home::at(folder).manager(0) else { return false };
        let is_it = |known: &&Value| known["peer_addr"] == manager.peer_addr.as_str();
        let Some(id) = items.iter().find(is_it).and_then(|known| known["id"].as_u64()) else {
            return false;
        };
        match record.managers.iter_mut().find(|known| known.config == manager.config) {
            Some(known) => known.id = id,
            None => {
                let pid = stands(config).await.ok().and_then(|status| status.pid);
                record.managers.push(Manager { id, pid, ..manager });
            }
        }
        true
    }

    fn tell(&mut self, which: usize, how: &str, demo: &Demo) {
        let agent = self.agent(which);
        let pid = agent.pid.take().map_or("-".to_owned(), |pid| pid.to_string());
        let next = match demo.no_restart {
            true => "It stays away.".to_owned(),
            false => format!("It comes back in {} ms.", demo.restart_after_ms),
        };
        complain(&format!("The agent of {} (pid {pid}) ended: {how}. {next}", agent.name));
        self.save_or_tell();
    }

    fn start_again(&mut self, which: usize) {
        let agent = self.agent(which);
        match Process::start(agent) {
            Ok(process) => {
                agent.pid = process.pid();
                self.processes[which] = process;
            }
            Err(failure) => complain(&failure.to_string()),
        }
        self.save_or_tell();
    }

    fn agent(&mut self, which: usize) -> &mut Agent {
        let record = self.record.as_mut().expect("whoever watches has founded");
        &mut record.agents[which]
    }

    fn record_mut(&mut self) -> Result<&mut Record, Failure> {
        self.record.as_mut().ok_or_else(unfounded)
    }

    fn save(&self) -> Result<(), Failure> {
        self.record()?.save(&self.dir)
    }

    fn save_or_tell(&self) {
        if let Err(failure) = self.save() {
            complain(&failure.to_string());
        }
    }
}

/// How a host's Manager stands.
async fn stands(config: &Path) -> Result<UnitStatus, Failure> {
    agent::status(&agent::load(config)?, UnitName::MANAGER).await
}

/// The Managers as the group knows them; `None` when nobody tells in time.
async fn ask(client: &Client) -> Option<Value> {
    tokio::time::sleep(ASK_PAUSE).await;
    let list = tokio::time::timeout(ASK_PATIENCE, client.get_all("/managers", &[])).await;
    list.ok()?.ok()
}

fn what_comes(status: &UnitStatus, demo: &Demo) -> String {
    match status.state {
        UnitState::Running => "It is back already.".to_owned(),
        UnitState::Starting if !demo.no_restart => {
            format!("It comes back in {} ms.", demo.restart_after_ms)
        }
        _ => "It stays away.".to_owned(),
    }
}

fn unfounded() -> Failure {
    Failure::Refused("the demo has no Manager yet".into())
}

/// Waits until an agent is to come back. All pauses are equally long, so the first is the next.
async fn due(next_return: Option<(Instant, usize)>) -> usize {
    match next_return {
        Some((at, which)) => {
            tokio::time::sleep_until(at).await;
            which
        }
        None => std::future::pending().await,
    }
}

/// The next agent that ends, and how. One whose end was told stays silent.
async fn next_end(processes: &mut [Process]) -> (usize, String) {
    let running = processes.iter_mut().enumerate().filter(|(_, process)| process.pid().is_some());
    let mut ends: FuturesUnordered<_> =
        running.map(|(which, process)| async move { (which, process.ended().await) }).collect();
    match ends.next().await {
        Some(end) => end,
        None => std::future::pending().await,
    }
}

/// Ctrl-C and its kin.
pub(super) struct Interrupted {
    signals: [Signal; 3],
}

impl Interrupted {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::local("listen for signals"));
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    /// Waits for the first of them.
    pub(super) async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
