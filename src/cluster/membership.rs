//! Who votes: a further member as learner, then voter; removal; handing the lead over.
//!
//! Every change is made by the leader alone, one at a time, and only if nobody changed the membership since it
//! was looked at. A change that stopped half way (the leader died between its two entries) is finished first, or taken
//! back where it would take the leader's own vote: any other change made on top of it would end it by dropping whoever
//! was to lose a vote altogether.
//! The facts say who was admitted; this says whom Raft counts. The room's operation moves both forward.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::alias::LogIdOf;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::{ChangeMembers, Precondition};
use raft_store::types::{Member, TypeConfig};
use tokio::time::{Instant, sleep, timeout};

use super::Group;
use super::standing::Standing;
use crate::base::{ManagerId, Revision};
use crate::capabilities::managers::model::Role;

/// Longest time a change of members may take to be committed before its outcome is left open.
const CHANGE_DEADLINE: Duration = Duration::from_secs(15);

/// Longest time a new leader may take to stand after the office was handed to it.
const TRANSFER_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time a member may take to have all of the log before it gets a vote or the office.
const CATCH_UP_DEADLINE: Duration = Duration::from_secs(10);

/// How often is looked whether something has come about.
const LOOK_PERIOD: Duration = Duration::from_millis(10);

type Change = ChangeMembers<u64, Member>;
type LogId = LogIdOf<TypeConfig>;

/// Why the membership did not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipFailure {
    /// Only the leader changes the membership.
    #[error("this Manager does not lead")]
    NotLeading {
        /// Who does, as far as is known.
        leader: Option<ManagerId>,
    },
    /// The facts know no such member.
    #[error("there is no member {0}")]
    NoSuchMember(ManagerId),
    /// The member has not got all of the log yet.
    #[error("member {member} is {behind} entries behind")]
    NotCaughtUp {
        /// Who.
        member: ManagerId,
        /// By how much.
        behind: u64,
    },
    /// A leader does not remove itself.
    #[error("member {0} leads: hand over first")]
    HandOverFirst(ManagerId),
    /// A group has at least one voter.
    #[error("member {0} is the last voter")]
    LastVoter(ManagerId),
    /// Learners and witnesses never lead.
    #[error("member {0} never leads")]
    NeverLeads(ManagerId),
    /// Another change came between.
    #[error("the membership was changed meanwhile: {0}")]
    Changed(String),
    /// The change may or may not come about.
    #[error("the outcome of the change is unknown")]
    Unknown,
    /// Nobody took the office over in time.
    #[error("member {0} did not take over")]
    NotTakenOver(ManagerId),
    /// This Manager is stopping.
    #[error("this Manager is stopping")]
    Stopping,
}

/// What becomes of a voter that loses its vote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Follows,
    Gone,
}

type Done<T = ()> = Result<T, MembershipFailure>;

impl Group {
    /// Lets an admitted member follow, without a vote. Done already is done.
    pub async fn add_learner(&self, member: ManagerId) -> Done {
        self.finish_change().await?;
        let standing = self.leading()?;
        if standing.voters.contains(&member) || standing.learners.contains(&member) {
            return Ok(());
        }
        let address = self.view(|state| {
            state.managers.members.get(&member).map(|member| member.profile.peer_addr.clone())
        });
        let peer_addr = address.ok_or(MembershipFailure::NoSuchMember(member))?;
        let node = BTreeMap::from([(member.0, Member { peer_addr })]);
        self.change(ChangeMembers::AddNodes(node)).await
    }

