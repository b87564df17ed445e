//! The other checkers on histories known to be good and known to be bad.

use super::support::Story;
use chaos_tests::checker::{
    Finding, Valid, epochs, fencing, membership, one_active, revision, set,
};
use chaos_tests::history::Action::{Add, Read, Write};
use chaos_tests::history::Line;
use chaos_tests::history::Outcome::{Done, Failed, Seen, Unknown};
use chaos_tests::verdict;
use serde_json::{Value, json};

// ---- nothing acknowledged is lost (promises 3, 7)

fn added() -> Story {
    Story::default()
        .call(1, (0, 1), Add(1), Done)
        .call(1, (2, 3), Add(2), Unknown)
        .call(2, (4, 5), Add(3), Failed)
        .call(2, (6, 7), Add(4), Done)
}

fn set_verdict(first: &[u64], second: &[u64]) -> Valid {
    let lines = added()
        .line("final", "set", 1, json!(first))
        .line("final", "set", 4, json!(second))
        .lines();
    set::check(&added().operations(), &lines, &[1, 4]).valid
}

#[test]
fn a_set_with_every_acknowledged_element_is_good_with_and_without_the_unknown_one() {
    assert_eq!(set_verdict(&[1, 4], &[1, 2, 4]), Valid::Yes);
}

#[test]
fn an_acknowledged_element_missing_on_one_manager_is_found() {
    assert_eq!(set_verdict(&[1, 4], &[1, 2]), Valid::No);
}

#[test]
fn an_element_whose_adding_was_called_failed_is_found() {
    assert_eq!(set_verdict(&[1, 3, 4], &[1, 4]), Valid::No);
}

#[test]
fn an_element_that_nobody_added_is_found() {
    assert_eq!(set_verdict(&[1, 4], &[1, 4, 99]), Valid::No);
}

#[test]
fn an_element_with_another_value_than_it_was_added_with_is_found() {
    let shown = json!([1, 4, ["s.2", "garbage"]]);
    let lines = added().line("final", "set", 1, json!([1, 4])).line("final", "set", 4, shown);
    assert_eq!(set::check(&added().operations(), &lines.lines(), &[1, 4]).valid, Valid::No);
}

#[test]
fn a_set_to_which_nothing_was_added_shows_nothing() {
    let story = || Story::default().call(1, (0, 1), Add(1), Failed);
    let judged = |shown: serde_json::Value| {
        let lines = story().line("final", "set", 1, shown).lines();
        set::check(&story().operations(), &lines, &[1]).valid
    };
    assert_eq!((judged(json!([])), judged(json!([1]))), (Valid::Unknown, Valid::No));
}

#[test]
fn of_a_bad_set_the_adding_and_the_reading_are_the_shortest_bad_beginning() {
    // Lines 0, 2, 4 and 6 add; those after them are what two Managers show.
    let story = added()
        .at(20, "final", "set", 1, json!([1, 4]))
        .at(21, "final", "set", 4, json!([1, 3]))
        .at(22, "final", "set", 7, json!([]));
    let finding = set::check(&added().operations(), &story.lines(), &[1, 4, 7]);
    assert_eq!((finding.because.len(), finding.prefix), (3, vec![6, 9]));
}

#[test]
fn what_one_manager_shows_is_judged_though_another_was_not_read() {
    let lines = added().line("final", "set", 1, json!([1])).lines();
    assert_eq!(set::check(&added().operations(), &lines, &[1, 4]).valid, Valid::No);
}

#[test]
fn without_a_final_reading_of_each_manager_a_set_is_unknown() {
    let lines = added().line("final", "set", 1, json!([1, 4])).lines();
    assert_eq!(set::check(&added().operations(), &lines, &[1, 4]).valid, Valid::Unknown);
}

// ---- at most one Active (promise 1)

fn probe(story: Story, node: u64, epoch: u64, sent: u64, received: u64) -> Story {
    let value = json!({ "epoch": epoch, "sent": sent, "received": received });
    story.line("probe", "active", node, value)
}

