//! Being one of several: the only way to consensus, and the only user of the Raft library.
//!
//! ```text
//!   propose ─→ here, or one hop to the leader ─→ log of a majority ─→ replica ─→ answer
//!   settle  ─→ the leader confirms with a quorum ─→ wait until applied here ─→ view
//! ```
//!
//! Reading order: [`Group`] below; `start` (taking one's seat) and `home` (what lies on the disk);
//! `proposing` and `reading`; `membership` and `joining`; then the peer port from the bytes up: `frames`,
//! `wire` and `translation`, `tcp`, `road` and `dial`, `call_link`, `append_stream`, `checkpoint_stream`, `network` on the dialling side,
//! `peer_server` and `desk` on the listening one; `pki`, `vault` and `tls` for who may speak at all, `renewing` for
//! why they go on to; `agents` and `ssh_key` for how hosts are certified and reached; `timers`, `promise`, `announcing`, `assumed_lease` and `quarantine` for why a claim to be Active never overlaps
//! another, `will` and `keeper` for how a death is known at once; `clock` for whose wall clock is believed;
//! `comparing` for how a member with other facts is found out; `removed` for how one learns that it is no member any more; `shelf` for how members read each other's logs; `looking` for how one sees with another's eyes.

mod agents;
mod announcing;
mod append_stream;
mod assumed_lease;
mod call_link;
mod checkpoint_stream;
mod checkpointing;
mod clock;
mod comparing;
#[cfg(test)]
mod comparing_tests;
mod core;
mod desk;
mod dial;
mod feed;
pub(crate) mod frames;
mod home;
mod joining;
mod keeper;
mod looking;
mod membership;
mod network;
mod own_disk;
mod peer_server;
#[cfg(test)]
mod peer_tests;
mod pki;
pub(crate) mod private_file;
mod promise;
mod proposing;
mod quarantine;
mod reading;
mod relay;
mod removed;
mod renewing;
mod replica;
mod road;
mod room;
pub mod shelf;
mod signing_in;
mod ssh_key;
mod standing;
mod start;
mod status;
pub(crate) mod summed_file;
pub(crate) mod tcp;
mod timers;
mod tls;
mod translation;
mod vault;
mod will;
pub(crate) mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::async_runtime::WatchReceiver;
use raft_store::types::TypeConfig;
use raft_store::{Closing, HealthReport, History};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) use self::agents::SshKeyFailure;
pub use self::agents::{AgentCertificate, AgentDialer};
pub use self::checkpointing::Thresholds;
pub use self::clock::AHEAD_MAX_MS;
pub(crate) use self::clock::middle as middle_clock;
pub use self::comparing::{Difference, Reading};
use self::core::Core;
pub use self::feed::{Feed, FeedEnded, RING, Subscription, TooOld};
pub use self::home::{Founding, Home, HomeFailure, JoinAsk, JoinGrant};
pub use self::joining::{AdmitFailure, JoinRequest};
pub use self::keeper::{Heard, Keeper};
pub use self::looking::{LOOKS_MAX, Looked, look_at};
pub use self::membership::MembershipFailure;
pub use self::pki::{AgentIdentity, CertificateRequest, GroupCa, PeerIdentity, PkiFailure};
pub(crate) use self::proposing::now as wall_clock;
pub use self::proposing::{Draft, ProposeFailure, Settled, WallClock};
pub use self::reading::{Consistency, ReadFailure, ReadStamp};
pub use self::renewing::RenewFailure;
pub use self::road::{Door, Duplex, Road, Stream, Visitor};
pub use self::shelf::{LogFailure, LogFile};
pub use self::standing::Standing;
pub use self::start::{FoundFailure, Grounds, Opening, Seat, Sitter, StartFailure};
pub use self::status::{About, MemberStatus, PeerReport};
pub use self::timers::{Timers, TimersFailure, claim_window};
pub use self::tls::{Credentials, TlsFailure};
pub(crate) use self::tls::{Shown, peer_identity};
pub use self::vault::{GroupKey, VaultFailure};
pub use self::will::Instructions;
use crate::base::{ManagerId, Revision};
use crate::capabilities::managers::model::Role;
use crate::machine::State;

