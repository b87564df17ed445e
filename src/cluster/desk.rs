//! What this member answers to its peers: the Raft library's calls, and the few of our own.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use raft_store::ReceivingCheckpoint;
use raft_store::types::TypeConfig;

use super::Group;
use super::frames::Kind;
use super::peer_server::Desk;
use super::translation::log_id_v1;
use super::wire::{
    self, AppendReplyV1, AppendV1, SnapshotBeginV1, SnapshotReplyV1, TransferReplyV1, TransferV1,
    VoteAskV1, VoteReplyV1,
};
use crate::capabilities::managers::model::Role;

type Answer = Result<(Kind, Bytes), String>;

impl Desk for Group {
    type Receiving = ReceivingCheckpoint;

    fn admits(&self, peer: u64) -> Result<(), String> {
        self.core.admits(peer)
    }

    async fn answer(&self, peer: u64, kind: Kind, body: Bytes) -> Answer {
        match kind {
            Kind::Append => self.heartbeat(peer, &body).await,
            Kind::Vote => self.vote(peer, &body).await,
            Kind::PreVote => self.pre_vote(peer, &body).await,
            Kind::Transfer => self.transfer(peer, &body).await,
            Kind::ReadIndex => {
                let reply = self.confirm_leadership().await.map_err(text)?;
                Ok((Kind::ReadIndexReply, wire::encode(&reply)))
            }
            Kind::Status => Ok((Kind::StatusReply, wire::encode(&self.status_for_peer()))),
            Kind::Propose => {
                Ok((Kind::ProposeReply, wire::encode(&self.take_forwarded(body).await)))
            }
            Kind::Will => Ok((Kind::Noted, wire::encode(&self.note_will(peer, &body)?))),
            Kind::Death => Ok((Kind::Noted, wire::encode(&self.hear_of_death(peer, &body)?))),
            Kind::LogList => Ok((Kind::LogFiles, wire::encode(&self.list_logs().await?))),
            Kind::LogRead => {
                let ask = wire::decode(&body).map_err(text)?;
                Ok((Kind::LogPiece, wire::encode(&self.read_log(ask).await?)))
            }
            Kind::Look => {
                let ask = wire::decode(&body).map_err(text)?;
                Ok((Kind::Looked, wire::encode(&self.look_for_peer(ask).await?)))
            }
            Kind::SignIn => {
                let ask = wire::decode(&body).map_err(text)?;
                Ok((Kind::SignedIn, wire::encode(&self.sign_in_for_peer(ask).await?)))
            }
            other => Err(format!("{other:?} is not a question")),
        }
    }

    fn append(
        &self,
        requests: BoxStream<'static, AppendEntriesRequest<TypeConfig>>,
    ) -> BoxStream<'static, Result<AppendReplyV1, String>> {
        let core = self.core.clone();
        let replies = self.core.raft.stream_append(requests).map(move |reply| match reply {
            Ok(result) => {
                if result.is_ok() {
                    core.heard.now();
                }
                Ok(AppendReplyV1::from(&result))
            }
            Err(fatal) => Err(fatal.to_string()),
        });
        replies.boxed()
    }

    async fn begin_receiving(&self) -> Result<ReceivingCheckpoint, String> {
        let inbox = self.core.inbox.clone();
        blocking(move || inbox.begin_receiving()).await
    }

    async fn receive(
        &self,
        mut receiving: ReceivingCheckpoint,
        chunk: Bytes,
    ) -> Result<ReceivingCheckpoint, String> {
        blocking(move || receiving.write_chunk(&chunk).map(|()| receiving)).await
    }

    async fn install(
        &self,
        begin: SnapshotBeginV1,
        receiving: ReceivingCheckpoint,
    ) -> Result<SnapshotReplyV1, String> {
        let meta = begin.meta().map_err(text)?;
        let received = blocking(move || receiving.finish()).await?;
        let snapshot = openraft::Snapshot { meta, snapshot: received };
        let installed = self
            .core
            .raft
            .install_full_snapshot(begin.vote.into(), snapshot)
            .await
            .map_err(text)?;
        self.core.heard.now();
        Ok(SnapshotReplyV1 { vote: (&installed.vote).into() })
    }
}

impl Group {
    /// A heartbeat of the leader; or entries a witness passes on in its name (see `relay`).
    async fn heartbeat(&self, peer: u64, body: &[u8]) -> Answer {
        let request: AppendEntriesRequest<TypeConfig> =
            wire::decode::<AppendV1>(body).and_then(TryInto::try_into).map_err(text)?;
        let last = request.entries.last().map(|entry| entry.log_id).or(request.prev_log_id);
        let last = log_id_v1(last.as_ref());
        let conflict = log_id_v1(request.prev_log_id.as_ref());
        let from_leader = request.vote.leader_id.node_id == peer;
        let reply = match self.core.raft.append_entries(request).await.map_err(text)? {
            AppendEntriesResponse::Success => AppendReplyV1::Matching(last),
            AppendEntriesResponse::PartialSuccess(matching) => {
                AppendReplyV1::Matching(log_id_v1(matching.as_ref()))
            }
            AppendEntriesResponse::Conflict => {
                AppendReplyV1::Conflict(conflict.ok_or("a conflict without a previous entry")?)
            }
            AppendEntriesResponse::HigherVote(vote) => AppendReplyV1::HigherVote((&vote).into()),
        };
        if from_leader && !matches!(reply, AppendReplyV1::HigherVote(_)) {
            self.core.heard.now();
        }
        Ok((Kind::AppendReply, wire::encode(&reply)))
    }

    async fn vote(&self, peer: u64, body: &[u8]) -> Answer {
        let request = self.vote_asked(peer, body)?;
        let reply = self.core.raft.vote(request).await.map_err(text)?;
        Ok((Kind::VoteReply, wire::encode(&VoteReplyV1::from(&reply))))
    }

    async fn pre_vote(&self, peer: u64, body: &[u8]) -> Answer {
        let request = self.vote_asked(peer, body)?;
        let reply = self.core.raft.pre_vote(request).await.map_err(text)?;
        Ok((Kind::VoteReply, wire::encode(&VoteReplyV1::from(&reply))))
    }

    fn vote_asked(&self, peer: u64, body: &[u8]) -> Result<VoteRequest<TypeConfig>, String> {
        let ask: VoteAskV1 = wire::decode(body).map_err(text)?;
        if self.core.quarantine.withholds(ask.leadership_transfer) {
            return Err("started less than one lease ago: no vote yet".to_owned());
        }
        self.note_candidate(peer, &ask);
        Ok(ask.into())
    }

    /// A witness never stands, not even when it is asked to.
    async fn transfer(&self, peer: u64, body: &[u8]) -> Answer {
        let ask: TransferV1 = wire::decode(body).map_err(text)?;
        if ask.from.node != peer {
            return Err("only the leader itself can hand its office over".to_owned());
        }
        if ask.to == self.core.here.node_id && self.core.role == Role::Witness {
            return Err("this member is a witness and never leads".to_owned());
        }
        let reply = self.core.raft.handle_transfer_leader(ask.into()).await.map_err(text)?;
        Ok((Kind::TransferReply, wire::encode(&TransferReplyV1::from(&reply))))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, String> {
    raft_store::aside(work).await.map_err(text)?.map_err(text)
}

fn text(failure: impl ToString) -> String {
    failure.to_string()
}