/// Probes, and logs that say no more of each tenure than that it was.
fn probed(probes: &[(u64, u64, u64, u64)]) -> Story {
    probes.iter().fold(Story::default(), |story, (node, epoch, sent, received)| {
        let story = story.line("active", "renew", *node, json!({ "epoch": epoch, "at": 0 }));
        probe(story, *node, *epoch, *sent, *received)
    })
}

fn active_verdict(probes: &[(u64, u64, u64, u64)]) -> Valid {
    judged(probed(probes)).valid
}

fn judged(story: Story) -> Finding {
    judged_by(&story.lines(), one_active::check)
}

/// What is bad is shown by lines that are bad by themselves, and the last of them is needed.
fn judged_by(lines: &[Line], check: impl Fn(&[Line]) -> Finding) -> Finding {
    let finding = check(lines);
    if finding.valid == Valid::No {
        let shown = verdict::prefix(lines, &finding);
        let shown: Vec<Line> = shown.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(check(&shown).valid, Valid::No, "{:?}", finding.because);
        assert_ne!(check(&shown[..shown.len() - 1]).valid, Valid::No, "{:?}", finding.because);
    }
    finding
}

#[test]
fn tenures_that_follow_each_other_are_good() {
    assert_eq!(
        active_verdict(&[(1, 5, 0, 1), (1, 5, 20, 21), (4, 9, 40, 41), (1, 12, 60, 61)]),
        Valid::Yes
    );
}

#[test]
fn an_active_still_in_office_after_its_successor_began_is_found() {
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (4, 9, 20, 21), (1, 5, 22, 23)]), Valid::No);
}

#[test]
fn an_answer_that_was_long_under_way_proves_nothing() {
    // Asked before the successor began, answered after: it may have been judged at any instant between.
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (1, 5, 10, 90), (4, 9, 40, 41)]), Valid::Yes);
}

#[test]
fn an_epoch_belongs_to_one_manager() {
    assert_eq!(active_verdict(&[(1, 5, 0, 1), (4, 5, 20, 21)]), Valid::No);
}

#[test]
fn an_epoch_that_goes_back_is_found() {
    assert_eq!(active_verdict(&[(1, 9, 0, 1), (4, 5, 20, 21)]), Valid::No);
}

/// What two Managers' own logs say, each a word, an epoch and a time.
fn log_verdict(said: &[(u64, &str, u64, u64)]) -> Valid {
    let story = said.iter().fold(answered(), |story, (node, word, epoch, at)| {
        let value = json!({ "epoch": epoch, "at": at, "held": at });
        story.line("active", word, *node, value)
    });
    judged(story).valid
}

/// Somebody answered a probe.
fn answered() -> Story {
    Story::default().line("probe", "not-active", 7, json!({ "sent": 0, "received": 1 }))
}

#[test]
fn logs_of_tenures_that_follow_each_other_are_good_also_when_one_ends_without_a_word() {
    let good = [(1, "begin", 5, 0), (1, "end", 5, 30), (4, "begin", 9, 40), (1, "begin", 12, 60)];
    assert_eq!(log_verdict(&good), Valid::Yes);
}

#[test]
fn a_tenure_that_its_own_log_says_held_after_its_successor_began_is_found() {
    assert_eq!(
        log_verdict(&[(1, "begin", 5, 0), (1, "end", 5, 50), (4, "begin", 9, 40)]),
        Valid::No
    );
}

#[test]
fn a_renewal_after_a_successor_began_is_found_also_when_no_end_was_written() {
    let killed = [(1, "begin", 5, 0), (1, "renew", 5, 30), (4, "begin", 9, 40)];
    assert_eq!(log_verdict(&killed), Valid::Yes);
    assert_eq!(log_verdict(&[&killed[..], &[(1, "renew", 5, 50)]].concat()), Valid::No);
    // A line that is all there is of a tenure says nothing of when it began.
    assert_eq!(log_verdict(&[(1, "renew", 5, 50), (4, "renew", 9, 10)]), Valid::Yes);
}

/// Manager 1 is Active from 0 on, last seen to be at 10, and could be until 40; Manager 4 is from `begun` on.
fn leased(ended: Option<u64>, begun: u64) -> Valid {
    let value = |at: u64| json!({ "epoch": 5, "at": at, "until": at + 30 });
    let story = answered().line("active", "begin", 1, value(0));
    let story = story.line("active", "renew", 1, value(10));
    let story = ended.into_iter().fold(story, |story, at| {
        story.line("active", "end", 1, json!({ "epoch": 5, "at": at, "held": 10, "until": 40 }))
    });
    let later = story.line("active", "begin", 4, json!({ "epoch": 9, "at": begun }));
    judged(later).valid
}

