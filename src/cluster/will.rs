//! The last will of a leader: what lets the others elect at once when its process has died.
//!
//! A leader deposits with every member the seal of a secret, for the vote it leads under. The secret is known to
//! two: its own process, and its [keeper](super::keeper), a second process on the same host that waits for the end
//! of the first and then tells the secret to everybody. Whoever hears a secret that fits the seal knows that the
//! process which led under that vote is gone, and need not wait for its lease.
//!
//! # Why no two can be Active
//!
//! - A secret is told only after the kernel closed the pipe whose one writing end the Manager's process holds and
//!   never lets go: by then no thread of it runs any more. What lies between the hosts can drop or delay the word,
//!   not make it up: it travels under the members' certificates, and the seal is of a fresh secret.
//! - So the claim of the leader the will is of has ended. A claim of an earlier leader had ended before that one was
//!   elected. Of a later leader: the campaign is for the term after the will's, by a member that has not heard of a
//!   later vote, and is to the voters what a hand-over from the dead leader would be. A later leader that is Active
//!   has its `BecomeActive` on a quorum, one of whom every candidate without it needs and does not get.
//! - A closed or reset connection, a refused port, a silent host: none of them elects anybody before its time.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::TransferLeaderRequest;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Group;
use super::frames::Kind;
use super::translation::RaftVote;
use super::wire::{self, DeathV1, NothingV1, StatusV1, VoteV1, WillV1};
use crate::base::{Digest, ManagerId};
use crate::capabilities::managers::model::Role;

/// How often a will is deposited anew: a member that was started anew has forgotten it.
const DEPOSIT_EVERY: Duration = Duration::from_secs(1);

/// Longest time a member may take to note a will.
const DEPOSIT_DEADLINE: Duration = Duration::from_millis(500);

/// Longest time the others may take to say how much of the log they have.
const ASK_DEADLINE: Duration = Duration::from_millis(40);

/// How much later the next best candidate stands: long enough for the best one to have won.
const TURN: Duration = Duration::from_millis(80);

/// What a Manager tells its keeper: whom to tell what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// To be told once this process is gone.
    pub(crate) secret: Digest,
    /// The other members and where they listen.
    pub(crate) heirs: Vec<(u64, String)>,
}

impl Instructions {
    /// Whether there is anybody to tell.
    pub fn needs_keeper(&self) -> bool {
        !self.heirs.is_empty()
    }
}

/// The will of this process, and the last one that was deposited here.
pub(crate) struct Wills {
    secret: Digest,
    /// Whether somebody will tell the secret.
    kept: Mutex<bool>,
    deposited: Mutex<Option<WillV1>>,
}

impl Wills {
    /// With a secret nobody else knows.
    pub(crate) fn new() -> Self {
        Wills {
            secret: Digest(rand::random()),
            kept: Mutex::new(false),
            deposited: Mutex::default(),
        }
    }

    /// The will of this process under a vote.
    fn own(&self, vote: &RaftVote) -> WillV1 {
        WillV1 { vote: vote.into(), seal: Digest::of(&self.secret.0).0 }
    }

    fn deposit(&self, will: WillV1) {
        *self.deposited.lock().unwrap_or_else(PoisonError::into_inner) = Some(will);
    }

    /// The vote under which a process led that is gone, if `secret` proves it.
    fn opened_by(&self, teller: u64, secret: [u8; 32]) -> Option<VoteV1> {
        let deposited = *self.deposited.lock().unwrap_or_else(PoisonError::into_inner);
        let will = deposited.filter(|will| will.vote.node == teller)?;
        (Digest::of(&secret).0 == will.seal).then_some(will.vote)
    }
}

impl Group {
    /// What this process's keeper has to know; asked again whenever the members may have changed.
    pub fn instructions(&self) -> Instructions {
        let here = self.here();
        let heirs = self.view(|state| {
            let others = state.managers.members.iter().filter(|(id, _)| **id != here);
            others.map(|(id, member)| (id.0, member.profile.peer_addr.clone())).collect()
        });
        Instructions { secret: self.core.wills.secret, heirs }
    }

    /// Whether a keeper runs. Without one no will is deposited: it would never be opened.
    pub fn will_is_kept(&self, kept: bool) {
        *self.core.wills.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// Deposits this member's will with the others while it leads, until dropped.
    pub(super) async fn keep_depositing(self) {
        let mut ticks = interval(DEPOSIT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut metrics = self.core.raft.server_metrics();
        let mut told = None;
        loop {
            let due = tokio::select! {
                _ = ticks.tick() => true,
                changed = metrics.changed() => match changed {
                    Ok(()) => false,
                    Err(_) => return,
                },
            };
            let (vote, leading) = {
                let seen = metrics.borrow_watched();
                (seen.vote, seen.current_leader == Some(seen.id))
            };
            let kept = *self.core.wills.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if leading && kept && vote.committed && (due || told != Some(vote)) {
                told = Some(vote);
                self.deposit_with_all(&self.core.wills.own(&vote)).await;
            }
        }
    }

    async fn deposit_with_all(&self, will: &WillV1) {
        let body = wire::encode(will);
        let voters = self.standing().voters;
        let others = voters.into_iter().filter(|id| *id != self.here());
        let deposits =
            others.map(|id| {
                let (peer, body) = (self.core.peers.get(id.0), body.clone());
                async move {
                    peer.ask::<NothingV1>(Kind::Will, body, Kind::Noted, DEPOSIT_DEADLINE).await
                }
            });
        for failure in join_all(deposits).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%failure, "a will could not be deposited");
        }
    }

