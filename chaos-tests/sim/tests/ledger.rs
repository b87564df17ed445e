//! The ledger fires for what it is there for, and for nothing else.

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::alias::LeaderIdOf;
use openraft::vote::RaftLeaderId;
use raft_store::Record;
use raft_store::types::{Payload, TypeConfig};
use simulation::applied::Applied;
use simulation::deeds::Act;
use simulation::disk::{Entry, LogId};
use simulation::ledger::{Held, Ledger, Said};

/// The first entry of a log has index 1.
struct Log(Vec<LogId>);

impl Held for Log {
    fn id_at(&self, index: u64) -> Option<LogId> {
        self.0.get(usize::try_from(index.checked_sub(1)?).ok()?).copied()
    }

    fn forgotten(&self) -> Option<LogId> {
        None
    }
}

fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderIdOf::<TypeConfig>::new(term, 1), index)
}

/// A log whose entries were made in these terms.
fn log(terms: &[u64]) -> Log {
    Log(terms.iter().zip(1..).map(|(term, index)| log_id(*term, index)).collect())
}

fn entry(term: u64, index: u64, payload: &'static [u8]) -> Record {
    let payload = EntryPayload::Normal(Payload(Bytes::from_static(payload)));
    Record::Entry(Entry { log_id: log_id(term, index), payload })
}

fn said(term: u64, committed: u64) -> Said {
    Said { term, committed, applied: committed, revision: committed, leading: false }
}

/// What a ledger has against a story.
fn against(story: impl FnOnce(&mut Ledger)) -> Vec<String> {
    let mut ledger = Ledger::default();
    story(&mut ledger);
    ledger.violations
}

fn finds(what: &str, story: impl FnOnce(&mut Ledger)) {
    let found = against(story);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(what), "{found:?}");
}

fn good(story: impl FnOnce(&mut Ledger)) {
    assert_eq!(against(story), Vec::<String>::new());
}

// ---- one Active, and an epoch of one member

#[test]
fn one_active_after_another_is_good_and_so_is_nobody() {
    good(|ledger| {
        ledger.active(&[(0, 5)]);
        ledger.active(&[]);
        ledger.active(&[(1, 9)]);
        ledger.active(&[(1, 9)]);
    });
}

#[test]
fn two_that_are_active_at_one_moment_are_found() {
    finds("several are Active", |ledger| ledger.active(&[(0, 5), (1, 9)]));
}

#[test]
fn an_epoch_of_two_members_is_found_however_far_apart() {
    finds("epoch 5 is of member 0 and of member 1", |ledger| {
        ledger.active(&[(0, 5)]);
        ledger.active(&[]);
        ledger.active(&[(1, 5)]);
    });
}

// ---- equal facts

#[test]
fn equal_facts_at_equal_revisions_are_good() {
    good(|ledger| {
        ledger.digest(0, 7, [1; 32]);
        ledger.digest(1, 7, [1; 32]);
        ledger.digest(0, 8, [2; 32]);
    });
}

#[test]
fn other_facts_at_the_same_revision_are_found_also_of_one_member() {
    finds("the facts of member 1 at revision 7", |ledger| {
        ledger.digest(0, 7, [1; 32]);
        ledger.digest(1, 7, [2; 32]);
    });
    finds("the facts of member 0 at revision 7", |ledger| {
        ledger.digest(0, 7, [1; 32]);
        ledger.digest(0, 7, [2; 32]);
    });
}

/// What was applied up to a revision, where the sum is then.
fn applied(changes: &[(u64, Option<u64>)], sum: (u64, u64)) -> Applied {
    Applied { changes: changes.to_vec(), sum, settings: None }
}

#[test]
fn equal_changes_are_good_however_many_at_a_time_and_so_are_those_a_checkpoint_stands_for() {
    good(|ledger| {
        ledger.applied(0, &applied(&[(7, Some(1))], (7, 71)));
        ledger.applied(0, &applied(&[(8, None), (9, Some(2))], (9, 91)));
        ledger.applied(1, &applied(&[(7, Some(1)), (8, None), (9, Some(2))], (9, 91)));
        ledger.applied(2, &applied(&[(9, Some(2))], (9, 91)));
        ledger.applied(2, &applied(&[], (9, 91)));
    });
}