#[test]
fn nobody_begins_while_another_who_lives_could_still_act() {
    assert_eq!(leased(Some(90), 30), Valid::No);
    assert_eq!(leased(Some(90), 41), Valid::Yes);
    // It ended itself before its time was over, as when it hands over.
    assert_eq!(leased(Some(20), 30), Valid::Yes);
    // It died: it can do nothing any more, and whoever was told so need not wait.
    assert_eq!(leased(None, 30), Valid::Yes);
}

#[test]
fn a_log_and_a_probe_together_show_what_neither_shows_alone() {
    let story = Story::default().line("active", "begin", 4, json!({ "epoch": 9, "at": 40 }));
    let story = probe(probe(story, 1, 5, 0, 1), 1, 5, 50, 51);
    assert_eq!(judged(story).valid, Valid::No);
}

#[test]
fn the_two_claims_that_overlap_are_the_shortest_bad_beginning_and_tell_where_they_stand() {
    let value = |at: u64, seq: u64| json!({ "epoch": 9, "at": at, "seq": seq });
    // Lines 0 and 1 are of probes, 2 and 3 of logs.
    let story = probe(probe(Story::default(), 1, 5, 0, 1), 1, 5, 50, 51);
    let story = story.line("active", "begin", 4, value(40, 3));
    let finding = judged(story.line("active", "renew", 4, value(60, 4)));
    assert_eq!(finding.prefix, [1, 2]);
    let said = &finding.because[0];
    assert!(said.ends_with(": #1, #2 (saying 3 of its log)"), "{said}");
}

#[test]
fn a_tenure_that_was_seen_and_of_which_its_own_log_says_nothing_leaves_it_unknown() {
    let seen_for = |lasted_ms: u64, story: Story| {
        let sent = (0..=lasted_ms / 20).map(|nth| nth * 20_000_000);
        judged(sent.fold(story, |story, sent| probe(story, 1, 5, sent, sent + 1)))
    };
    let seen = |story: Story| seen_for(2_000, story);
    let silent = seen(Story::default());
    assert_eq!(silent.valid, Valid::Unknown);
    assert!(silent.because[0].contains("its own log says nothing"), "{:?}", silent.because);
    let said = |node: u64, epoch: u64| {
        let value = json!({ "epoch": epoch, "at": 0 });
        seen(Story::default().line("active", "begin", node, value)).valid
    };
    assert_eq!(said(1, 5), Valid::Yes);
    assert_eq!(said(1, 4), Valid::Unknown);
    // SEED=952: it did not hear that it was noted, and was noted again.
    let again = |node: u64| {
        let value = json!({ "epoch": 6, "at": 2_000_000_001_u64 });
        seen(Story::default().line("active", "begin", node, value)).valid
    };
    assert_eq!((again(1), again(4)), (Valid::Yes, Valid::Unknown));
    // SEED=950: it was killed, or led anew, a few milliseconds after it had answered so.
    assert_eq!(seen_for(500, Story::default()).valid, Valid::Yes);
}

/// One Manager is Active all the time, and is asked every so many milliseconds; what its log says is whole.
fn asked_every(ms: u64, answers: impl Fn(u64) -> &'static str) -> Finding {
    let begun = json!({ "epoch": 5, "at": 0 });
    let story = Story::default().line("active", "begin", 1, begun);
    judged((0..4_000 / ms).fold(story, |story, nth| {
        let sent = nth * ms * 1_000_000;
        let value = json!({ "epoch": 5, "sent": sent, "received": sent + 1 });
        story.line("probe", answers(nth), 1, value)
    }))
}

