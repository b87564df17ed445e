//! Taking one's seat in the group: the same for a first, a joining and a returning member and for a witness.
//!
//! What differs was decided before, when the home was made. Nothing here ever formats a directory or begins a
//! group by itself: an empty disk under a known number is refused, with the remedy in the message.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openraft::errors::{InitializeError, RaftError};
use openraft::storage::RaftLogStorage;
use openraft::{Config, Raft, SnapshotPolicy, StepDownPolicy};
use raft_store::types::Member;
use raft_store::{Machine, Opened};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Group;
use super::assumed_lease::AssumedLease;
use super::checkpointing::Thresholds;
use super::comparing::Readings;
use super::core::{Core, Heard, RaftNode};
use super::feed::Feed;
use super::home::{Founding, Home, HomeFailure};
use super::network::{Networks, Peers};
use super::peer_server::PeerServer;
use super::pki::PeerIdentity;
use super::proposing::{self, Draft, ProposeFailure, WallClock};
use super::quarantine::Quarantine;
use super::relay;
use super::replica::Replica;
use super::road::{Door, Road, TlsDoor, TlsRoad};
use super::status::{About, PeerBoard};
use super::timers::Timers;
use super::tls::Shown;
use super::will::Wills;
use crate::base::{ManagerId, Refusal};
use crate::capabilities::managers::model::{Command, FOUNDER, Profile, Role};

/// Longest time a checkpoint may take to be installed: disk work, and much of it after a long absence.
const INSTALL_DEADLINE_MS: u64 = 120_000;

/// Pauses before an unreachable follower is tried again. Short: a healed network should not wait for us.
const BACKOFF: &str = "100ms 200ms ...500ms";

/// Longest time the first member may take to lead a group of one.
const FIRST_LEAD_DEADLINE: Duration = Duration::from_secs(30);

/// Deaths of leaders that may wait. A further one will be noticed by the clock.
const DEATHS: usize = 4;

/// What a member needs to take its seat.
pub struct Seat {
    /// Its data directory.
    pub home: Home,
    /// What it is for.
    pub role: Role,
    /// What it tells the group about itself. The lease in it is filled in here.
    pub profile: Profile,
    /// The bound peer port.
    pub listener: TcpListener,
    /// For how long a caller is held while there is no leader.
    pub hold: Duration,
    /// How the store is run.
    pub store: raft_store::Options,
    /// When checkpoints are made.
    pub thresholds: Thresholds,
}

/// What a member stands on. In a process it is made of what lies in its home; a simulation makes its own.
pub struct Grounds {
    /// Who this member is.
    pub here: PeerIdentity,
    /// The disk its number is bound to.
    pub disk_id: Uuid,
    /// How the others are reached.
    pub road: Arc<dyn Road>,
    /// Where they arrive.
    pub door: Box<dyn Door>,
    /// What time it is.
    pub wall_clock: WallClock,
    /// When checkpoints are made.
    pub thresholds: Thresholds,
}

/// What a member is, beside who.
pub struct Sitter {
    /// See [`Seat`].
    pub home: Home,
    /// See [`Seat`].
    pub role: Role,
    /// See [`Seat`].
    pub profile: Profile,
    /// See [`Seat`].
    pub hold: Duration,
}

/// A store to be opened.
pub trait Opening {
    /// Opens it and brings the machine to its newest checkpoint.
    fn open<M: Machine>(self, machine: Arc<M>) -> Result<Opened<M>, raft_store::OpenError>;
}

/// A store on a disk.
struct OnDisk {
    dir: PathBuf,
    expected: raft_store::Identity,
    options: raft_store::Options,
}

impl Opening for OnDisk {
    fn open<M: Machine>(self, machine: Arc<M>) -> Result<Opened<M>, raft_store::OpenError> {
        raft_store::open(&self.dir, &self.expected, self.options, machine)
    }
}

