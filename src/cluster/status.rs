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
use super::clock::{AHEAD_MAX_MS, AheadMs, ahead_ms, believable, middle};
use super::comparing::Reading;
use super::frames::Kind;
use super::wire::{ReadingV1, StatusV1};
use crate::base::{Digest, ManagerId, Revision, Term, Timestamp};

/// How often the others are asked.
const PERIOD: Duration = Duration::from_secs(1);

/// How long an answer may take before the member counts as not reached.
const DEADLINE: Duration = Duration::from_millis(900);

/// How old the reading of a member's clock may be. Both hosts' monotonic clocks have gone on since.
const CLOCK_KEPT: Duration = Duration::from_secs(10);

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
    /// How many damaged files its process has put aside and rebuilt.
    pub rebuilt: u32,
    /// Digests of its facts at some revisions.
    pub readings: Vec<Reading>,
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
    /// The last entry here when it told that: what it told is to be compared with nothing newer.
    pub newest_then: Option<Revision>,
    /// How many milliseconds its wall clock is ahead of ours; `None`: not told lately.
    pub clock_ahead_ms: Option<i64>,
}

/// The last word of every other member.
#[derive(Default)]
pub(crate) struct PeerBoard {
    words: Mutex<BTreeMap<ManagerId, Word>>,
}

#[derive(Clone)]
struct Word {
    reachable: bool,
    last: Option<Told>,
}

#[derive(Clone)]
struct Told {
    status: MemberStatus,
    /// Its wall clock, as it told.
    clock: Timestamp,
    at: Instant,
    newest_then: Revision,
}

impl Told {
    /// How far its clock is ahead of `own` now.
    fn clock_ahead_ms(&self, own: Timestamp) -> Option<AheadMs> {
        let ago = self.at.elapsed();
        let since_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        (ago <= CLOCK_KEPT).then(|| ahead_ms(self.clock.plus_ms(since_ms), own))
    }
}

impl PeerBoard {
    fn note(&self, id: ManagerId, answer: Option<StatusV1>, newest_then: Revision) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let word = words.entry(id).or_insert(Word { reachable: false, last: None });
        let before = std::mem::replace(&mut word.reachable, answer.is_some());
        // Told once for each change: the Raft library would say it ten times a second.
        match (before, word.reachable) {
            (true, false) => tracing::warn!(peer = %id, "a member is not reached any more"),
            (false, true) => tracing::info!(peer = %id, "a member is reached"),
            (true, true) | (false, false) => {}
        }
        if let Some(told) = answer {
            let (clock, at) = (Timestamp(told.clock_ms), Instant::now());
            word.last = Some(Told { status: told.into(), clock, at, newest_then });
        }
    }

    fn keep_only(&self, members: &[ManagerId]) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.retain(|id, _| members.contains(id));
    }

    /// How far the others' clocks are ahead of `own`, as far as was told lately.
    fn clocks(&self, own: Timestamp) -> Vec<AheadMs> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.values().filter_map(|word| word.last.as_ref()?.clock_ahead_ms(own)).collect()
    }

    fn reports(&self, own: Timestamp) -> Vec<PeerReport> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(id, word): (&ManagerId, &Word)| PeerReport {
            id: *id,
            reachable: word.reachable,
            status: word.last.as_ref().map(|told| told.status.clone()),
            age_ms: word.last.as_ref().map(|told| told.at.elapsed().as_millis() as u64),
            newest_then: word.last.as_ref().map(|told| told.newest_then),
            clock_ahead_ms: word.last.as_ref().and_then(|told| told.clock_ahead_ms(own)),
        };
        words.iter().map(report).collect()
    }
}

impl Group {
    /// Every other member as it was last heard of.
    pub fn peers(&self) -> Vec<PeerReport> {
        self.core.board.reports((self.core.wall_clock)())
    }

    /// This member, as it tells the others.
    pub fn own_status(&self) -> MemberStatus {
        let standing = self.standing();
        let health = self.core.health.report();
        MemberStatus {
            about: About {
                certificate_expires_at: self.core.shown.expires_at(),
                ..self.core.about.clone()
            },
            term: standing.kept_term,
            leader: standing.leader,
            last_log: standing.last_log,
            applied: standing.applied,
            checkpoint: standing.checkpoint,
            data_bytes: health.log_bytes + health.checkpoint_bytes + health.history_bytes,
            disk_full: health.disk_full.map(str::to_owned),
            rebuilt: u32::try_from(health.quarantined.len()).unwrap_or(u32::MAX),
            readings: self.core.readings.told(),
        }
    }

    pub(super) fn status_for_peer(&self) -> StatusV1 {
        StatusV1::of(self.own_status(), (self.core.wall_clock)())
    }

    /// The time that proposals made here carry: this host's wall clock, unless it runs far ahead of the others'.
    pub fn now(&self) -> Timestamp {
        let own = (self.core.wall_clock)();
        believable(own, &self.core.board.clocks(own))
    }

    /// Tells in the log when this host's clock leaves the others', and when it is back.
    fn watch_clock(&self, astray: &mut bool) {
        let own = (self.core.wall_clock)();
        let ahead_ms = middle(&self.core.board.clocks(own)).saturating_neg();
        if (ahead_ms.unsigned_abs() > AHEAD_MAX_MS) != *astray {
            *astray = !*astray;
            let what = if *astray { "is far from" } else { "agrees again with" };
            tracing::warn!(
                code = "CLOCK_SKEW",
                ahead_ms,
                "this host's clock {what} the other members'"
            );
        }
    }

    /// Asks all members once a second, until dropped.
    pub(super) async fn keep_board(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut astray = false;
        let mut looked = Revision(0);
        loop {
            ticks.tick().await;
            looked = self.take_readings(looked).await;
            let members = self.other_members();
            self.core.board.keep_only(&members);
            self.core.peers.forget_all_but(|id| members.contains(&ManagerId(id)));
            let mut asked = JoinSet::new();
            for id in members {
                let group = self.clone();
                asked.spawn(async move { group.ask_status(id).await });
            }
            while asked.join_next().await.is_some() {}
            self.watch_clock(&mut astray);
            self.compare_facts(&self.peers());
        }
    }

    async fn ask_status(&self, id: ManagerId) {
        let peer = self.core.peers.get(id.0);
        // Before it is asked: what comes into the log meanwhile it need not have.
        let newest_then = self.standing().last_log;
        let answer =
            peer.ask::<StatusV1>(Kind::Status, Bytes::new(), Kind::StatusReply, DEADLINE).await;
        if let Err(failure) = &answer {
            tracing::debug!(peer = id.0, %failure, "no status");
        }
        self.core.board.note(id, answer.ok(), newest_then);
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

impl StatusV1 {
    fn of(status: MemberStatus, clock: Timestamp) -> Self {
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
            rebuilt: status.rebuilt,
            clock_ms: clock.0,
            readings: status
                .readings
                .into_iter()
                .map(|(revision, digest)| ReadingV1 { revision: revision.0, digest: digest.0 })
                .collect(),
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
            rebuilt: wire.rebuilt,
            readings: wire
                .readings
                .into_iter()
                .map(|reading| (Revision(reading.revision), Digest(reading.digest)))
                .collect(),
        }
    }
}
