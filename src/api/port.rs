//! The group as the HTTP surface needs it: propose, settle a read, look at the facts, follow the feed.
//!
//! A trait, so that every answer of the surface can be tested against a group that is in exactly the state
//! the test needs. It deliberately does not know how agreement comes about.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::base::{Digest, Epoch, ManagerId, RequestId, Revision, Term, Timestamp};
use crate::machine::{Actor, Answer, Change, Command, State};

/// A command on its way to the group, with everything about the asker that the log keeps.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who asks.
    pub by: Actor,
    /// From which IP address.
    pub source: Option<String>,
    /// The request's name.
    pub request: RequestId,
    /// Digest of what was asked, to tell a repeat from another request under the same name.
    pub fingerprint: Digest,
    /// Why, in the asker's words.
    pub reason: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// The group's answer to a draft.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Yes or no, and where.
    pub answer: Answer,
    /// The Manager that led the commit.
    pub committed_by: ManagerId,
}

/// Why a draft got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeFailure {
    /// No leader was found in time; surely nothing changed.
    #[error("no Active Kyvos Manager was found within {held_ms} ms")]
    NoLeader {
        /// How long the call was held.
        held_ms: u64,
    },
    /// The leader's disk is full; surely nothing changed.
    #[error("the disk of the Active is full: {because}")]
    DiskFull {
        /// What the disk said.
        because: String,
    },
    /// It was handed over and no answer came back: it may or may not have been committed.
    #[error("the outcome is not known")]
    Unknown,
    /// The proposal is larger than the log takes.
    #[error("the proposal is too large")]
    TooLarge,
    /// This Manager is going down.
    #[error("this Kyvos Manager is stopping")]
    Stopping,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Everything acknowledged before the read began is seen (ReadIndex).
    Linearizable,
    /// What this Manager knows now.
    Local,
}

/// What a read may say of its freshness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadStamp {
    /// The revision it is served at.
    pub revision: Revision,
    /// How long ago this Manager last heard from a leader; 0 on the leader itself.
    pub age_ms: u64,
}

/// Why a read could not be settled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// No leader with a quorum confirmed the read in time.
    #[error("no quorum confirmed the read within {held_ms} ms")]
    NoQuorum {
        /// How long the call was held.
        held_ms: u64,
    },
    /// The store could not be read.
    #[error("the store could not be read: {0}")]
    Store(String),
    /// This Manager is going down.
    #[error("this Kyvos Manager is stopping")]
    Stopping,
}

/// Who may act here, computed at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Active, Passive or without a quorum.
    pub kind: ModeKind,
    /// Why, in a sentence.
    pub because: String,
    /// The checks behind it, in the order they are made.
    pub rules: Vec<Rule>,
}

/// Active, Passive or without a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModeKind {
    /// Leads, heard a quorum within its lease, applied its own first entry.
    Active,
    /// Follows an Active it hears.
    Passive,
    /// Hears no leader that has a quorum.
    NoQuorum,
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is checked.
    pub rule: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub detail: String,
}

/// Where this Manager stands in the group, from what it knows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its term.
    pub term: Term,
    /// The leader it follows or is.
    pub leader: Option<ManagerId>,
    /// Who votes, in order.
    pub voters: Vec<ManagerId>,
    /// Who only listens, in order.
    pub learners: Vec<ManagerId>,
    /// Last entry in its log.
    pub last_log: Revision,
    /// Last entry applied here.
    pub applied: Revision,
    /// How long ago a quorum last acknowledged its leadership; `None` when it does not lead.
    pub quorum_ack_age_ms: Option<u64>,
    /// How long ago it last heard from a leader; 0 on the leader, `None` if never since its start.
    pub leader_contact_age_ms: Option<u64>,
    /// Why the disk takes no more, if it does not.
    pub disk_full: Option<String>,
    /// Whether the state store was rebuilt at the last start.
    pub store_rebuilt: bool,
}