#[test]
fn probes_that_come_too_seldom_leave_it_unknown() {
    let often = asked_every(20, |_| "active");
    assert_eq!(often.valid, Valid::Yes);
    let gaps = json!({ "median": 20.0, "longest": 20, "near_percent": 100 });
    assert_eq!(often.facts["probe_gaps_ms"]["Manager 1"], gaps);
    let seldom = asked_every(250, |_| "active");
    assert_eq!(seldom.valid, Valid::Unknown);
    assert!(seldom.because[0].contains("too seldom"), "{:?}", seldom.because);
    // Nobody answered at all.
    let logs = Story::default().line("active", "begin", 1, json!({ "epoch": 5, "at": 0 }));
    assert_eq!(judged(logs).valid, Valid::Unknown);
}

#[test]
fn the_time_in_which_a_manager_is_down_is_not_held_against_the_probes() {
    let down = asked_every(20, |nth| if (2..198).contains(&nth) { "silent" } else { "active" });
    assert_eq!(down.valid, Valid::Yes);
    assert_eq!(down.facts["probe_gaps_ms"]["Manager 1"]["longest"], json!(20));
}

// ---- a witness never leads (promise 14)

#[test]
fn a_witness_that_is_active_is_found_though_nobody_else_is() {
    let joined = |role: &str| {
        Story::default().line("member", "joined", 30, json!({ "host": 4, "role": role }))
    };
    let claim = json!({ "epoch": 5, "at": 0, "seq": 1 });
    let logged = |role: &str| judged(joined(role).line("active", "begin", 30, claim.clone()));
    let seen = |role: &str| {
        let said = joined(role).line("active", "renew", 30, claim.clone());
        judged(probe(said, 30, 5, 0, 1)).valid
    };
    assert_eq!(logged("witness").valid, Valid::No);
    assert_eq!(logged("witness").prefix, [0, 1]);
    assert_eq!((seen("witness"), seen("manager")), (Valid::No, Valid::Yes));
}

#[test]
fn a_run_that_never_saw_an_active_is_unknown() {
    assert_eq!(active_verdict(&[]), Valid::Unknown);
    assert_eq!(judged(answered()).valid, Valid::Unknown);
}

// ---- what shows that other promises were broken

#[test]
fn an_epoch_below_its_past_is_shown_by_both_tenures_and_the_call_that_was_told_more() {
    let story = probe(probe(Story::default(), 1, 5, 0, 1), 1, 5, 20, 21);
    let story = probe(story, 4, 11, 40, 41).on("k", 1, (9, 10), Write(1), Done, Some(11));
    let later = story.on("k", 1, (12, 13), Write(2), Done, Some(9));
    let finding = judged_by(&later.lines(), epochs::check);
    assert_eq!((finding.valid, finding.prefix), (Valid::No, vec![0, 1, 2, 3, 4]));
}

#[test]
fn an_epoch_that_is_no_revision_is_found_though_nothing_was_told_before_it() {
    let of = |epoch: u64| {
        let story = probe(probe(Story::default(), 1, epoch, 0, 1), 4, 11, 20, 21);
        judged_by(&story.on("k", 1, (30, 31), Write(1), Done, Some(12)).lines(), epochs::check)
    };
    assert_eq!(of(1).valid, Valid::Yes);
    assert_eq!((of(0).valid, of(0).prefix), (Valid::No, vec![0]));
    let silent = |epoch: u64| epochs::check(&probe(Story::default(), 1, epoch, 0, 1).lines()).valid;
    assert_eq!((silent(1), silent(0)), (Valid::Unknown, Valid::No));
}

#[test]
fn a_host_that_obeyed_the_past_is_shown_by_what_it_let_through_and_an_epoch_of_two_by_both() {
    let value = |epoch: u64, seq: u64| json!({ "epoch": epoch, "seq": seq });
    let story = Story::default().line("effect", "accepted", 1, value(7, 1));
    let story = story.line("effect", "accepted", 4, value(9, 2));
    let finding =
        judged_by(&story.line("effect", "accepted", 1, value(7, 3)).lines(), fencing::check);
    assert_eq!((finding.valid, finding.prefix), (Valid::No, vec![1, 2]));
    assert!(finding.because[0].contains("#2 (saying 3 of its log)"), "{:?}", finding.because);
    // Also where no agent let anything through.
    let shared = probe(probe(Story::default(), 1, 5, 0, 1), 4, 5, 20, 21);
    let finding = judged_by(&shared.lines(), fencing::check);
    assert_eq!((finding.valid, finding.prefix), (Valid::No, vec![0, 1]));
}

