//! The rule by which a Manager is Active, Passive or without a quorum. Pure: everything it depends on is in
//! [`Sight`], the time included.
//!
//! Active = leads by its own account ∧ votes in the group ∧ a quorum acknowledged something sent less than the
//! claim window ago ∧ its own `BecomeActive` of this very term is applied ∧ it has not laid the office down.
//!
//! Why no two Managers can be Active at one moment:
//! - another leader needs the votes of a quorum, at least one of whom acknowledged this one, and withholds its
//!   vote for its lease; the claim window is shorter than the shortest lease (see `cluster::timers`);
//! - a hand-over goes past the lease, so the office is laid down before it, for the rest of the term;
//! - so does the succession of a dead leader, whose claim has ended with its process (see `cluster::will`);
//! - a hand-over asked for in an earlier term and arriving late cannot elect anybody: some voter of every quorum
//!   has this term's `BecomeActive`, which the late candidate lacks.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::{Epoch, ManagerId, Term};
use crate::capabilities::managers::model::TenureRecord;
use crate::cluster::Standing;

/// What this Manager may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It alone acts, under this epoch.
    Active(Epoch),
    /// Another one acts, or is about to.
    Passive,
    /// Nobody is known who could act.
    NoQuorum,
}

/// Everything the rule depends on.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Where this member stands.
    pub standing: Standing,
    /// The last tenure that began, by the facts applied here.
    pub tenure: Option<TenureRecord>,
    /// For how long an acknowledgement is good.
    pub window: Duration,
    /// Acknowledgements asked for earlier do not count: the machine slept since.
    pub not_before: Option<Instant>,
    /// The term in which this member laid the office down, if it did.
    pub laid_down: Option<Term>,
    /// The last tenure of this member that ended. It does not come back, even if a quorum does.
    pub ended: Option<Epoch>,
    /// Whether this process is on its way down.
    pub stopping: bool,
    /// The moment the rule is applied to.
    pub now: Instant,
}

/// One part of the rule, for people who ask why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What has to hold.
    pub rule: &'static str,
    /// Whether it does.
    pub pass: bool,
    /// What was seen.
    pub detail: String,
}

/// The outcome, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub mode: Mode,
    /// The outcome in a sentence.
    pub because: String,
    /// Until when it stays so if nothing more is heard; for an Active only.
    pub until: Option<Instant>,
    /// Every part of the rule for being Active.
    pub rules: Vec<Rule>,
}

impl Sight {
    /// Applies the rule.
    pub(super) fn verdict(&self) -> Verdict {
        let rules = self.rules();
        let failed = rules.iter().find(|rule| !rule.pass);
        match (failed, &self.tenure) {
            (None, Some(tenure)) => Verdict {
                mode: Mode::Active(tenure.epoch),
                because: "This Manager is Active.".to_owned(),
                until: self.claim_ends(),
                rules,
            },
            (None, None) | (Some(_), _) => {
                let (mode, because) = self.not_active();
                Verdict { mode, because, until: None, rules }
            }
        }
    }

    /// Whether this Manager should take the office: it could act, only the group has not noted it yet.
    pub(super) fn may_take_office(&self) -> bool {
        let noted = |rule: &Rule| rule.rule == OWN_TENURE;
        self.rules().iter().all(|rule| rule.pass != noted(rule))
    }

    /// The end of the claim, if nothing more is heard.
    pub(super) fn claim_ends(&self) -> Option<Instant> {
        self.standing.quorum_acked.map(|acked| acked + self.window)
    }

    fn rules(&self) -> Vec<Rule> {
        vec![
            self.process_goes_on(),
            self.leads(),
            self.votes(),
            self.quorum_is_fresh(),
            self.office_is_kept(),
            self.tenure_is_own(),
        ]
    }

    fn process_goes_on(&self) -> Rule {
        let detail = match &self.standing.stopped {
            Some(why) => format!("consensus stopped: {why}"),
            None if self.stopping => "this process is stopping".to_owned(),
            None => "running".to_owned(),
        };
        let pass = !self.stopping && self.standing.stopped.is_none();
        Rule { rule: "This Manager is running", pass, detail }
    }

    fn leads(&self) -> Rule {
        let detail = match self.standing.leader {
            Some(leader) => format!("Manager {leader} leads term {}", self.standing.term),
            None => format!("no leader is known in term {}", self.standing.term),
        };
        Rule { rule: "It leads the group", pass: self.standing.leading, detail }
    }

    fn votes(&self) -> Rule {
        let removed = &self.standing.removed;
        let pass = removed.is_none() && self.standing.voters.contains(&self.standing.here);
        let detail = match removed {
            Some(why) => why.clone(),
            None => format!("{} voting members", self.standing.voters.len()),
        };
        Rule { rule: "It votes in the group", pass, detail }
    }

