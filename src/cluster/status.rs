//! What members tell each other about themselves once a second. Works without a quorum, so that an operator
//! looking at any Manager sees the others as they were last heard of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::Group;
use super::frames::Kind;
use super::wire::StatusV1;
use crate::base::{ManagerId, Revision, Term, Timestamp};

/// How often the others are asked.
const PERIOD: Duration = Duration::from_secs(1);

/// How long an answer may take before the member counts as not reached.
const DEADLINE: Duration = Duration::from_millis(900);

/// What does not change while this process runs.
#[derive(Clone, Debug)]
pub struct About {
    /// Process id.
    pub pid: u32,
    /// When it was started.
    pub started_at: Timestamp,
    /// Version of its build.
    pub version: String,
    /// Path of its binary.
    pub install_path: PathBuf,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// The disk its number is bound to.
    pub disk_id: Uuid,
    /// When its certificate ends.
    pub certificate_expires_at: Option<Timestamp>,
}

/// What one member told about itself.
#[derive(Clone, Debug)]
pub struct MemberStatus {
    /// What does not change.
    pub about: About,
    /// Its term.
    pub term: Term,
    /// The leader it knows of.
    pub leader: Option<ManagerId>,
    /// Last entry of its log.
    pub last_log: Revision,
    /// Last entry it applied.
    pub applied: Revision,
    /// Last entry its newest checkpoint covers.
    pub checkpoint: Revision,
    /// Bytes its data takes on disk.
    pub data_bytes: u64,
    /// Why it refuses proposals, if its disk is full.
    pub disk_full: Option<String>,
}

/// What is known here of another member.
#[derive(Clone, Debug)]
pub struct PeerReport {
    /// Who.
    pub id: ManagerId,
    /// Whether it answered the last time it was asked.
    pub reachable: bool,
    /// What it told last; `None`: never heard of since this process started.
    pub status: Option<MemberStatus>,
    /// How long ago that was.
    pub age_ms: Option<u64>,
}

/// The last word of every other member.
#[derive(Default)]
pub(crate) struct PeerBoard {
    words: Mutex<BTreeMap<ManagerId, Word>>,
}

#[derive(Clone)]
struct Word {
    reachable: bool,
    last: Option<(MemberStatus, Instant)>,
}

impl PeerBoard {
    fn note(&self, id: ManagerId, answer: Option<MemberStatus>) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let word = words.entry(id).or_insert(Word { reachable: false, last: None });
        word.reachable = answer.is_some();
        if let Some(status) = answer {
            word.last = Some((status, Instant::now()));
        }
    }

    fn keep_only(&self, members: &[ManagerId]) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.retain(|id, _| members.contains(id));
    }

    fn reports(&self) -> Vec<PeerReport> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(id, word): (&ManagerId, &Word)| PeerReport {
            id: *id,
            reachable: word.reachable,
            status: word.last.as_ref().map(|(status, _)| status.clone()),
            age_ms: word.last.as_ref().map(|(_, at)| at.elapsed().as_millis() as u64),
        };
        words.iter().map(report).collect()
    }
}

impl Group {
    /// Every other member as it was last heard of.
    pub fn peers(&self) -> Vec<PeerReport> {
        self.core.board.reports()
    }

    /// This member, as it tells the others.
    pub fn own_status(&self) -> MemberStatus {
        let standing = self.standing();
        let health = self.core.health.report();
        MemberStatus {
            about: self.core.about.clone(),
            term: standing.term,
            leader: standing.leader,
            last_log: standing.last_log,
            applied: standing.applied,
            checkpoint: standing.checkpoint,
            data_bytes: health.log_bytes + health.checkpoint_bytes + health.history_bytes,
            disk_full: health.disk_full.map(str::to_owned),
        }
    }

    pub(super) fn status_for_peer(&self) -> StatusV1 {
        StatusV1::from(self.own_status())
    }

    /// Asks all members once a second, until dropped.
    pub(super) async fn keep_board(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let members = self.other_members();
            self.core.board.keep_only(&members);
            self.core.peers.forget_all_but(|id| members.contains(&ManagerId(id)));
            let mut asked = JoinSet::new();
            for id in members {
                let group = self.clone();
                asked.spawn(async move { group.ask_status(id).await });
            }
            while asked.join_next().await.is_some() {}
        }
    }

    async fn ask_status(&self, id: ManagerId) {
        let peer = self.core.peers.get(id.0);
        let answer =
            peer.ask::<StatusV1>(Kind::Status, Bytes::new(), Kind::StatusReply, DEADLINE).await;
        if let Err(failure) = &answer {
            tracing::debug!(peer = id.0, %failure, "no status");
        }
        self.core.board.note(id, answer.ok().map(MemberStatus::from));
    }

    /// Members by the facts and by the Raft membership: either may be ahead of the other.
    fn other_members(&self) -> Vec<ManagerId> {
        let standing = self.standing();
        let mut members = standing.voters;
        members.extend(standing.learners);
        self.view(|state| members.extend(state.managers.members.keys().copied()));
        members.remove(&self.here());
        members.into_iter().collect()
    }
}

impl From<MemberStatus> for StatusV1 {
    fn from(status: MemberStatus) -> Self {
        let about = status.about;
        StatusV1 {
            pid: about.pid,
            started_at_ms: about.started_at.0,
            version: about.version,
            install_path: about.install_path.to_string_lossy().into_owned(),
            data_dir: about.data_dir.to_string_lossy().into_owned(),
            disk_id: about.disk_id.into_bytes(),
            certificate_expires_at_ms: about.certificate_expires_at.map(|at| at.0),
            term: status.term.0,
            leader: status.leader.map(|leader| leader.0),
            last_log: status.last_log.0,
            applied: status.applied.0,
            checkpoint: status.checkpoint.0,
            data_bytes: status.data_bytes,
            disk_full: status.disk_full,
        }
    }
}

impl From<StatusV1> for MemberStatus {
    fn from(wire: StatusV1) -> Self {
        MemberStatus {
            about: About {
                pid: wire.pid,
                started_at: Timestamp(wire.started_at_ms),
                version: wire.version,
                install_path: wire.install_path.into(),
                data_dir: wire.data_dir.into(),
                disk_id: Uuid::from_bytes(wire.disk_id),
                certificate_expires_at: wire.certificate_expires_at_ms.map(Timestamp),
            },
            term: Term(wire.term),
            leader: wire.leader.map(ManagerId),
            last_log: Revision(wire.last_log),
            applied: Revision(wire.applied),
            checkpoint: Revision(wire.checkpoint),
            data_bytes: wire.data_bytes,
            disk_full: wire.disk_full,
        }
    }
}
