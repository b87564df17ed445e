//! Where this member stands in its group, as one consistent reading of the Raft library's metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::{Instant as _, RaftMetrics, ServerState};
use raft_store::planted::{Bug, planted};
use raft_store::types::TypeConfig;
use tokio::time::Instant;

use crate::base::{ManagerId, Revision, Term};

/// One reading. It is as fresh as the moment it was taken.
#[derive(Clone, Debug)]
pub struct Standing {
    /// This member.
    pub here: ManagerId,
    /// The term it is in.
    pub term: Term,
    /// The same as far as its disk has it, and no process forgets it any more: what others are told.
    pub kept_term: Term,
    /// The leader it knows of, if any.
    pub leader: Option<ManagerId>,
    /// Whether it leads `term`, by its own account. A cut-off leader says so for ever: see `quorum_acked`.
    pub leading: bool,
    /// For a leader: the latest moment at which a message was sent that a quorum has acknowledged.
    pub quorum_acked: Option<Instant>,
    /// Members that vote, in any of the configurations in force.
    pub voters: BTreeSet<ManagerId>,
    /// Members that follow without a vote.
    pub learners: BTreeSet<ManagerId>,
    /// The configurations in force: one, or two while a change of the voters is half done. Each needs its own
    /// majority.
    pub configs: Vec<BTreeSet<ManagerId>>,
    /// Whether the last change of members is committed.
    pub settled: bool,
    /// Last entry of the log here.
    pub last_log: Revision,
    /// Last entry known to be committed.
    pub committed: Revision,
    /// Last entry applied here.
    pub applied: Revision,
    /// Last entry covered by a checkpoint here.
    pub checkpoint: Revision,
    /// The log here begins after this entry; what is before it is only in checkpoints.
    pub purged: Revision,
    /// For a leader: how far each other member's log is known to match.
    pub matched: BTreeMap<ManagerId, Revision>,
    /// How long ago a leader's word arrived here; for a leader, how long ago a quorum confirmed it.
    pub leader_heard_ago: Option<Duration>,
    /// Why the Raft core stopped, if it did. The process must end then.
    pub stopped: Option<String>,
    /// Why this one is no member any more, if it knows that it is none.
    pub removed: Option<String>,
}

impl Standing {
    pub(crate) fn read(metrics: &RaftMetrics<TypeConfig>, heard_ago: Option<Duration>) -> Self {
        let membership = metrics.membership_config.membership();
        let leading = metrics.state == ServerState::Leader;
        let index = |id: &Option<super::translation::RaftLogId>| {
            Revision(id.as_ref().map_or(0, openraft::LogId::index))
        };
        let quorum_acked = quorum_acked(metrics);
        let acked_ago = quorum_acked.map(|acked| acked.elapsed());
        Standing {
            here: ManagerId(metrics.id),
            term: Term(metrics.current_term),
            kept_term: Term(metrics.vote.leader_id().term),
            leader: metrics.current_leader.map(ManagerId),
            leading,
            quorum_acked,
            voters: membership.voter_ids().map(ManagerId).collect(),
            learners: membership.learner_ids().map(ManagerId).collect(),
            configs: membership
                .get_joint_config()
                .iter()
                .map(|config| config.iter().copied().map(ManagerId).collect())
                .collect(),
            settled: metrics.membership_config == metrics.committed_membership_config,
            last_log: Revision(metrics.last_log_index.unwrap_or(0)),
            committed: index(&metrics.local_committed),
            applied: index(&metrics.last_applied),
            checkpoint: index(&metrics.snapshot),
            purged: index(&metrics.purged),
            matched: matched(metrics),
            leader_heard_ago: if leading { acked_ago } else { heard_ago },
            stopped: metrics.running_state.as_ref().err().map(ToString::to_string),
            removed: None,
        }
    }