/// Why a member could not take its seat.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// The data directory is not usable.
    #[error(transparent)]
    Home(#[from] HomeFailure),
    /// The store does not open; the message says what to do.
    #[error(transparent)]
    Store(#[from] raft_store::OpenError),
    /// The certificates are not usable.
    #[error(transparent)]
    Tls(#[from] super::tls::TlsFailure),
    /// The Raft core did not start.
    #[error("consensus did not start: {0}")]
    Raft(String),
}

/// Why a group could not be founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundFailure {
    /// This member is not the first of a group.
    #[error("only the first member of a group founds it")]
    NotFirst,
    /// The Raft core refused.
    #[error("consensus did not start: {0}")]
    Raft(String),
    /// The founding could not be proposed.
    #[error(transparent)]
    Propose(#[from] ProposeFailure),
    /// The group said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Group {
    /// Opens the store, starts consensus and lets peers in.
    pub async fn start(seat: Seat) -> Result<Group, StartFailure> {
        let Seat { home, role, profile, listener, hold, store, thresholds } = seat;
        let credentials = home.credentials()?;
        let (here, shown) = (credentials.identity()?, Shown::of(&credentials)?);
        let expected = home.expected(&credentials)?;
        let grounds = Grounds {
            here,
            disk_id: expected.disk_id,
            road: Arc::new(TlsRoad::new(credentials.peer_client(shown.clone())?, here)),
            door: Box::new(TlsDoor::new(credentials.peer_server(shown.clone())?, listener)),
            wall_clock: Arc::new(proposing::now),
            thresholds,
        };
        let store = OnDisk { dir: home.store_dir(), expected, options: store };
        Self::begin(Sitter { home, role, profile, hold }, grounds, store, shown).await
    }

    /// The same on grounds of one's own. Only a simulation stands on any but those of [`start`](Self::start).
    pub async fn start_on(
        sitter: Sitter,
        grounds: Grounds,
        store: impl Opening,
    ) -> Result<Group, StartFailure> {
        Self::begin(sitter, grounds, store, Shown::nothing()).await
    }

    async fn begin(
        sitter: Sitter,
        grounds: Grounds,
        store: impl Opening,
        shown: Arc<Shown>,
    ) -> Result<Group, StartFailure> {
        let Sitter { home, role, profile, hold } = sitter;
        let Grounds { here, disk_id, road, door, wall_clock, thresholds } = grounds;
        let promise = home.promise()?;
        let timers = promise.in_force();
        let assumed_lease = AssumedLease::of_a_start(promise.is_assumed());
        let feed = Feed::default();
        let replica = Arc::new(Replica::new(feed.clone()));
        let mut opened = store.open(replica.clone())?;
        let addresses = replica.clone();
        let peers = Arc::new(Peers::new(road, here, move |id| {
            addresses.view(|state| {
                let member = state.managers.members.get(&ManagerId(id));
                member.map(|member| member.profile.peer_addr.clone())
            })
        }));
        let inbox = opened.state.inbox();
        let log_reader = opened.log.get_log_reader().await;
        let (relay, candidates) = relay::relay();
        let (deaths, told) = mpsc::channel(DEATHS);
        let quarantine = Quarantine::begin(timers.lease_ms());
        let config = config(here, timers, thresholds);
        let roles = replica.clone();
        let is_witness = move |id| {
            roles.view(|state| {
                let member = state.managers.members.get(&ManagerId(id));
                member.is_none_or(|member| member.role == Role::Witness)
            })
        };
        let (is_witness, on_disk) = (Arc::new(is_witness), log_reader.on_disk());
        let networks = Networks { peers: peers.clone(), is_witness, on_disk };
        let raft = start_raft(config, networks, opened.log, opened.state).await?;
        let about = About {
            pid: std::process::id(),
            started_at: wall_clock(),
            version: profile.version.clone(),
            install_path: std::env::current_exe().unwrap_or_default(),
            data_dir: home.dir().to_owned(),
            disk_id,
            certificate_expires_at: shown.expires_at(),
        };
        let core = Core {
            here,
            role,
            profile,
            raft,
            replica,
            feed,
            history: opened.history,
            health: opened.health,
            inbox,
            log_reader,
            relay: (role == Role::Witness).then_some(relay),
            peers,
            board: PeerBoard::default(),
            about,
            promise,
            assumed_lease,
            timers,
            quarantine,
            heard: Heard::never(),
            readings: Readings::default(),
            difference: Mutex::default(),
            doubted: OnceLock::new(),
            wills: Wills::new(),
            deaths,
            hold,
            home,
            shown,
            wall_clock,
            thresholds,
        };
        let group = Group { core: Arc::new(core), running: Arc::new(Mutex::default()) };
        let server = PeerServer::new(here, Arc::new(group.unowned()));
        let mut tasks = JoinSet::new();
        tasks.spawn(server.listen(door));
        tasks.spawn(group.unowned().keep_board());
        tasks.spawn(group.unowned().keep_certificate());
        tasks.spawn(group.unowned().keep_checkpoints());
        tasks.spawn(group.unowned().keep_announcing());
        tasks.spawn(group.unowned().keep_relaying(candidates));
        tasks.spawn(group.unowned().keep_depositing());
        tasks.spawn(group.unowned().keep_succeeding(told));
        tasks.spawn(group.unowned().stand_when_allowed());
        group.keep(tasks, opened.closing);
        Ok(group)
    }

    /// Begins the group of which this is the first member. May be repeated until it succeeds.
    pub async fn found(&self, founding: Founding) -> Result<(), FoundFailure> {
        if self.here() != FOUNDER {
            return Err(FoundFailure::NotFirst);
        }
        let member = Member { peer_addr: self.core.profile.peer_addr.clone() };
        match self.core.raft.initialize(BTreeMap::from([(FOUNDER.0, member)])).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(error) => return Err(FoundFailure::Raft(error.to_string())),
        }
        self.core
            .raft
            .wait(Some(FIRST_LEAD_DEADLINE))
            .current_leader(FOUNDER.0, "a group of one elects its only member")
            .await
            .map_err(|error| FoundFailure::Raft(error.to_string()))?;
        let lease_ms = self.core.timers.lease_ms();
        let profile = Profile { lease_ms, ..self.core.profile.clone() };
        let Founding { group, disk_id } = founding;
        let draft = Draft::own(FOUNDER, Command::Found { group, profile, disk_id });
        self.propose(draft).await?.answer.into_result()?;
        Ok(())
    }

    /// Keeps out of elections for one lease after the start. The only voter of a group has nobody's lease
    /// to respect; a witness never stands.
    async fn stand_when_allowed(self) {
        if self.core.role == Role::Witness {
            return;
        }
        let mut changes = self.changes();
        let alone = async {
            // A group that does not exist yet, or whose membership was not read yet, is not "alone".
            while !self.standing().alone() {
                changes.next().await;
            }
        };
        tokio::select! {
            () = alone => {}
            () = self.core.quarantine.over() => {}
        }
        self.core.raft.runtime_config().elect(true);
    }
}

async fn start_raft(
    config: Config,
    networks: Networks,
    log: raft_store::LogStore,
    state: raft_store::StateStore<Replica>,
) -> Result<RaftNode, StartFailure> {
    let config = config.validate().map_err(raft_failure)?;
    let here = networks.peers.here().node_id;
    Raft::new(here, Arc::new(config), networks, log, state).await.map_err(raft_failure)
}

fn raft_failure(error: impl ToString) -> StartFailure {
    StartFailure::Raft(error.to_string())
}

/// The library's settings. Its defaults are for the laboratory; every one that matters is set here.
fn config(here: PeerIdentity, timers: Timers, thresholds: Thresholds) -> Config {
    Config {
        cluster_name: here.cluster_id.to_string(),
        heartbeat_interval: timers.heartbeat_ms,
        election_timeout_min: timers.election_min_ms,
        election_timeout_max: timers.election_max_ms,
        install_snapshot_timeout: INSTALL_DEADLINE_MS,
        // See `checkpointing`.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: thresholds.kept_behind,
        replication_lag_threshold: thresholds.lag,
        backoff: BACKOFF.to_owned(),
        // Nobody stands before the quarantine is over: see `stand_when_allowed`.
        enable_elect: false,
        // A member that cannot win must not disturb one that leads.
        enable_pre_vote: Some(true),
        // After this long without a quorum a leader falls silent for a while, so that members which hear
        // it but cannot serve it are free to elect another.
        quorum_loss_probe_interval: Some(2 * timers.election_max_ms),
        // A member whose disk was put back to an older copy is brought up to date, as any other leader would. Without
        // this a leader that knew it better ends, or sends it nothing more.
        allow_log_reversion: Some(true),
        // A restarted leader must be elected anew: its facts are behind its log.
        enable_leader_restore: Some(false),
        // A removed leader would hand over by itself and past the lease, while its tenure still stands. Here the driver
        // has it leave.
        removed_leader_step_down: StepDownPolicy::Never,
        ..Config::default()
    }
}