/// One member of the group, as the rest of this process sees it. Clones are the same member.
#[derive(Clone)]
pub struct Group {
    core: Arc<Core>,
    /// What has to be ended on the way down; empty in the handles given to those very tasks.
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    tasks: JoinSet<()>,
    closing: Closing,
}

impl Group {
    /// This member's number.
    pub fn here(&self) -> ManagerId {
        ManagerId(self.core.here.node_id)
    }

    /// Names the group for ever.
    pub fn cluster_id(&self) -> Uuid {
        self.core.here.cluster_id
    }

    /// What this member is for.
    pub fn role(&self) -> Role {
        self.core.role
    }

    /// Looks at the facts. Keep it short and do not wait inside: entries wait meanwhile.
    pub fn view<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.core.replica.view(look)
    }

    /// The revision up to which the facts here are, and a way to wait for more.
    pub fn applied(&self) -> watch::Receiver<Revision> {
        self.core.replica.applied()
    }

    /// What was applied, in order.
    pub fn feed(&self) -> &Feed {
        &self.core.feed
    }

    /// History kept beside the facts.
    pub fn history(&self) -> &History {
        &self.core.history
    }

    /// What the store has to report.
    pub fn store_health(&self) -> HealthReport {
        self.core.health.report()
    }

    /// Where this member stands now.
    pub fn standing(&self) -> Standing {
        self.core.standing()
    }

    /// The timers in force here.
    pub fn timers(&self) -> Timers {
        self.core.timers
    }

    /// For how long after a quorum's acknowledgement this member may call itself Active, by the facts here.
    pub fn claim_window(&self) -> Duration {
        let announced: Vec<u64> = self.view(|state| {
            state.managers.members.values().map(|member| member.profile.lease_ms).collect()
        });
        claim_window(self.core.timers.lease_ms(), announced)
    }

    /// A way to wait until the standing may have changed.
    pub(crate) fn changes(&self) -> Changes {
        let raft = &self.core.raft;
        Changes { everything: raft.metrics(), elections: raft.server_metrics() }
    }

    /// Ends everything this member does, in order, and closes the store. Other handles answer
    /// [`ProposeFailure::Stopping`] from then on.
    pub async fn shutdown(self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { mut tasks, closing }) = running else { return };
        tasks.shutdown().await;
        if let Err(error) = self.core.raft.shutdown().await {
            tracing::error!(%error, "the Raft core did not end well");
        }
        drop(self);
        if let Err(error) = closing.waited().await {
            tracing::error!(%error, "the store did not close well");
        }
    }

    /// A handle that does not keep this member's tasks going: for those tasks, and for who only looks.
    pub(crate) fn unowned(&self) -> Group {
        Group { core: self.core.clone(), running: Arc::default() }
    }

    fn keep(&self, tasks: JoinSet<()>, closing: Closing) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = Some(Running { tasks, closing });
    }
}

/// Tells when a standing may have changed.
pub(crate) struct Changes {
    everything: Watched<openraft::RaftMetrics<TypeConfig>>,
    elections: Watched<openraft::metrics::RaftServerMetrics<TypeConfig>>,
}

type Watched<T> = openraft::alias::WatchReceiverOf<TypeConfig, T>;

impl Changes {
    /// Waits for the next change; for ever once the Raft core has ended.
    pub(crate) async fn next(&mut self) {
        if self.everything.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the next change that matters to a member that may take the office: any while it leads, else only
    /// those of who leads, votes and belongs to the group. Under load the others come a thousand times a second.
    pub(crate) async fn next_if(&mut self, leading: bool) {
        match leading {
            true => self.next().await,
            false if self.elections.changed().await.is_ok() => {}
            false => std::future::pending().await,
        }
    }
}