    fn quorum_is_fresh(&self) -> Rule {
        let acked = self.standing.quorum_acked;
        let counts = acked.filter(|acked| self.not_before.is_none_or(|slept| *acked > slept));
        let pass = counts.is_some_and(|acked| self.now < acked + self.window);
        let detail = match acked {
            None => "no acknowledgement of a quorum yet".to_owned(),
            Some(_) if counts.is_none() => "the machine slept since the last one".to_owned(),
            Some(acked) => {
                let age = self.now.saturating_duration_since(acked);
                format!(
                    "acknowledged {} ms ago, good for {} ms",
                    age.as_millis(),
                    self.window.as_millis()
                )
            }
        };
        Rule { rule: "A quorum acknowledged it within the claim window", pass, detail }
    }

    fn office_is_kept(&self) -> Rule {
        let pass = self.laid_down != Some(self.standing.term);
        let detail = if pass { "not handed over" } else { "handed over in this term" };
        Rule { rule: "It has not handed the office over", pass, detail: detail.to_owned() }
    }

    fn tenure_is_own(&self) -> Rule {
        let (here, term) = (self.standing.here, self.standing.term);
        let own = |tenure: &TenureRecord| {
            tenure.active == here && tenure.term == term && Some(tenure.epoch) > self.ended
        };
        let detail = match &self.tenure {
            Some(tenure) if Some(tenure.epoch) == self.ended => {
                format!("epoch {} has ended", tenure.epoch)
            }
            Some(tenure) => {
                format!("epoch {}: Manager {} in term {}", tenure.epoch, tenure.active, tenure.term)
            }
            None => "no tenure yet".to_owned(),
        };
        Rule { rule: OWN_TENURE, pass: self.tenure.as_ref().is_some_and(own), detail }
    }

    fn not_active(&self) -> (Mode, String) {
        if let Some(why) = &self.standing.removed {
            return (Mode::NoQuorum, format!("{why}."));
        }
        if self.standing.leading {
            if !self.quorum_is_fresh().pass {
                return (
                    Mode::NoQuorum,
                    "This Manager has lost contact with its quorum.".to_owned(),
                );
            }
            return (Mode::Passive, "This Manager leads and is not Active (yet).".to_owned());
        }
        let heard = self.standing.leader_heard_ago.filter(|ago| *ago < CONTACT_FRESH);
        match (self.standing.leader, heard) {
            (Some(leader), Some(_)) => (Mode::Passive, follows(leader)),
            (Some(leader), None) => {
                (Mode::NoQuorum, format!("Manager {leader} led last and is not heard any more."))
            }
            (None, _) => (Mode::NoQuorum, "No leader is known.".to_owned()),
        }
    }
}

const OWN_TENURE: &str = "The group noted it as Active in this term";

/// A leader heard longer ago than this is not counted on: many heartbeats, and the longest usual election.
const CONTACT_FRESH: Duration = Duration::from_secs(2);