#[test]
fn another_change_of_a_revision_is_found_and_so_is_none() {
    for other in [Some(2), None] {
        finds("member 1 made another change of revision 8", |ledger| {
            ledger.applied(0, &applied(&[(7, Some(1)), (8, Some(1))], (8, 1)));
            ledger.applied(1, &applied(&[(7, Some(1)), (8, other)], (8, 1)));
        });
        finds("member 1 made another change of revision 8", |ledger| {
            ledger.applied(0, &applied(&[(8, other)], (8, 1)));
            ledger.applied(1, &applied(&[(8, Some(1)), (9, Some(1))], (9, 2)));
        });
    }
}

#[test]
fn equal_changes_that_came_to_another_sum_are_found() {
    finds("member 1 came to revision 8 in another way", |ledger| {
        ledger.applied(0, &applied(&[(8, Some(1))], (8, 1)));
        ledger.applied(1, &applied(&[(8, Some(1))], (8, 2)));
    });
}

#[test]
fn other_properties_after_an_equal_change_are_found_where_both_saw_it() {
    let after = |settings| Applied { settings, ..applied(&[(8, Some(1))], (8, 1)) };
    finds("member 1 has other properties after the change of revision 8", |ledger| {
        ledger.applied(0, &after(Some(1)));
        ledger.applied(1, &after(Some(2)));
    });
    good(|ledger| {
        ledger.applied(0, &after(Some(1)));
        ledger.applied(1, &after(None));
        ledger.applied(2, &after(Some(1)));
    });
}

// ---- fences

const EARLY: Act = Act { due: 0, agent: 0, epoch: 5, member: 1 };
const LATE: Act = Act { epoch: 9, member: 2, ..EARLY };

#[test]
fn acts_of_one_epoch_after_another_are_good_and_so_is_who_gives_way() {
    good(|ledger| {
        ledger.act_asked(EARLY);
        ledger.act_let_through(EARLY);
        ledger.act_let_through(EARLY);
        ledger.act_ended(EARLY, false);
        ledger.act_asked(LATE);
        ledger.act_ended(EARLY, true);
        ledger.act_let_through(LATE);
        ledger.act_kept_out(EARLY, 9);
        // Another host has not heard of it.
        ledger.act_let_through(Act { agent: 1, ..EARLY });
    });
}

#[test]
fn an_act_that_begins_after_a_later_one_is_found_also_when_the_agent_was_killed_meanwhile() {
    finds("agent 0: an act of epoch 5 begins after one of epoch 9", |ledger| {
        ledger.act_let_through(LATE);
        ledger.agent_gone(0);
        ledger.act_let_through(EARLY);
    });
}

#[test]
fn an_act_that_begins_while_an_earlier_one_goes_on_is_found_unless_that_ended_with_its_agent() {
    finds("agent 0: an act of epoch 9 begins while one of epoch 5 goes on", |ledger| {
        ledger.act_let_through(EARLY);
        ledger.act_let_through(LATE);
    });
    good(|ledger| {
        ledger.act_let_through(EARLY);
        ledger.agent_gone(0);
        ledger.act_let_through(LATE);
    });
}

#[test]
fn whoever_is_kept_out_or_broken_off_by_nobody_is_found() {
    finds("is kept out by epoch 9, and nobody asked in a later one than 5", |ledger| {
        ledger.act_asked(EARLY);
        ledger.act_kept_out(EARLY, 9);
    });
    finds("is kept out by epoch 5", |ledger| {
        ledger.act_asked(LATE);
        ledger.act_kept_out(LATE, 5);
    });
    finds("an act of epoch 5 is broken off", |ledger| {
        ledger.act_asked(EARLY);
        ledger.act_let_through(EARLY);
        ledger.act_ended(EARLY, true);
    });
}

// ---- nothing goes back

#[test]
fn a_member_that_goes_on_is_good_and_one_that_was_started_anew_may_know_less() {
    good(|ledger| {
        ledger.said(0, 1, 1, said(2, 3), &log(&[1, 1, 2]));
        ledger.said(0, 1, 1, said(3, 3), &log(&[1, 1, 2]));
        ledger.said(0, 1, 2, said(3, 1), &log(&[1, 1, 2]));
    });
}

