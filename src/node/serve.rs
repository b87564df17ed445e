//! Running a Manager or a witness, from the first bound port to the closed store.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use futures::FutureExt;
use raft_store::planted;
use sd_notify::NotifyState;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::certificates::Certificates;
use super::identity::profile;
use super::listeners::{bind, drain, serve_api, serve_health};
use super::removed;
use super::stopping::Stopping;
use super::summons::{self, Summons};
use super::will::have_kept;
use crate::api::{self, Member, Surface};
use crate::base::Secret;
use crate::capabilities::alerts::port::RealPost;
use crate::capabilities::hosts as hosts_room;
use crate::capabilities::managers::model::Role;
use crate::capabilities::services::port::zookeeper::RealZookeeper;
use crate::capabilities::{alerts, managers, operations, prechecks, services};
use crate::cli::outcome::Failure;
use crate::cli::output::complain;
use crate::cluster::{Group, Home, Seat, Thresholds, shelf};
use crate::config::Config;
use crate::leadership::{Driver, Reconciler};
use crate::remote::Hosts;
use crate::telemetry::{self, Bounds, LogFile};

/// How often is looked whether the Raft core still runs, and systemd told so.
const PULSE: Duration = Duration::from_secs(1);

/// The bound ports.
struct Ports {
    peer: TcpListener,
    /// None on a witness.
    api: Option<TcpListener>,
    health: TcpListener,
}

/// Runs until asked to stop. `until_stdin_closes`: the end of standard input asks as well.
pub async fn serve(config: Config, until_stdin_closes: bool) -> Result<(), Failure> {
    telemetry::start(&config.log, log_file(&config));
    planted::WARNING.iter().for_each(|warning| tracing::warn!("this build {warning}"));
    let ended = run(config, until_stdin_closes).await;
    if let Err(failure) = &ended {
        tracing::error!(because = %failure, "this process ends");
    }
    ended
}

async fn run(config: Config, until_stdin_closes: bool) -> Result<(), Failure> {
    let metrics = api::metrics::recorder().install_recorder().map_err(failed)?;
    api::metrics::describe();
    let mut stopping = Stopping::listen(until_stdin_closes)?;
    let home = Home::at(&config.node.data_dir);
    let group_key = check_home(&home, &config)?;
    let ports = bind_all(&config)?;
    let certificates = Certificates::of(&config, &home)?;

    let group = take_seat(&config, home.clone(), ports.peer).await?;
    let hosts = Hosts::of(&group).map_err(failed)?;
    let driver = Driver::start(&group, reconcilers(&group, &hosts));
    let member = Member::new(driver.office().clone());
    let ended = CancellationToken::new();
    let mut beside = JoinSet::new();
    if config.node.role == Role::Manager {
        beside.spawn(have_kept(group.unowned(), config.node.data_dir.clone()));
    }
    let mut surfaces = Surfaces::default();
    surfaces.health(ports.health, &member);
    if let (Some(listener), Some(key)) = (ports.api, group_key) {
        let surface = Surface::new(member.clone(), hosts.clone(), &key, metrics, ended.clone());
        let own = group.unowned();
        let certificates = (certificates, move || own.renew_or_tell());
        surfaces.api(listener, certificates, surface, ended.clone());
    }
    tracing::info!(manager = %group.here(), role = config.node.role.as_str(), "started");
    tell_systemd(&[NotifyState::Ready]);

    let mut anew = false;
    let outcome = tokio::select! {
        because = stopping.wait() => {
            tracing::info!(because, "stopping");
            Ok(())
        }
        failure = surfaces.failed() => Err(failure),
        because = raft_stopped(&group) => Err(Failure::Refused(format!("consensus stopped: {because}"))),
        called = summons::wait(&group) => match called {
            Summons::Restart(operation) => {
                tracing::info!(%operation, "restarting");
                anew = true;
                Ok(())
            }
            Summons::UseOwnLease => {
                tracing::info!("beginning anew, with a lease that is known again");
                anew = true;
                Ok(())
            }
            Summons::Removed(why) => {
                removed::keep(&home, &why);
                // Whoever stops it meanwhile need not wait.
                let _ = tokio::time::timeout(removed::LAST_WORDS, stopping.wait()).await;
                Err(removed::removed(&why))
            }
        },
    };
    if !anew {
        tell_systemd(&[NotifyState::Stopping]);
    }
    ended.cancel();
    driver.shutdown().await;
    surfaces.drain().await;
    beside.shutdown().await;
    drop((member, hosts));
    group.shutdown().await;
    tracing::info!("stopped");
    // Whoever asked it to stop while it ended must not find it there again.
    match anew && stopping.wait().now_or_never().is_none() {
        true => Err(summons::begin_anew()),
        false => outcome,
    }
}

/// The log in the data directory of a Manager. None where there is no Manager yet, whose folder stays as it is, and
/// none where it cannot be written: standard error has it all the same.
fn log_file(config: &Config) -> Option<LogFile> {
    if !Home::at(&config.node.data_dir).is_settled() {
        return None;
    }
    let folder = shelf::folder(&config.node.data_dir);
    let bounds = Bounds { part_bytes: config.log_files.bytes, parts: config.log_files.files };
    match LogFile::open(&folder, bounds, &config.in_force) {
        Ok(file) => Some(file),
        Err(error) => {
            complain(&format!("km: {} cannot be written: {error}", folder.display()));
            None
        }
    }
}

