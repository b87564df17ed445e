//! The checker of availability on histories known to be good and known to be bad.

use super::support::{Asked, SECOND, Story};
use chaos_tests::checker::{Finding, Valid, availability};
use chaos_tests::history::Action::Write;
use chaos_tests::history::Outcome::{Done, Unknown};
use serde_json::{Value, json};

const MS: u64 = 1_000_000;
/// 20 ms.
const TICK: usize = 20_000_000;

/// Three Managers of which each is asked every 20 ms how it is, and answers at once.
fn group(seconds: u64) -> Story {
    looked_at(founded(&[1, 4, 7]), &[1, 4, 7], (0, seconds * SECOND), 2 * MS)
}

fn founded(ids: &[u64]) -> Story {
    ids.iter().fold(Story::default(), |story, id| story.line("member", "founded", *id, Value::Null))
}

fn looked_at(story: Story, ids: &[u64], (from, to): (u64, u64), took: u64) -> Story {
    let times = (from..to).step_by(TICK);
    times.fold(story, |story, sent| {
        ids.iter().fold(story, |story, id| {
            let value = json!({ "sent": sent, "received": sent + took });
            story.at(sent + took, "probe", "not-active", *id, value)
        })
    })
}

/// A change every 100 ms through Manager 4 from one time to another.
fn served(story: Story, (from, to): (u64, u64)) -> Story {
    (from..to)
        .step_by(5 * TICK)
        .fold(story, |story, at| story.through(4, 1, (at, at + 10 * MS), Write(at), Done))
}

/// A change that somebody asks for and hears nothing of.
fn asked(story: Story, node: u64, at: u64) -> Story {
    story.through(node, 100 + at, (at, at + SECOND), Write(at), Unknown)
}

fn judged(story: Story) -> Finding {
    availability::check(&story.lines())
}

/// Served, then for so many milliseconds not, with something going on meanwhile, then served to the end.
fn interrupted(ms: u64, meanwhile: impl Fn(Story) -> Story) -> Finding {
    let (from, to) = (10 * SECOND, 10 * SECOND + ms * MS);
    let story = served(served(group(60), (0, from)), (to, 60 * SECOND));
    let each_second = (from..to).step_by(50 * TICK);
    judged(meanwhile(each_second.fold(story, |story, at| asked(story, 4, at))))
}

#[test]
fn a_group_that_serves_all_the_time_is_good_and_what_took_longest_is_told() {
    let finding = judged(served(group(20), (0, 20 * SECOND)));
    assert_eq!(finding.valid, Valid::Yes, "{:?}", finding.because);
    assert_eq!(finding.facts["longest_ms"], 100);
    assert_eq!(finding.facts["longer_than_stated"], 0);
}

#[test]
fn a_failover_within_the_bound_is_good() {
    let hit = |story: Story| {
        story.strike("kill-one", (10 * SECOND, 10 * SECOND), &[1], json!("installed"))
    };
    let finding = interrupted(2_500, hit);
    assert_eq!(finding.valid, Valid::Yes, "{:?}", finding.because);
    assert_eq!(finding.facts["longer_than_stated"], 1);
}

#[test]
fn an_untouched_group_that_serves_nobody_is_found() {
    let finding = interrupted(5_300, |story| story);
    assert_eq!(finding.valid, Valid::No);
    assert!(finding.because[0].contains("{1, 4, 7} left alone"), "{:?}", finding.because);
    assert!(!finding.prefix.is_empty(), "what was asked for meanwhile");
}

#[test]
fn a_majority_that_is_left_alone_and_serves_nobody_is_found() {
    let split = |story: Story| {
        story.strike("split-active", (10 * SECOND, 24 * SECOND), &[1], json!("installed"))
    };
    let finding = interrupted(6_000, split);
    assert_eq!(finding.valid, Valid::No);
    assert!(finding.because[0].contains("{4, 7} left alone"), "{:?}", finding.because);
}