#[test]
fn a_term_that_goes_back_is_found_also_over_a_start() {
    for run in [1, 2] {
        finds("member 0 went back from term 3 to 2", |ledger| {
            ledger.said(0, 1, 1, said(3, 0), &log(&[]));
            ledger.said(0, 1, run, said(2, 0), &log(&[]));
        });
    }
}

#[test]
fn a_commit_facts_or_a_revision_that_go_back_are_found() {
    type Back = fn(&mut Said);
    let back: [(&str, Back); 3] = [
        ("its commit went back from 3 to 2", |said| said.committed = 2),
        ("its facts went back from 3 to 2", |said| said.applied = 2),
        ("its revision went back from 3 to 2", |said| said.revision = 2),
    ];
    for (what, goes_back) in back {
        finds(what, |ledger| {
            let mut next = said(2, 3);
            ledger.said(0, 1, 1, next, &log(&[1, 1, 2]));
            goes_back(&mut next);
            ledger.said(0, 1, 1, next, &log(&[1, 1, 2]));
        });
    }
}

#[test]
fn a_member_that_takes_anothers_place_begins_anew() {
    good(|ledger| {
        ledger.said(0, 1, 1, said(5, 3), &log(&[1, 1, 2]));
        ledger.replaced(0);
        ledger.said(0, 9, 2, said(1, 0), &log(&[]));
    });
}

// ---- committed is for ever, one leader of a vote, and it has everything

#[test]
fn two_entries_committed_at_one_index_are_found() {
    finds("member 1 committed (2, 1, 2) where (1, 1, 2) was committed", |ledger| {
        ledger.said(0, 1, 1, said(2, 2), &log(&[1, 1]));
        ledger.said(1, 2, 1, said(2, 2), &log(&[1, 2]));
    });
}

#[test]
fn a_vote_that_two_lead_is_found_and_so_is_one_led_by_another_run() {
    let leads = |term: u64| Said { leading: true, ..said(term, 0) };
    for (member, run) in [(1, 1), (0, 2)] {
        finds("vote (2, 1) is led by", |ledger| {
            ledger.said(0, 1, 1, leads(2), &log(&[]));
            ledger.said(member, 1, run, leads(2), &log(&[]));
        });
    }
    good(|ledger| {
        ledger.said(0, 1, 1, leads(2), &log(&[]));
        ledger.said(1, 2, 1, leads(2), &log(&[]));
    });
}

#[test]
fn a_leader_without_a_committed_entry_is_found() {
    let leads = Said { leading: true, ..said(3, 0) };
    finds("member 1 leads term 3 without the committed (1, 1, 2)", |ledger| {
        ledger.said(0, 1, 1, said(1, 2), &log(&[1, 1]));
        ledger.said(1, 2, 1, leads, &log(&[1]));
    });
    good(|ledger| {
        ledger.said(0, 1, 1, said(1, 2), &log(&[1, 1]));
        ledger.said(1, 2, 1, leads, &log(&[1, 1, 3]));
    });
}

// ---- log matching

#[test]
fn the_same_log_on_two_disks_is_good() {
    good(|ledger| {
        for member in [0, 1] {
            ledger.written(member, &entry(1, 1, b"a"));
            ledger.written(member, &entry(1, 2, b"b"));
        }
    });
}

#[test]
fn an_entry_of_another_content_or_after_another_entry_is_found() {
    finds("has another content", |ledger| {
        ledger.written(0, &entry(1, 1, b"a"));
        ledger.written(1, &entry(1, 1, b"b"));
    });
    finds("follows another one", |ledger| {
        ledger.written(0, &entry(1, 1, b"a"));
        ledger.written(0, &entry(3, 2, b"b"));
        ledger.written(1, &entry(2, 1, b"c"));
        ledger.written(1, &entry(3, 2, b"b"));
    });
}

#[test]
fn what_was_cut_off_and_written_anew_is_no_other_entry() {
    good(|ledger| {
        ledger.written(0, &entry(1, 1, b"a"));
        ledger.written(0, &entry(1, 2, b"b"));
        ledger.written(0, &Record::Truncate(Some(log_id(1, 1))));
        ledger.written(0, &entry(2, 2, b"c"));
    });
}
