//! The group as the HTTP surface needs it: propose, settle a read, look at the facts, follow the feed.
//!
//! A trait, so that every answer of the surface can be tested against a group that is in exactly the state
//! the test needs. It deliberately does not know how agreement comes about.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use raft_store::HealthReport;

use crate::base::{Epoch, HostId, ManagerId, Revision, Secret, Timestamp};
use crate::capabilities::hosts::model::SshKey;
use crate::cluster::{
    AdmitFailure, AgentCertificate, Consistency, Difference, Draft, JoinGrant, JoinRequest,
    LogFailure, LogFile, MemberStatus, PeerReport, ProposeFailure, ReadFailure, ReadStamp, Settled,
    Standing,
};
use crate::leadership::Verdict;
use crate::machine::{Change, State};

/// One line of history with the revision that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Which entry made it.
    pub revision: Revision,
    /// The bytes kept.
    pub value: Vec<u8>,
}

/// The history could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history could not be read: {0}")]
pub struct HistoryFailure(pub String);

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

/// The group, as the surface needs it. Every wait behind it has a bound of its own.
pub trait Group: Send + Sync + 'static {
    /// This Manager's number.
    fn here(&self) -> ManagerId;

    /// The wall clock: the one that stamps proposals.
    fn now(&self) -> Timestamp;

    /// Brings a command before the group; forwards it when this one does not lead. When it returns, the
    /// revision of the answer is applied here, so that a look that follows sees it.
    fn propose(&self, draft: Draft) -> BoxFuture<'_, Result<Settled, ProposeFailure>>;

    /// Waits until a look is as fresh as asked.
    fn settle(&self, consistency: Consistency) -> BoxFuture<'_, Result<ReadStamp, ReadFailure>>;

    /// Lets somebody look at the facts. They stand still meanwhile, so the look must be short.
    fn look(&self, look: &mut dyn FnMut(&State));

    /// Up to `limit` history rows of a key that are older than `before`, newest first. Sees every row of the
    /// revisions applied here.
    fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Option<Revision>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<HistoryRow>, HistoryFailure>>;

    /// From which revision on history is kept here; 0: all there ever was.
    fn kept_from(&self) -> Result<Revision, HistoryFailure>;

    /// The changes after a revision, in order and without a gap.
    fn follow(&self, after: Revision) -> BoxStream<'static, FeedItem>;

    /// Where this Manager stands.
    fn standing(&self) -> Standing;

    /// Who may act here, computed now.
    fn verdict(&self) -> Verdict;

    /// What this Manager tells of itself.
    fn own_status(&self) -> MemberStatus;

    /// What is known of every other member.
    fn peers(&self) -> Vec<PeerReport>;

    /// What the store has to report.
    fn store_health(&self) -> HealthReport;

    /// Members whose facts are not the same.
    fn difference(&self) -> Option<Difference>;

    /// Lets a host in that shows a join token, and issues its certificate. Asked again with the same token
    /// and disk it gives the same number.
    fn admit(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinGrant, AdmitFailure>>;

    /// Certifies a key as that of a host's agent. Nothing is agreed on for it: whoever gives the certificate away
    /// has had the enrolment agreed on before.
    fn certify_agent(&self, host: HostId, csr_pem: &str) -> Result<AgentCertificate, AdmitFailure>;

    /// A new key by which Managers sign in on hosts reached over SSH, its private part sealed.
    fn new_ssh_key(&self) -> Result<SshKey, AdmitFailure>;

    /// Seals a secret for a purpose, under the group's key: only so it may be agreed on.
    fn seal(&self, purpose: &str, secret: &Secret) -> Result<Vec<u8>, AdmitFailure>;

    /// The log files of a Manager, asked of itself.
    fn log_files(&self, of: ManagerId) -> BoxFuture<'_, Result<Vec<LogFile>, LogFailure>>;

    /// A piece of a Manager's log file, asked of itself; empty at its end.
    fn log_piece(
        &self,
        of: ManagerId,
        name: String,
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, LogFailure>>;
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