    /// Notes the will of a leader. It speaks for itself alone.
    pub(super) fn note_will(&self, peer: u64, body: &[u8]) -> Result<NothingV1, String> {
        let will: WillV1 = wire::decode(body).map_err(|failure| failure.to_string())?;
        if will.vote.node != peer || !will.vote.committed {
            return Err("a will is of the leader itself".to_owned());
        }
        self.core.wills.deposit(will);
        Ok(NothingV1)
    }

    /// Hears that the process of `peer` is gone. If it led, and proves it, its succession begins.
    pub(super) fn hear_of_death(&self, peer: u64, body: &[u8]) -> Result<NothingV1, String> {
        let DeathV1 { secret } = wire::decode(body).map_err(|failure| failure.to_string())?;
        // Who has no room for changes leaves it to the others; where nobody has any, the election timers do.
        if let Some(vote) = self.core.wills.opened_by(peer, secret)
            && self.core.role == Role::Manager
            && !self.is_full()
        {
            // Full means that successions are under way already.
            let _ = self.core.deaths.try_send(vote);
        }
        Ok(NothingV1)
    }

    /// Takes part in successions, one after the other, until dropped.
    pub(super) async fn keep_succeeding(self, mut deaths: tokio::sync::mpsc::Receiver<VoteV1>) {
        while let Some(vote) = deaths.recv().await {
            self.succeed(vote.into()).await;
        }
    }

    /// Stands for election at once, unless somebody with more of the log does so first.
    async fn succeed(&self, dead: RaftVote) {
        let still_in_force = || self.core.raft.metrics().borrow_watched().vote == dead;
        if !still_in_force() {
            return;
        }
        let better = self.better_heirs(ManagerId(dead.leader_id.node_id)).await;
        sleep(TURN * better).await;
        if !still_in_force() {
            return;
        }
        tracing::info!(
            dead = dead.leader_id.node_id,
            "the leader's process is gone: standing for election"
        );
        let succession = TransferLeaderRequest::new(dead, self.here().0, None);
        if let Err(fatal) = self.core.raft.handle_transfer_leader(succession).await {
            tracing::debug!(%fatal, "consensus has stopped");
        }
    }

    /// How many other members would make better leaders: more of the log, or as much and a lower number.
    async fn better_heirs(&self, dead: ManagerId) -> u32 {
        let standing = self.standing();
        let others: Vec<ManagerId> = standing
            .voters
            .iter()
            .copied()
            .filter(|id| *id != dead && self.may_lead(&standing, *id).is_ok())
            .collect();
        let asked = others.iter().map(|id| async move {
            let peer = self.core.peers.get(id.0);
            let status = peer
                .ask::<StatusV1>(Kind::Status, Bytes::new(), Kind::StatusReply, ASK_DEADLINE)
                .await
                .ok()?;
            Some((status.last_log, Reverse(*id)))
        });
        let own = (self.standing().last_log.0, Reverse(self.here()));
        let better = join_all(asked).await.into_iter().flatten().filter(|other| *other > own);
        u32::try_from(better.count()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(term: u64, node: u64) -> RaftVote {
        VoteV1 { term, node, committed: true }.into()
    }

    #[test]
    fn only_the_secret_under_the_seal_opens_a_will_and_only_from_its_own_host() {
        let (leader, follower) = (Wills::new(), Wills::new());
        follower.deposit(leader.own(&vote(7, 1)));
        assert_eq!(follower.opened_by(1, leader.secret.0), Some(VoteV1::from(&vote(7, 1))));
        assert_eq!(follower.opened_by(2, leader.secret.0), None);
        assert_eq!(follower.opened_by(1, Wills::new().secret.0), None);
        assert_eq!(Wills::new().opened_by(1, leader.secret.0), None);
    }

    #[test]
    fn a_process_started_anew_on_the_same_disk_is_not_dead_because_the_one_before_it_is() {
        let (before, now, follower) = (Wills::new(), Wills::new(), Wills::new());
        follower.deposit(before.own(&vote(7, 1)));
        follower.deposit(now.own(&vote(9, 1)));
        assert_eq!(follower.opened_by(1, before.secret.0), None);
    }
}