/// Whether the data directory is that of a member with this role; gives the group key of a Manager.
fn check_home(home: &Home, config: &Config) -> Result<Option<Secret>, Failure> {
    let dir = config.node.data_dir.display();
    if let Some(why) = home.removal() {
        return Err(removed::removed(&why));
    }
    if !home.is_settled() {
        let remedy = "make a first Manager with km init, or let this host in with km join";
        return Err(Failure::Refused(format!("{dir} holds no Manager: {remedy}")));
    }
    home.check_credentials().map_err(failed)?;
    let key = home.group_key().map_err(failed)?;
    let told = config.node.role.as_str();
    match (config.node.role, &key) {
        (Role::Manager, None) => Err(wrong_role(&dir, told, "a witness")),
        (Role::Witness, Some(_)) => Err(wrong_role(&dir, told, "a Manager")),
        (Role::Manager, Some(_)) | (Role::Witness, None) => {
            Ok(key.map(|key| Secret::new(key.to_hex().as_str())))
        }
    }
}

fn wrong_role(dir: &impl std::fmt::Display, told: &str, is: &str) -> Failure {
    let problem = format!("{dir} belongs to {is}, but node.role is {told}");
    Failure::Refused(format!("{problem}: correct node.role, or join anew with an empty folder"))
}

fn bind_all(config: &Config) -> Result<Ports, Failure> {
    let api = match config.node.role {
        Role::Manager => Some(bind("api.listen", config.api.listen)?),
        Role::Witness => None,
    };
    let peer = bind("peer.listen", config.peer.listen)?;
    Ok(Ports { peer, api, health: bind("health.listen", config.health.listen)? })
}

async fn take_seat(config: &Config, home: Home, peer: TcpListener) -> Result<Group, Failure> {
    let listener =
        tokio::net::TcpListener::from_std(peer).map_err(Failure::local("peer.listen"))?;
    let seat = Seat {
        home,
        role: config.node.role,
        profile: profile(config),
        listener,
        hold: config.timing.forward_hold,
        store: raft_store::Options::default(),
        thresholds: Thresholds::after(config.checkpoint_after),
    };
    Group::start(seat).await.map_err(failed)
}

/// Everything that runs while this Manager is Active, one line for each room.
fn reconcilers(group: &Group, hosts: &Arc<Hosts>) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(managers::reconciler::Managers::of(group.clone())),
        Arc::new(hosts_room::reconciler::Hosts::of(group.clone(), hosts.clone())),
        Arc::new(operations::reconciler::Operations::of(group.clone())),
        Arc::new(operations::reconciler::Chores::of(group.clone(), hosts.clone())),
        Arc::new(prechecks::reconciler::Prechecks::of(group.clone(), hosts.clone())),
        Arc::new(services::reconciler::Services::of(
            group.clone(),
            Arc::new(RealZookeeper::of(group.unowned())),
        )),
        Arc::new(services::reconciler::Judging::of(group.clone(), hosts.clone())),
        Arc::new(services::reconciler::Recovering::of(group.clone())),
        Arc::new(services::reconciler::Scheduling::of(group.clone())),
        Arc::new(alerts::reconciler::Alerts::of(group.clone())),
        Arc::new(alerts::reconciler::Couriers::of(
            group.clone(),
            Arc::new(RealPost::of(group.unowned())),
        )),
    ]
}

/// What serves people and load balancers.
#[derive(Default)]
struct Surfaces {
    tasks: JoinSet<std::io::Result<()>>,
    handles: Vec<Handle<SocketAddr>>,
}

impl Surfaces {
    fn health(&mut self, listener: TcpListener, member: &Arc<Member>) {
        let handle = self.handle();
        self.tasks.spawn(serve_health(listener, api::health_router(member.clone()), handle));
    }

    fn api(
        &mut self,
        listener: TcpListener,
        (certificates, renews): (Certificates, impl Fn() + Send + 'static),
        surface: Arc<Surface>,
        ended: CancellationToken,
    ) {
        let (handle, tls) = (self.handle(), certificates.tls());
        self.tasks.spawn(serve_api(listener, tls, api::router(surface), handle));
        self.tasks.spawn(certificates.keep(renews, ended).map(Ok));
    }

    fn handle(&mut self) -> Handle<SocketAddr> {
        let handle = Handle::new();
        self.handles.push(handle.clone());
        handle
    }

    /// Waits until one of them ends although nobody ended it.
    async fn failed(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => Failure::Refused(format!("a port is served no more: {error}")),
            Some(_) | None => Failure::Refused("a port is served no more".into()),
        }
    }

    /// Lets open requests finish, for a while, then ends.
    async fn drain(mut self) {
        self.handles.iter().for_each(drain);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits until the Raft core ends by itself, and tells systemd meanwhile that this process makes progress.
async fn raft_stopped(group: &Group) -> String {
    loop {
        if let Some(because) = group.standing().stopped {
            return because;
        }
        tell_systemd(&[NotifyState::Watchdog]);
        tokio::time::sleep(PULSE).await;
    }
}

fn tell_systemd(states: &[NotifyState<'_>]) {
    // Not started by systemd, or it does not listen: then nobody wants to know.
    let _ = sd_notify::notify(states);
}

fn failed(failure: impl std::fmt::Display) -> Failure {
    Failure::Refused(failure.to_string())
}