/// What a member tells of itself, about once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberStatus {
    /// When it said so, by the clock of the Manager that heard it.
    pub as_of: Timestamp,
    /// Its process.
    pub pid: u32,
    /// When the process started.
    pub started_at: Timestamp,
    /// Version of its build.
    pub version: String,
    /// Where its program lies.
    pub install_path: String,
    /// Where its data lie.
    pub data_dir: String,
    /// Its term.
    pub term: Term,
    /// Last entry in its log.
    pub last_log: Revision,
    /// Last entry it applied.
    pub applied: Revision,
    /// Last entry its newest checkpoint holds.
    pub checkpoint: Revision,
    /// Bytes its data take.
    pub data_bytes: u64,
    /// When its certificate ends.
    pub certificate_expires_at: Option<Timestamp>,
    /// Why its disk takes no more, if it does not.
    pub disk_full: Option<String>,
}

/// What this Manager knows of a member, itself included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerReport {
    /// Who.
    pub id: ManagerId,
    /// Whether it answers.
    pub reachable: bool,
    /// How long ago it last answered; `None` if never since this Manager's start.
    pub last_contact_ms: Option<u64>,
    /// What it last said of itself; `None` if it never did.
    pub status: Option<MemberStatus>,
}

/// One line of history with the revision that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Which entry made it.
    pub revision: Revision,
    /// The bytes kept.
    pub value: Vec<u8>,
}

/// What the feed brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedItem {
    /// One revision's changes.
    Change(Arc<Change>),
    /// The reader was too slow or asks for what is no longer kept: it must read everything again.
    Lost {
        /// The newest revision.
        newest: Revision,
    },
}

/// What a joining member needs to be let in, once the group admitted it.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The member's own certificate, PEM.
    pub certificate_pem: String,
    /// The group key, for a Manager; a witness does not get it.
    pub group_key: Option<crate::base::Secret>,
}

/// Why no certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionFailure {
    /// The certificate request is not one.
    #[error("the certificate request cannot be used: {0}")]
    Request(String),
    /// The group's authority cannot be opened here.
    #[error("the group's certificate authority cannot be opened: {0}")]
    Authority(String),
}

/// The group, as the surface needs it. Every wait behind it has a bound of its own.
pub trait Group: Send + Sync + 'static {
    /// This Manager's number.
    fn here(&self) -> ManagerId;

    /// The wall clock: the one that stamps proposals.
    fn now(&self) -> Timestamp;

    /// Brings a command before the group; forwards it when this one does not lead. When it returns, the
    /// revision of the answer is applied here, so that a read that follows sees it.
    fn propose(&self, draft: Draft) -> BoxFuture<'_, Result<Settled, ProposeFailure>>;

    /// Waits until a local look is as fresh as asked.
    fn settle(&self, consistency: Consistency) -> BoxFuture<'_, Result<ReadStamp, ReadFailure>>;

    /// Lets somebody look at the facts. They stand still meanwhile, so the look must be short.
    fn look(&self, look: &mut dyn FnMut(&State));

    /// Up to `limit` history rows of a key that are older than `before`, newest first.
    fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Option<Revision>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<HistoryRow>, ReadFailure>>;

    /// The changes after a revision, in order and without a gap.
    fn follow(&self, after: Revision) -> BoxStream<'static, FeedItem>;

    /// Where this Manager stands.
    fn standing(&self) -> Standing;

    /// Who may act here, computed now.
    fn mode(&self) -> Mode;

    /// What is known of every member, this one included.
    fn peers(&self) -> Vec<PeerReport>;

    /// Issues the certificate of an admitted member from its request, for the hosts it is reached by.
    fn admit(
        &self,
        member: ManagerId,
        csr_pem: &str,
        hosts: &[String],
        with_key: bool,
    ) -> Result<Admission, AdmissionFailure>;
}

impl dyn Group {
    /// Looks at the facts and brings something back.
    pub fn view<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        let mut look = Some(look);
        let mut found = None;
        self.look(&mut |state| found = look.take().map(|look| look(state)));
        found.expect("look calls back exactly once")
    }

    /// The epoch in force, as far as this Manager knows.
    pub fn epoch(&self) -> Epoch {
        self.view(|state| state.managers.epoch())
    }
}
