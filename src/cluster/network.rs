//! The Raft library's view of the other members, put together from links and streams.
//!
//! Heartbeats and votes take the control link, entries a stream of their own, a checkpoint one more, so that
//! nothing urgent waits behind anything large. A failure of the transport is always an `Err`: it is never
//! taken for a vote, a pre-vote or an acknowledgement.

#![expect(clippy::disallowed_methods, reason = "every handle aborts its task when it is dropped")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bincode::{Decode, Encode};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use openraft::alias::{SnapshotOf, VoteOf};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2, stream_append_sequential};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use raft_store::CheckpointFile;
use raft_store::types::{Member, TypeConfig};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::append_stream::{self, Outcome, Searched};
use super::call_link::{CallFailure, CallLink};
use super::checkpoint_stream;
use super::dial::{AddressBook, Dialer};
use super::frames::{Frame, Kind};
use super::own_disk::{self, OnDisk};
use super::pki::PeerIdentity;
use super::removed::Farewell;
use super::road::Road;
use super::wire::{self, AppendReplyV1, AppendV1, Purpose, Reason, TransferV1, VoteAskV1};

/// Answers of one follower that the Raft library has not taken yet.
const ANSWERS: usize = 64;

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// One other member.
pub(crate) struct Peer {
    pub id: u64,
    control: CallLink,
    forward: CallLink,
    searched: Searched,
}

/// All other members ever spoken to.
pub(crate) struct Peers {
    dialer: Dialer,
    /// Addresses from the Raft membership, for members the facts do not tell of yet.
    fallback: Arc<Mutex<BTreeMap<u64, String>>>,
    known: Mutex<BTreeMap<u64, Arc<Peer>>>,
}

/// Why a question to a peer brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskFailure {
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// The peer answered that it cannot.
    #[error("the peer failed: {0}")]
    Failed(String),
    #[error("the peer's answer makes no sense")]
    Nonsense,
}

impl Peers {
    /// `facts` tells where members listen; it is asked anew for every connection.
    pub(crate) fn new(
        road: Arc<dyn Road>,
        here: PeerIdentity,
        facts: impl Fn(u64) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let fallback: Arc<Mutex<BTreeMap<u64, String>>> = Arc::default();
        let from_membership = fallback.clone();
        let book: AddressBook = Arc::new(move |id| {
            let remembered = || {
                let known = from_membership.lock().unwrap_or_else(PoisonError::into_inner);
                known.get(&id).cloned()
            };
            facts(id).or_else(remembered)
        });
        Peers { dialer: Dialer::new(road, here, book), fallback, known: Mutex::default() }
    }

    /// In whose name they are spoken to.
    pub(crate) fn here(&self) -> PeerIdentity {
        self.dialer.here()
    }

    /// The links to one member.
    pub(crate) fn get(&self, id: u64) -> Arc<Peer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |purpose| CallLink::new(self.dialer.clone(), id, purpose);
        let peer = known.entry(id).or_insert_with(|| {
            Arc::new(Peer {
                id,
                control: open(Purpose::Control),
                forward: open(Purpose::Forward),
                searched: Searched::default(),
            })
        });
        peer.clone()
    }

    /// Whether any of them said that this one is no member any more.
    pub(crate) fn farewell(&self) -> &Farewell {
        &self.dialer.farewell
    }

    /// Closes the links to members that are no longer any.
    pub(crate) fn forget_all_but(&self, members: impl Fn(u64) -> bool) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| members(*id));
    }
}

impl Peer {
    /// Asks over the control link.
    pub(crate) async fn ask<T: Decode<()>>(
        &self,
        kind: Kind,
        body: Bytes,
        answer: Kind,
        deadline: Duration,
    ) -> Result<T, AskFailure> {
        read_answer(self.control.call(kind, body, deadline).await?, answer)
    }

    /// Hands a proposal over, on the link kept for that.
    pub(crate) async fn forward<T: Decode<()>>(
        &self,
        body: Bytes,
        deadline: Duration,
    ) -> Result<T, AskFailure> {
        read_answer(self.forward.call(Kind::Propose, body, deadline).await?, Kind::ProposeReply)
    }

    /// Asks something long on the link for proposals, so that no heartbeat waits behind the answer.
    pub(crate) async fn ask_aside<T: Decode<()>>(
        &self,
        kind: Kind,
        body: Bytes,
        answer: Kind,
        deadline: Duration,
    ) -> Result<T, AskFailure> {
        read_answer(self.forward.call(kind, body, deadline).await?, answer)
    }

    async fn rpc<Q, A>(&self, kind: Kind, question: &Q, answer: Kind, ttl: Duration) -> Rpc<A>
    where
        Q: Encode,
        A: Decode<()>,
    {
        self.ask(kind, wire::encode(question), answer, ttl).await.map_err(rpc_error)
    }
}