    /// Gives a learner its vote, once it has all of the log. Done already is done.
    pub async fn promote(&self, member: ManagerId) -> Done {
        self.finish_change().await?;
        let standing = self.leading()?;
        if standing.voters.contains(&member) {
            return Ok(());
        }
        if !standing.learners.contains(&member) {
            return Err(MembershipFailure::NoSuchMember(member));
        }
        self.caught_up(member).await?;
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([member.0]))).await
    }

    /// Takes a member out of Raft's membership. Done already is done.
    pub async fn remove(&self, member: ManagerId) -> Done {
        let standing = self.leading()?;
        if member == standing.here {
            return Err(MembershipFailure::HandOverFirst(member));
        }
        self.finish_change().await?;
        let standing = self.leading()?;
        if standing.voters.contains(&member) {
            return self.take_vote(&standing, member, Then::Gone).await;
        }
        if standing.learners.contains(&member) {
            return self.change(ChangeMembers::RemoveNodes(BTreeSet::from([member.0]))).await;
        }
        Ok(())
    }

    /// Takes a member's vote; it still follows. Done already is done.
    pub async fn demote(&self, member: ManagerId) -> Done {
        let standing = self.leading()?;
        if member == standing.here {
            return Err(MembershipFailure::HandOverFirst(member));
        }
        self.finish_change().await?;
        let standing = self.leading()?;
        match standing.voters.contains(&member) {
            true => self.take_vote(&standing, member, Then::Follows).await,
            false => Ok(()),
        }
    }

    async fn take_vote(&self, standing: &Standing, member: ManagerId, then: Then) -> Done {
        if standing.voters.len() == 1 {
            return Err(MembershipFailure::LastVoter(member));
        }
        let change = ChangeMembers::RemoveVoters(BTreeSet::from([member.0]));
        self.change_and(change, then).await
    }

    /// Ends a change of voters that a former leader left half done. Whoever loses its vote by it still follows:
    /// whether it was to go as well is for whoever wanted the change to ask again. This leader keeps its own: whoever
    /// wants that has it hand over first.
    pub async fn finish_change(&self) -> Done {
        if !self.leading()?.joint() {
            return Ok(());
        }
        let keeps_its_vote = ChangeMembers::AddVoterIds(BTreeSet::from([self.here().0]));
        self.send(keeps_its_vote, Then::Follows, self.seen().0).await
    }

    /// Hands the lead over. The caller must have ended its tenure: the new leader does not wait for the
    /// lease, which is all that protects a claim to be Active.
    pub(crate) async fn transfer_to(&self, member: ManagerId) -> Done {
        let standing = self.leading()?;
        self.may_lead(&standing, member)?;
        self.caught_up(member).await?;
        self.core
            .raft
            .trigger()
            .transfer_leader(member.0)
            .await
            .map_err(|_| MembershipFailure::Stopping)?;
        let taken_over = async {
            while self.standing().leader != Some(member) {
                sleep(LOOK_PERIOD).await;
            }
        };
        timeout(TRANSFER_DEADLINE, taken_over)
            .await
            .map_err(|_| MembershipFailure::NotTakenOver(member))
    }

    /// Whether `member` could take the lead at all.
    pub(crate) fn may_lead(&self, standing: &Standing, member: ManagerId) -> Done {
        let witness = self.view(|state| {
            state.managers.members.get(&member).is_none_or(|m| m.role == Role::Witness)
        });
        match standing.voters.contains(&member) && !witness && member != standing.here {
            true => Ok(()),
            false => Err(MembershipFailure::NeverLeads(member)),
        }
    }

    /// Waits until `member` has what the log held when this was called.
    async fn caught_up(&self, member: ManagerId) -> Done {
        let target = self.leading()?.last_log;
        let deadline = Instant::now() + CATCH_UP_DEADLINE;
        loop {
            let standing = self.leading()?;
            let matched = standing.matched.get(&member).copied().unwrap_or(Revision(0));
            if matched >= target {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let behind = target.0 - matched.0;
                return Err(MembershipFailure::NotCaughtUp { member, behind });
            }
            sleep(LOOK_PERIOD).await;
        }
    }

    fn leading(&self) -> Done<Standing> {
        let standing = self.standing();
        match standing.leading {
            true => Ok(standing),
            false => Err(MembershipFailure::NotLeading { leader: standing.leader }),
        }
    }

    /// One change, if the membership is still as it was looked at, waited for until both of its entries
    /// are committed.
    async fn change(&self, change: Change) -> Done {
        self.change_and(change, Then::Gone).await
    }

    async fn change_and(&self, change: Change, then: Then) -> Done {
        match self.seen() {
            (seen, false) => self.send(change, then, seen).await,
            (_, true) => Err(MembershipFailure::Changed("another change is half done".to_owned())),
        }
    }

    /// The entry of the membership as it is now, and whether that is half of a change.
    fn seen(&self) -> (Option<LogId>, bool) {
        let metrics = self.core.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = &metrics.membership_config;
        (*membership.log_id(), membership.membership().get_joint_config().len() > 1)
    }

    async fn send(&self, change: Change, then: Then, seen: Option<LogId>) -> Done {
        let unchanged =
            Precondition::<TypeConfig>::LastMembershipLogId { last_membership_log_id: seen };
        tracing::info!(?change, "changing the membership");
        let changed =
            self.core.raft.change_membership_if(change, then == Then::Follows, [unchanged]);
        match timeout(CHANGE_DEADLINE, changed).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(error))) => Err(refused(error)),
            Ok(Err(RaftError::Fatal(_))) => Err(MembershipFailure::Stopping),
            Err(_) => Err(MembershipFailure::Unknown),
        }
    }
}

fn refused(error: ClientWriteError<TypeConfig>) -> MembershipFailure {
    match error {
        ClientWriteError::ForwardToLeader(to) => {
            MembershipFailure::NotLeading { leader: to.leader_id.map(ManagerId) }
        }
        ClientWriteError::LogEntryDiscarded(_) => MembershipFailure::Unknown,
        ClientWriteError::ChangeMembershipError(error) => {
            MembershipFailure::Changed(error.to_string())
        }
        ClientWriteError::PreconditionFailed(error) => {
            MembershipFailure::Changed(error.to_string())
        }
    }
}
