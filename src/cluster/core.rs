//! What the parts of one member share: the Raft node, the facts, the links. Not seen outside this folder.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use raft_store::types::TypeConfig;
use raft_store::{CheckpointInbox, History, LogReader, StateStore, StoreHealth};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::assumed_lease::AssumedLease;
use super::checkpointing::Thresholds;
use super::comparing::{Difference, Readings};
use super::feed::Feed;
use super::home::Home;
use super::network::Peers;
use super::pki::PeerIdentity;
use super::promise::Promise;
use super::proposing::WallClock;
use super::quarantine::Quarantine;
use super::relay::Relay;
use super::removed;
use super::replica::Replica;
use super::standing::Standing;
use super::status::{About, PeerBoard};
use super::timers::Timers;
use super::tls::Shown;
use super::will::Wills;
use super::wire::VoteV1;
use crate::base::ManagerId;
use crate::capabilities::managers::model::{Profile, Role};

/// The Raft node of this product.
pub(crate) type RaftNode = Raft<TypeConfig, StateStore<Replica>>;

pub(crate) struct Core {
    pub here: PeerIdentity,
    pub role: Role,
    pub profile: Profile,
    pub raft: RaftNode,
    pub replica: Arc<Replica>,
    pub feed: Feed,
    pub history: History,
    pub health: StoreHealth,
    pub inbox: CheckpointInbox,
    pub log_reader: LogReader,
    /// Where a witness notes candidates it may help; nobody else does.
    pub relay: Option<Relay>,
    pub peers: Arc<Peers>,
    pub board: PeerBoard,
    pub about: About,
    pub promise: Promise,
    pub assumed_lease: AssumedLease,
    pub timers: Timers,
    pub quarantine: Quarantine,
    pub heard: Heard,
    pub readings: Readings,
    pub difference: Mutex<Option<Difference>>,
    /// Why this member's facts are not to be trusted; it ends then.
    pub doubted: OnceLock<String>,
    pub wills: Wills,
    /// Where the death of a leader's process is told.
    pub deaths: mpsc::Sender<VoteV1>,
    /// For how long a caller is held while there is no leader.
    pub hold: Duration,
    pub home: Home,
    /// What this member shows on its peer port.
    pub shown: Arc<Shown>,
    /// Tells this host's time.
    pub wall_clock: WallClock,
    pub thresholds: Thresholds,
}

/// When this member last took something from a leader.
pub(crate) struct Heard {
    since: Instant,
    /// Milliseconds after `since`, plus one; 0 for never.
    last_ms: AtomicU64,
}

impl Heard {
    pub(crate) fn never() -> Self {
        Heard { since: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last_ms.fetch_max(ms + 1, Ordering::Relaxed);
    }

    pub(crate) fn ago(&self) -> Option<Duration> {
        let last = self.last_ms.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.since.elapsed().saturating_sub(Duration::from_millis(last)))
    }
}

impl Core {
    pub(crate) fn standing(&self) -> Standing {
        let read = Standing::read(&self.raft.metrics().borrow_watched(), self.heard.ago());
        let stopped = read.stopped.clone().or_else(|| self.doubted.get().cloned());
        Standing { stopped, removed: self.peers.farewell().heard(), ..read }
    }

    /// Whether the Raft core has ended, in good order or not.
    pub(crate) fn has_stopped(&self) -> bool {
        self.raft.metrics().borrow_watched().running_state.is_err()
    }

    /// The leader this member knows of.
    pub(crate) fn known_leader(&self) -> Option<u64> {
        self.raft.server_metrics().borrow_watched().current_leader
    }

    /// Waits until this member knows of another leader than `leader`.
    pub(crate) async fn leader_is_not(&self, leader: u64) {
        self.leader_that(|known| known != leader).await;
    }

    /// Waits until this member knows of a leader.
    pub(crate) async fn some_leader(&self) {
        self.leader_that(|_| true).await;
    }

    /// Listens to what changes with elections only: the library's other metrics change with every entry, and every
    /// call that waits here would be woken by each.
    async fn leader_that(&self, fits: impl Fn(u64) -> bool) {
        let mut metrics = self.raft.server_metrics();
        loop {
            let known = metrics.borrow_watched().current_leader;
            if known.is_some_and(&fits) {
                return;
            }
            if metrics.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether `peer` may speak to this member.
    ///
    /// Numbers come from the log, so one that is beyond what was applied here may belong to a member this
    /// one has not heard of yet; its certificate proves that the group admitted it. A number at or below
    /// what was applied, and not among the members, was removed or never given.
    pub(crate) fn admits(&self, peer: u64) -> Result<(), String> {
        let id = ManagerId(peer);
        self.replica.view(|state| {
            let members = &state.managers.members;
            if members.is_empty() || members.contains_key(&id) || peer > state.kernel.revision.0 {
                return Ok(());
            }
            Err(removed::told(id, state.managers.removed.get(&id)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_age_of_a_leaders_word_grows_until_it_speaks_again() {
        let heard = Heard::never();
        assert_eq!(heard.ago(), None);
        heard.now();
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!(heard.ago(), Some(Duration::from_millis(300)));
        heard.now();
        assert_eq!(heard.ago(), Some(Duration::ZERO));
    }
}