fn follows(leader: ManagerId) -> String {
    format!("Manager {leader} leads.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::base::{Revision, Timestamp};

    fn leader() -> Sight {
        let here = ManagerId(1);
        let now = Instant::now() + Duration::from_secs(100);
        Sight {
            standing: Standing {
                here,
                term: Term(3),
                kept_term: Term(3),
                leader: Some(here),
                leading: true,
                quorum_acked: Some(now - Duration::from_millis(100)),
                voters: BTreeSet::from([here, ManagerId(5), ManagerId(9)]),
                learners: BTreeSet::new(),
                configs: Vec::new(),
                settled: true,
                last_log: Revision(20),
                committed: Revision(20),
                applied: Revision(20),
                checkpoint: Revision(0),
                purged: Revision(0),
                matched: Default::default(),
                leader_heard_ago: Some(Duration::ZERO),
                stopped: None,
                removed: None,
            },
            tenure: Some(TenureRecord {
                epoch: Epoch(17),
                active: here,
                term: Term(3),
                since: Timestamp(0),
                because: String::new(),
                before: None,
                planned: false,
            }),
            window: Duration::from_millis(900),
            not_before: None,
            laid_down: None,
            ended: None,
            stopping: false,
            now,
        }
    }

    #[test]
    fn a_leader_with_a_fresh_quorum_and_its_own_tenure_is_active() {
        let sight = leader();
        let verdict = sight.verdict();
        assert_eq!(verdict.mode, Mode::Active(Epoch(17)));
        assert_eq!(verdict.until, Some(sight.now + Duration::from_millis(800)));
        assert!(verdict.rules.iter().all(|rule| rule.pass));
        assert!(!sight.may_take_office());
    }

    // rows 47, 91
    #[test]
    fn a_leader_whose_quorum_fell_silent_is_not_active_whatever_it_calls_itself() {
        let mut sight = leader();
        sight.now += Duration::from_millis(799);
        assert!(matches!(sight.verdict().mode, Mode::Active(_)));
        sight.now += Duration::from_millis(1);
        assert_eq!(sight.verdict().mode, Mode::NoQuorum);
        assert!(!sight.may_take_office());
    }

    #[test]
    fn a_leader_that_the_group_has_not_noted_in_this_term_may_take_the_office() {
        let mut sight = leader();
        sight.standing.term = Term(4);
        assert_eq!(sight.verdict().mode, Mode::Passive);
        assert!(sight.may_take_office());
        sight.tenure = None;
        assert!(sight.may_take_office());
    }

    #[test]
    fn an_office_handed_over_is_not_taken_again_in_the_same_term() {
        let mut sight = leader();
        sight.laid_down = Some(Term(3));
        assert_eq!(sight.verdict().mode, Mode::Passive);
        sight.tenure = None;
        assert!(!sight.may_take_office());
    }

    #[test]
    fn a_tenure_that_ended_does_not_come_back_but_another_may_begin() {
        let mut sight = leader();
        sight.ended = Some(Epoch(17));
        assert_eq!(sight.verdict().mode, Mode::Passive);
        assert!(sight.may_take_office());
    }

    #[test]
    fn after_the_machine_slept_only_newer_acknowledgements_count() {
        let mut sight = leader();
        sight.not_before = Some(sight.now - Duration::from_millis(50));
        assert_eq!(sight.verdict().mode, Mode::NoQuorum);
        sight.standing.quorum_acked = Some(sight.now - Duration::from_millis(10));
        assert!(matches!(sight.verdict().mode, Mode::Active(_)));
    }

    #[test]
    fn a_removed_leader_is_not_active() {
        let mut sight = leader();
        sight.standing.voters.remove(&ManagerId(1));
        assert_eq!(sight.verdict().mode, Mode::Passive);
    }

    #[test]
    fn who_knows_that_it_was_removed_is_nothing_any_more_and_says_why() {
        let mut sight = leader();
        sight.standing.removed = Some("Kyvos Manager 1 was removed".into());
        let verdict = sight.verdict();
        assert_eq!(verdict.mode, Mode::NoQuorum);
        assert_eq!(verdict.because, "Kyvos Manager 1 was removed.");
        assert!(!sight.may_take_office());
    }

    #[test]
    fn a_follower_is_passive_while_its_leader_is_heard() {
        let mut sight = leader();
        sight.standing.leading = false;
        sight.standing.leader = Some(ManagerId(5));
        sight.standing.leader_heard_ago = Some(Duration::from_millis(100));
        assert_eq!(sight.verdict().mode, Mode::Passive);
        sight.standing.leader_heard_ago = Some(Duration::from_secs(5));
        assert_eq!(sight.verdict().mode, Mode::NoQuorum);
        sight.standing.leader = None;
        assert_eq!(sight.verdict().mode, Mode::NoQuorum);
    }

    proptest! {
        /// Row 91: whatever else is seen, nobody is Active at or after the end of its claim.
        #[test]
        fn nobody_is_active_past_the_end_of_its_claim(
            acked_ms in proptest::option::of(0_u64..5_000),
            window_ms in 0_u64..2_000,
            leading: bool,
            stopping: bool,
            laid_down: bool,
            term in 2_u64..5,
            slept_ms in proptest::option::of(0_u64..5_000),
        ) {
            let mut sight = leader();
            let ago = |ms| sight.now - Duration::from_millis(ms);
            let (acked, slept) = (acked_ms.map(ago), slept_ms.map(ago));
            sight.standing.quorum_acked = acked;
            sight.not_before = slept;
            sight.window = Duration::from_millis(window_ms);
            sight.standing.leading = leading;
            sight.standing.term = Term(term);
            sight.stopping = stopping;
            sight.laid_down = laid_down.then_some(Term(term));
            if let Mode::Active(epoch) = sight.verdict().mode {
                prop_assert_eq!(epoch, Epoch(17));
                prop_assert!(leading && !stopping && !laid_down && term == 3);
                prop_assert!(acked_ms.unwrap() < window_ms);
                prop_assert!(slept_ms.is_none_or(|slept| acked_ms.unwrap() < slept));
                prop_assert!(sight.claim_ends().unwrap() > sight.now);
            }
        }
    }
}