#[test]
fn nothing_is_owed_while_a_majority_is_hit_nor_at_once_when_it_is_left_alone_again() {
    let split = |class: &'static str, victims: &'static [u64]| {
        move |story: Story| {
            story.strike(class, (10 * SECOND, 24 * SECOND), victims, json!("installed"))
        }
    };
    assert_eq!(interrupted(22_000, split("split-majority", &[1, 4])).valid, Valid::Yes);
    assert_eq!(interrupted(22_000, split("shatter-all", &[1, 4, 7])).valid, Valid::Yes);
    // A lease after it was over it counts, by the bound of recovery.
    assert_eq!(interrupted(26_000, split("split-majority", &[1, 4])).valid, Valid::No);
    assert_eq!(interrupted(26_000, split("shatter-all", &[1, 4, 7])).valid, Valid::No);
}

#[test]
fn each_fault_that_begins_or_ends_may_cost_a_failover() {
    let two = |story: Story| {
        story.strike("late-one", (14 * SECOND, 17 * SECOND), &[1], json!("installed")).strike(
            "slow-link-active",
            (17 * SECOND, 29 * SECOND),
            &[1],
            json!("installed"),
        )
    };
    assert_eq!(interrupted(8_000, two).valid, Valid::Yes);
    assert_eq!(interrupted(14_000, two).valid, Valid::No);
}

/// Faults of a second each, four seconds from one to the next, from 13 s on.
fn one_after_the_other(story: Story, victims: &[u64]) -> Story {
    victims.iter().zip(0..).fold(story, |story, (victim, nth)| {
        let from = (13 + 4 * nth) * SECOND;
        story.strike("split-one", (from, from + SECOND), &[*victim], json!("installed"))
    })
}

#[test]
fn faults_one_after_the_other_do_not_excuse_a_majority_that_none_of_them_befalls() {
    assert_eq!(interrupted(11_000, |story| one_after_the_other(story, &[1; 2])).valid, Valid::Yes);
    let finding = interrupted(40_000, |story| one_after_the_other(story, &[1; 9]));
    assert_eq!(finding.valid, Valid::No);
    assert!(finding.because[0].contains("{4, 7} left alone"), "{:?}", finding.because);
}

#[test]
fn each_of_those_left_alone_may_be_lost_and_not_without_end() {
    let both = [1, 7, 1, 7, 1, 7, 1, 7, 1];
    assert_eq!(interrupted(15_000, |story| one_after_the_other(story, &both)).valid, Valid::Yes);
    assert_eq!(interrupted(40_000, |story| one_after_the_other(story, &both)).valid, Valid::No);
}

#[test]
fn faults_that_go_round_all_of_them_do_not_excuse_that_nobody_is_served() {
    let all = [1, 4, 7, 1, 4, 7, 1, 4, 7];
    assert_eq!(interrupted(15_000, |story| one_after_the_other(story, &all)).valid, Valid::Yes);
    let finding = interrupted(40_000, |story| one_after_the_other(story, &all));
    assert_eq!(finding.valid, Valid::No, "{:?}", finding.because);
    assert!(finding.because[0].contains("not always the same one"), "{:?}", finding.because);
}

/// 10 s to 50 s without an answer, and whoever is hit is the only one that is asked.
#[test]
fn faults_that_go_round_prove_nothing_where_only_whoever_is_hit_is_asked() {
    let (from, to) = (10 * SECOND, 50 * SECOND);
    let story = served(served(group(60), (0, from)), (to, 60 * SECOND));
    let hit = one_after_the_other(story, &[1, 4, 7, 1, 4, 7, 1, 4, 7]);
    let story = [1, 4, 7, 1, 4, 7, 1, 4, 7].iter().zip(0..).fold(hit, |story, (victim, nth)| {
        let at = (13 + 4 * nth) * SECOND;
        story.through(*victim, 100 + nth, (at + MS, at + 900 * MS), Write(at), Unknown)
    });
    let finding = judged(story);
    assert_eq!(finding.valid, Valid::Unknown, "{:?}", finding.because);
}