#[test]
fn a_number_that_was_given_twice_is_shown_by_both_and_an_odd_member_by_all_who_came_and_left() {
    let founded = || {
        let come = |story: Story, id| story.line("member", "founded", id, Value::Null);
        [1, 4, 7].into_iter().fold(Story::default(), come)
    };
    let check = |lines: &[Line]| membership::check(lines, &[1, 4]);
    let again = founded().line("member", "joined", 7, Value::Null);
    assert_eq!(judged_by(&again.lines(), check).prefix, [2, 3]);
    let told = json!({ "members": [1, 4], "voters": [1, 4, 7] });
    let odd = founded().line("final", "members", 1, told);
    let finding = judged_by(&odd.lines(), check);
    assert_eq!((finding.valid, finding.prefix), (Valid::No, vec![0, 1, 2, 3]));
}

// ---- one revision counter

fn write(story: Story, process: u64, times: (u64, u64), value: u64, rev: u64) -> Story {
    story.on("k", process, times, Write(value), Done, Some(rev))
}

fn read(story: Story, times: (u64, u64), rev: u64) -> Story {
    story.on("k", 9, times, Read, Seen(None), Some(rev))
}

#[test]
fn revisions_that_grow_in_real_time_are_good_and_overlapping_calls_may_swap() {
    let story = write(write(Story::default(), 1, (0, 10), 1, 8), 2, (1, 9), 2, 7);
    assert_eq!(revision::check(&read(story, (11, 12), 8).operations(), &[]).valid, Valid::Yes);
}

#[test]
fn without_a_change_nothing_is_shown_of_revisions() {
    let story = read(Story::default(), (11, 12), 8).call(1, (0, 1), Write(1), Failed);
    assert_eq!(revision::check(&story.operations(), &[]).valid, Valid::Unknown);
    assert_eq!(revision::check(&[], &[]).valid, Valid::Unknown);
}

#[test]
fn a_revision_given_twice_is_found() {
    let story = write(write(Story::default(), 1, (0, 10), 1, 8), 2, (1, 9), 2, 8);
    assert_eq!(revision::check(&story.operations(), &[]).valid, Valid::No);
}

#[test]
fn a_later_change_with_a_lower_revision_is_found() {
    let story = write(write(Story::default(), 1, (0, 1), 1, 8), 2, (2, 3), 2, 7);
    assert_eq!(revision::check(&story.operations(), &[]).valid, Valid::No);
}

#[test]
fn a_later_read_at_a_lower_revision_is_found() {
    let story = read(write(Story::default(), 1, (0, 1), 1, 8), (2, 3), 7);
    assert_eq!(revision::check(&story.operations(), &[]).valid, Valid::No);
}

#[test]
fn a_value_read_at_another_revision_than_it_was_written_at_is_found() {
    let told = |mod_rev: u64| {
        let story = write(Story::default(), 1, (0, 1), 1, 8);
        let story = story.on("k", 9, (2, 3), Read, Seen(Some(1)), Some(8));
        let mut operations = story.operations();
        operations[1].mod_rev = Some(mod_rev);
        revision::check(&operations, &[]).valid
    };
    assert_eq!((told(8), told(7)), (Valid::Yes, Valid::No));
}

#[test]
fn the_two_calls_that_cannot_both_be_right_are_the_shortest_bad_beginning() {
    // Lines 0, 2, 4 and 6 begin the calls.
    let story = write(write(Story::default(), 1, (0, 1), 1, 8), 1, (2, 3), 2, 9);
    let story = read(write(story, 1, (6, 7), 3, 9), (4, 5), 8);
    let finding = revision::check(&story.operations(), &[]);
    assert_eq!(finding.because.len(), 3, "{:?}", finding.because);
    assert!(finding.because[0].contains("got 8"), "{:?}", finding.because);
    assert_eq!(finding.prefix, [2, 4]);
}

#[test]
fn an_acknowledgement_without_a_revision_is_found() {
    let story = Story::default().call(1, (0, 1), Write(1), Done);
    assert_eq!(revision::check(&story.operations(), &[]).valid, Valid::No);
}