fn read_answer<T: Decode<()>>(frame: Frame, expected: Kind) -> Result<T, AskFailure> {
    if frame.kind == expected {
        return wire::decode(&frame.body).map_err(|_| AskFailure::Nonsense);
    }
    match wire::decode::<Reason>(&frame.body) {
        Ok(reason) if frame.kind == Kind::Failed => Err(AskFailure::Failed(reason.text)),
        Ok(_) | Err(_) => Err(AskFailure::Nonsense),
    }
}

/// `Unreachable` makes the library pause before it tries again; the rest may be tried at once.
fn rpc_error(failure: AskFailure) -> RPCError<TypeConfig> {
    match failure {
        AskFailure::Call(CallFailure::NotSent(why)) => {
            RPCError::Unreachable(Unreachable::from_string(why))
        }
        AskFailure::Call(CallFailure::Lost(_)) | AskFailure::Failed(_) | AskFailure::Nonsense => {
            RPCError::Network(NetworkError::from_string(failure))
        }
    }
}

/// Makes the library's clients.
#[derive(Clone)]
pub(crate) struct Networks {
    pub peers: Arc<Peers>,
    /// Whether a member is a witness, or may be one for all that is known here.
    pub is_witness: Arc<dyn Fn(u64) -> bool + Send + Sync>,
    pub on_disk: OnDisk,
}

/// One client of the library, for one member and one purpose.
pub(crate) struct Network {
    peer: Arc<Peer>,
    dialer: Dialer,
    lane: Lane,
    /// What entries wait for before they are sent to a witness.
    waits_for: Option<OnDisk>,
}

#[derive(Clone, Copy)]
enum Lane {
    /// One small request at a time, never behind entries.
    Heartbeat,
    /// Entries, several requests under way.
    Entries,
}

impl Networks {
    fn client(&self, target: u64, node: &Member, lane: Lane) -> Network {
        let peers = &self.peers;
        let mut fallback = peers.fallback.lock().unwrap_or_else(PoisonError::into_inner);
        fallback.insert(target, node.peer_addr.clone());
        drop(fallback);
        let waits_for = (self.is_witness)(target).then(|| self.on_disk.clone());
        Network { peer: peers.get(target), dialer: peers.dialer.clone(), lane, waits_for }
    }
}

impl Network {
    async fn ask_for_vote(
        &self,
        kind: Kind,
        request: &VoteRequest<TypeConfig>,
        option: &RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        let ask = VoteAskV1::from(request);
        let reply: wire::VoteReplyV1 =
            self.peer.rpc(kind, &ask, Kind::VoteReply, option.hard_ttl()).await?;
        Ok(reply.into())
    }
}

impl RaftNetworkFactory<TypeConfig> for Networks {
    type Network = Network;

    async fn new_client(&mut self, target: u64, node: &Member) -> Network {
        self.client(target, node, Lane::Entries)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Member) -> Network {
        self.client(target, node, Lane::Heartbeat)
    }
}

type Answers<'s> = BoxStream<'s, Outcome>;

impl RaftNetworkV2<TypeConfig> for Network {
    type SnapshotData = CheckpointFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        let wire = AppendV1::from(&request);
        let reply: AppendReplyV1 =
            self.peer.rpc(Kind::Append, &wire, Kind::AppendReply, option.hard_ttl()).await?;
        Ok(StreamAppendResult::<TypeConfig>::from(reply).into())
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Rpc<Answers<'s>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        if let Lane::Heartbeat = self.lane {
            return stream_append_sequential(self, input, option);
        }
        let (answers, taken) = mpsc::channel(ANSWERS);
        let input = match self.waits_for.clone() {
            Some(on_disk) => own_disk::first(input, on_disk),
            None => input.boxed(),
        };
        let searched = self.peer.searched.clone();
        let session =
            append_stream::run(self.dialer.clone(), self.peer.id, searched, input, answers);
        let session = AbortOnDropHandle::new(tokio::spawn(session));
        let taken = futures::stream::unfold((taken, session), |(mut taken, session)| async {
            taken.recv().await.map(|answer: Outcome| (answer, (taken, session)))
        });
        Box::pin(async move { Ok(taken.boxed()) })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask_for_vote(Kind::Vote, &request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask_for_vote(Kind::PreVote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<TypeConfig>,
        snapshot: SnapshotOf<TypeConfig, CheckpointFile>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let sent = checkpoint_stream::send(
            &self.dialer,
            self.peer.id,
            &vote,
            &snapshot,
            option.hard_ttl(),
        );
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sent => match sent {
                Ok(reply) => Ok(SnapshotResponse::new(reply.vote.into())),
                Err(failure) => {
                    tracing::warn!(peer = self.peer.id, %failure, "checkpoint not delivered");
                    Err(StreamingError::Unreachable(Unreachable::from_string(failure)))
                }
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<TypeConfig>> {
        let ask = TransferV1::from(&request);
        let reply: wire::TransferReplyV1 =
            self.peer.rpc(Kind::Transfer, &ask, Kind::TransferReply, option.hard_ttl()).await?;
        Ok(reply.into())
    }
}