#[test]
fn an_answer_that_was_given_before_is_no_change() {
    let repeated = |story: Story| {
        (10..16).fold(story, |story, second| {
            let times = (second * SECOND, second * SECOND + MS);
            let (f, key, process) = ("again", "q.1", second);
            let again = Asked { f, key, req: Some("c1-1-1"), value: Value::Null, process, times };
            story.done(&again, Some(1))
        })
    };
    assert_eq!(interrupted(6_000, repeated).valid, Valid::No);
}

#[test]
fn what_befalls_only_the_agents_of_hosts_is_no_excuse() {
    let agents = |story: Story| {
        story.strike("agents-all", (9 * SECOND, 29 * SECOND), &[1, 4, 7], json!("installed"))
    };
    assert_eq!(interrupted(6_000, agents).valid, Valid::No);
}

#[test]
fn a_class_that_nobody_knows_hits_everybody() {
    let odd = |story: Story| {
        story.strike("flood-one", (10 * SECOND, 29 * SECOND), &[1], json!("installed"))
    };
    assert_eq!(interrupted(15_000, odd).valid, Valid::Yes);
}

/// Two of three are left alone; but while the third comes back under a new number it is two of two or three.
#[test]
fn who_joins_and_leaves_is_a_vote_that_is_needed_and_not_one_that_is_there() {
    let (from, to) = (10 * SECOND, 29 * SECOND);
    let replaced = |story: Story, other: u64| {
        let story = story
            .strike("replace-one", (from, to), &[1], json!("installed"))
            .at(from + SECOND, "member", "leaves", 1, Value::Null)
            .at(from + 2 * SECOND, "member", "left", 1, Value::Null)
            .at(from + 3 * SECOND, "member", "joined", 30, Value::Null);
        story.strike("split-one", (from, to), &[other], json!("installed"))
    };
    assert_eq!(interrupted(15_000, |story| replaced(story, 7)).valid, Valid::Yes);
    assert_eq!(interrupted(15_000, |story| replaced(story, 1)).valid, Valid::No);
}

#[test]
fn a_machine_that_stood_still_proves_nothing() {
    // Nobody is asked how it is for six of the seven seconds.
    let story = looked_at(founded(&[1, 4, 7]), &[1, 4, 7], (0, 10 * SECOND), 2 * MS);
    let story = looked_at(story, &[1, 4, 7], (16 * SECOND, 30 * SECOND), 2 * MS);
    let story = served(served(story, (0, 10 * SECOND)), (17 * SECOND, 30 * SECOND));
    let finding = judged(asked(story, 4, 11 * SECOND));
    assert_eq!(finding.valid, Valid::Unknown, "{:?}", finding.because);
    assert!(finding.because[0].contains("stood still"), "{:?}", finding.because);
}

#[test]
fn managers_that_get_no_processor_prove_nothing() {
    let story = looked_at(founded(&[1, 4, 7]), &[1, 4, 7], (0, 30 * SECOND), 700 * MS);
    let story = served(served(story, (0, 10 * SECOND)), (17 * SECOND, 30 * SECOND));
    let finding = judged(asked(story, 4, 11 * SECOND));
    assert_eq!(finding.valid, Valid::Unknown, "{:?}", finding.because);
}

#[test]
fn a_majority_that_nobody_asked_proves_nothing() {
    let story = served(served(group(30), (0, 10 * SECOND)), (17 * SECOND, 30 * SECOND));
    assert_eq!(judged(story).valid, Valid::Unknown);
    // Somebody asked the one that was cut off.
    let story = served(served(group(30), (0, 10 * SECOND)), (17 * SECOND, 30 * SECOND));
    let cut = story.strike("split-one", (9 * SECOND, 20 * SECOND), &[1], json!("installed"));
    assert_eq!(judged(asked(cut, 1, 11 * SECOND)).valid, Valid::Unknown);
}

#[test]
fn where_nothing_was_asked_for_or_nobody_ever_left_alone_nothing_is_shown() {
    assert_eq!(judged(group(5)).valid, Valid::Unknown);
    let story = asked(group(20), 4, SECOND);
    let broken = story.strike("shatter-all", (0, 30 * SECOND), &[1, 4, 7], json!("installed"));
    assert_eq!(judged(broken).valid, Valid::Unknown);
}