    /// How many voters make a quorum.
    pub fn quorum(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// Whether a change of the voters is half done.
    pub fn joint(&self) -> bool {
        self.configs.len() > 1
    }

    /// Whether it leads a group that it does not vote in, and that is agreed on. Whoever has the entry by which it loses its
    /// vote as the only one is elected to pass it on, by Raft's own rules; with that done its part is over.
    pub fn leads_without_a_vote(&self) -> bool {
        self.leading && self.settled && !self.voters.contains(&self.here)
    }

    /// How many more voters may fail before nothing can be agreed on, given which of them answer.
    pub fn failure_tolerance(&self, answers: impl Fn(ManagerId) -> bool) -> usize {
        let spare = |config: &BTreeSet<ManagerId>| {
            let answering = config.iter().filter(|id| answers(**id)).count();
            answering.saturating_sub(config.len() / 2 + 1)
        };
        self.configs.iter().map(spare).min().unwrap_or(0)
    }

    /// Whether this member is all of its group's quorum by itself.
    pub fn alone(&self) -> bool {
        self.voters.len() == 1 && self.voters.contains(&self.here)
    }
}

/// The library does not renew the acknowledgement of a leader that is its own quorum: nobody is asked.
fn quorum_acked(metrics: &RaftMetrics<TypeConfig>) -> Option<Instant> {
    let mut voters = metrics.membership_config.membership().voter_ids();
    let alone = voters.next() == Some(metrics.id) && voters.next().is_none();
    if metrics.state == ServerState::Leader && (alone || planted(Bug::ActiveByRaftState)) {
        return Some(Instant::now());
    }
    // The library's clock is ours under another type. Reading ours first makes the result earlier than the
    // truth if this thread is held up in between, never later.
    let now = Instant::now();
    metrics.last_quorum_acked.and_then(|acked| now.checked_sub(acked.elapsed()))
}

fn matched(metrics: &RaftMetrics<TypeConfig>) -> BTreeMap<ManagerId, Revision> {
    let Some(replication) = &metrics.replication else { return BTreeMap::new() };
    let index = |id: &Option<super::translation::RaftLogId>| {
        Revision(id.as_ref().map_or(0, openraft::LogId::index))
    };
    replication.iter().map(|(id, log_id)| (ManagerId(*id), index(log_id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_configs(configs: &[&[u64]]) -> Standing {
        let metrics = RaftMetrics::<TypeConfig>::new_initial(1);
        let configs = configs.iter().map(|config| config.iter().copied().map(ManagerId).collect());
        let configs: Vec<BTreeSet<ManagerId>> = configs.collect();
        let voters = configs.iter().flatten().copied().collect();
        Standing { configs, voters, ..Standing::read(&metrics, None) }
    }

    #[test]
    fn only_a_leader_whose_loss_of_its_vote_is_agreed_on_leads_without_one() {
        let leads = Standing { leading: true, settled: true, ..with_configs(&[&[2, 3]]) };
        assert!(leads.leads_without_a_vote());
        assert!(!Standing { leading: false, ..leads.clone() }.leads_without_a_vote());
        assert!(!Standing { settled: false, ..leads }.leads_without_a_vote());
        let votes = Standing { leading: true, settled: true, ..with_configs(&[&[2, 3], &[1, 2]]) };
        assert!(!votes.leads_without_a_vote());
    }

    #[test]
    fn half_a_change_of_voters_tolerates_what_both_configurations_do() {
        let all = |_| true;
        assert_eq!(with_configs(&[&[1, 2, 3]]).failure_tolerance(all), 1);
        assert_eq!(with_configs(&[&[1, 2], &[1, 2, 3]]).failure_tolerance(all), 0);
        assert_eq!(with_configs(&[&[1, 2, 3]]).failure_tolerance(|id| id != ManagerId(3)), 0);
        assert_eq!(with_configs(&[&[1, 2, 3, 4, 5]]).failure_tolerance(all), 2);
        assert_eq!(with_configs(&[]).failure_tolerance(all), 0);
    }
}
