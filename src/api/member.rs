//! The real group behind the surface: one member of it, and the office it may hold.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use raft_store::HealthReport;

use super::port::{FeedItem, Group, HistoryFailure, HistoryRow};
use crate::base::{HostId, ManagerId, Revision, Secret, Timestamp};
use crate::capabilities::hosts::model::SshKey;
use crate::cluster::{
    self, AdmitFailure, AgentCertificate, Consistency, Difference, Draft, JoinGrant, JoinRequest,
    LogFailure, LogFile, MemberStatus, PeerReport, ProposeFailure, ReadFailure, ReadStamp, Settled,
    Standing, Subscription,
};
use crate::leadership::{Office, Verdict};
use crate::machine::State;

/// How long an answer waits until what it tells is applied here, or its history can be read here. Another
/// Manager may have led the commit, and this one follows at a short distance.
const CATCH_UP: Duration = Duration::from_secs(5);

/// One member of the group, as the surface uses it.
pub struct Member {
    group: cluster::Group,
    office: Office,
}

impl Member {
    /// The member whose office this is.
    pub fn new(office: Office) -> Arc<Self> {
        Arc::new(Self { group: office.group().clone(), office })
    }

    async fn propose_and_apply(&self, draft: Draft) -> Result<Settled, ProposeFailure> {
        let request = draft.request.clone();
        let settled = self.group.propose(draft).await?;
        let mut applied = self.group.applied();
        let reached = applied.wait_for(|applied| *applied >= settled.answer.revision);
        match (tokio::time::timeout(CATCH_UP, reached).await, request) {
            (Ok(Ok(_)), _) | (_, None) => Ok(settled),
            // It is settled, but what came of it cannot be shown here: the asker finds out by the request.
            (Ok(Err(_)) | Err(_), Some(request)) => Err(ProposeFailure::Unknown { request }),
        }
    }
}

impl Group for Member {
    fn here(&self) -> ManagerId {
        self.group.here()
    }

    fn now(&self) -> Timestamp {
        self.group.now()
    }

    fn propose(&self, draft: Draft) -> BoxFuture<'_, Result<Settled, ProposeFailure>> {
        Box::pin(self.propose_and_apply(draft))
    }

    fn settle(&self, consistency: Consistency) -> BoxFuture<'_, Result<ReadStamp, ReadFailure>> {
        Box::pin(self.group.settle(consistency))
    }

    fn look(&self, look: &mut dyn FnMut(&State)) {
        self.group.view(look);
    }

    fn history(
        &self,
        table: u8,
        key: Vec<u8>,
        before: Option<Revision>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<HistoryRow>, HistoryFailure>> {
        Box::pin(async move {
            let (history, applied) = (self.group.history().clone(), *self.group.applied().borrow());
            match tokio::time::timeout(CATCH_UP, history.reached(applied.0)).await {
                Ok(reached) => reached.map_err(|error| HistoryFailure(error.to_string()))?,
                Err(_) => return Err(HistoryFailure("it is too far behind the facts".into())),
            }
            let before = before.map(|before| before.0);
            let scan = move || history.scan(table, &key, before, limit);
            let scanned = tokio::task::spawn_blocking(scan).await;
            let rows = scanned.expect("a scan does not panic and is not aborted");
            let rows = rows.map_err(|error| HistoryFailure(error.to_string()))?;
            let row = |(revision, value)| HistoryRow { revision: Revision(revision), value };
            Ok(rows.into_iter().map(row).collect())
        })
    }

    fn kept_from(&self) -> Result<Revision, HistoryFailure> {
        let floor = self.group.history().floor();
        floor.map(Revision).map_err(|error| HistoryFailure(error.to_string()))
    }

    fn follow(&self, after: Revision) -> BoxStream<'static, FeedItem> {
        // Of the facts themselves: they are at least as new as any change that was told of, and nobody is sent back.
        let group = self.group.unowned();
        let newest = move || group.view(|state| state.kernel.revision);
        let lost = move || FeedItem::Lost { newest: newest() };
        match self.group.feed().subscribe(Some(after)) {
            Err(_) => stream::once(async move { lost() }).boxed(),
            Ok(subscription) => changes(subscription, lost).boxed(),
        }
    }

    fn standing(&self) -> Standing {
        self.group.standing()
    }

    fn verdict(&self) -> Verdict {
        self.office.verdict()
    }

    fn own_status(&self) -> MemberStatus {
        self.group.own_status()
    }

    fn peers(&self) -> Vec<PeerReport> {
        self.group.peers()
    }

    fn store_health(&self) -> HealthReport {
        self.group.store_health()
    }

    fn difference(&self) -> Option<Difference> {
        self.group.difference()
    }

    fn admit(&self, request: JoinRequest) -> BoxFuture<'_, Result<JoinGrant, AdmitFailure>> {
        Box::pin(self.group.admit(request))
    }

    fn certify_agent(&self, host: HostId, csr_pem: &str) -> Result<AgentCertificate, AdmitFailure> {
        self.group.certify_agent(host, csr_pem)
    }

    fn new_ssh_key(&self) -> Result<SshKey, AdmitFailure> {
        self.group.new_ssh_key()
    }

    fn seal(&self, purpose: &str, secret: &Secret) -> Result<Vec<u8>, AdmitFailure> {
        self.group.seal(purpose, secret)
    }

    fn log_files(&self, of: ManagerId) -> BoxFuture<'_, Result<Vec<LogFile>, LogFailure>> {
        Box::pin(self.group.log_files(of))
    }

    fn log_piece(
        &self,
        of: ManagerId,
        name: String,
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, LogFailure>> {
        Box::pin(async move { self.group.log_piece(of, &name, offset).await })
    }
}

/// The changes of a subscription; a gap is its last word.
fn changes(
    subscription: Subscription,
    lost: impl Fn() -> FeedItem + Send + 'static,
) -> impl stream::Stream<Item = FeedItem> + Send + 'static {
    stream::unfold(Some((subscription, lost)), |following| async {
        let (mut subscription, lost) = following?;
        match subscription.next().await {
            Ok(change) => Some((FeedItem::Change(change), Some((subscription, lost)))),
            Err(cluster::FeedEnded::Gap) => Some((lost(), None)),
            Err(cluster::FeedEnded::Closed) => None,
        }
    })
}
