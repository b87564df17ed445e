//! The checkers of repeated requests, sessions and hosts on histories known to be good and known to be bad.

use super::support::{Asked, Story};
use chaos_tests::checker::{Valid, fencing, once, sessions};
use serde_json::{Value, json};

// ---- one effect and one answer (promise 5)

/// A request `r` of value 7 on `q`, answered at revision 5, and what else the story has; then the past of `q`.
fn once_verdict(story: Story, past: &Value) -> Valid {
    once::check(&story.past("q", past).lines()).valid
}

fn ask(f: &'static str, process: u64, times: (u64, u64)) -> Asked {
    Asked { f, key: "q", req: Some("r"), value: json!("7"), process, times }
}

#[test]
fn a_request_repeated_elsewhere_with_the_same_answer_and_one_effect_is_good() {
    let story = Story::default()
        .done(&ask("ask", 1, (0, 1)), Some(5))
        .done(&ask("again", 2, (2, 3)), Some(5))
        .unknown(&ask("again", 3, (4, 5)))
        .not(&ask("again", 4, (6, 7)), "NO_ACTIVE");
    assert_eq!(once_verdict(story, &json!([[5, "7"]])), Valid::Yes);
}

#[test]
fn a_repetition_at_another_revision_is_found() {
    let story = Story::default()
        .done(&ask("ask", 1, (0, 1)), Some(5))
        .done(&ask("again", 2, (2, 3)), Some(9));
    assert_eq!(once_verdict(story, &json!([[9, "7"], [5, "7"]])), Valid::No);
}

#[test]
fn a_repetition_that_is_refused_after_it_was_done_is_found() {
    let story = Story::default()
        .done(&ask("ask", 1, (0, 1)), Some(5))
        .not(&ask("again", 2, (2, 3)), "CHANGED");
    assert_eq!(once_verdict(story, &json!([[5, "7"]])), Valid::No);
}

#[test]
fn an_effect_twice_under_one_answer_is_found() {
    let story = Story::default().done(&ask("ask", 1, (0, 1)), Some(5));
    assert_eq!(once_verdict(story, &json!([[9, "7"], [5, "7"]])), Valid::No);
}

#[test]
fn a_lost_effect_and_one_at_another_revision_are_found() {
    let story = || Story::default().done(&ask("ask", 1, (0, 1)), Some(5));
    assert_eq!(once_verdict(story(), &json!([])), Valid::No);
    assert_eq!(once_verdict(story(), &json!([[6, "7"]])), Valid::No);
}

#[test]
fn an_unknown_request_may_have_happened_once_or_not_and_never_twice() {
    let story = || Story::default().unknown(&ask("ask", 1, (0, 1)));
    assert_eq!(once_verdict(story(), &json!([])), Valid::Yes);
    assert_eq!(once_verdict(story(), &json!([[5, "7"]])), Valid::Yes);
    assert_eq!(once_verdict(story(), &json!([[9, "7"], [5, "7"]])), Valid::No);
}

#[test]
fn a_request_called_failed_that_happened_is_found() {
    let story = Story::default().not(&ask("ask", 1, (0, 1)), "NO_QUORUM");
    assert_eq!(once_verdict(story, &json!([[5, "7"]])), Valid::No);
    let refused = Story::default().not(&ask("ask", 1, (0, 1)), "CHANGED");
    assert_eq!(once_verdict(refused, &json!([[5, "7"]])), Valid::No);
}

/// Value 6 is there when value 7 is asked for, on the condition that there is nothing.
fn on_a_condition() -> Story {
    let first = Asked { req: Some("before"), value: json!("6"), ..ask("ask", 1, (0, 1)) };
    Story::default().done(&first, Some(3))
}

#[test]
fn a_change_whose_condition_does_not_hold_and_that_is_done_is_found() {
    let done = |if_match: bool, past: Value| {
        let story = on_a_condition().done(&ask("ask", 1, (2, 3)), Some(5));
        once_verdict(if if_match { story.if_match(0) } else { story }, &past)
    };
    assert_eq!(done(true, json!([[5, "7"], [3, "6"]])), Valid::No);
    assert_eq!(done(false, json!([[5, "7"], [3, "6"]])), Valid::Yes);
    // Somebody deleted it before.
    assert_eq!(done(true, json!([[5, "7"], [4, null], [3, "6"]])), Valid::Yes);
    let refused = on_a_condition().not(&ask("ask", 1, (2, 3)), "CHANGED").if_match(0);
    assert_eq!(once_verdict(refused, &json!([[3, "6"]])), Valid::Yes);
}

#[test]
fn a_deletion_of_what_is_not_there_is_found() {
    let deletion = Asked { value: Value::Null, ..ask("ask", 1, (0, 1)) };
    let verdict = |past: Value| once_verdict(Story::default().done(&deletion, Some(5)), &past);
    assert_eq!(verdict(json!([[5, null]])), Valid::No);
    assert_eq!(verdict(json!([[5, null], [3, "6"]])), Valid::Yes);
    let refused = Story::default().not(&deletion, "NO_SUCH_PROPERTY");
    assert_eq!(once_verdict(refused, &json!([])), Valid::Yes);
}

#[test]
fn a_refusal_that_a_request_cannot_have_earned_is_found() {
    let refused = |code: &str| {
        let other = Asked { req: Some("other"), ..ask("ask", 2, (2, 3)) };
        let story = Story::default().not(&ask("ask", 1, (0, 1)), code);
        once_verdict(story.not(&other, "CHANGED").if_match(0), &json!([]))
    };
    for code in ["KEY_REUSED", "422 KEY_REUSED", "CHANGED", "412 CHANGED", "NO_SUCH_PROPERTY"] {
        assert_eq!(refused(code), Valid::No, "{code}");
    }
    // That is another check's.
    assert_eq!(refused("429 TOO_MANY"), Valid::Yes);
    // A history of before tells no conditions.
    let before = Story::default().not(&ask("ask", 1, (0, 1)), "CHANGED");
    assert_eq!(once_verdict(before, &json!([])), Valid::Yes);
}

#[test]
fn a_refusal_that_speaks_of_something_else_is_no_answer() {
    let story = Story::default()
        .unknown(&ask("ask", 1, (0, 1)))
        .not(&ask("again", 2, (2, 3)), "401 UNAUTHENTICATED");
    assert_eq!(once_verdict(story, &json!([[5, "7"]])), Valid::Yes);
}

#[test]
fn something_else_under_a_used_name_must_be_refused_for_that_reason() {
    let misuse = Asked { value: json!("8"), ..ask("misuse", 2, (2, 3)) };
    let begun = || Story::default().done(&ask("ask", 1, (0, 1)), Some(5));
    let past = json!([[5, "7"]]);
    assert_eq!(once_verdict(begun().not(&misuse, "KEY_REUSED"), &past), Valid::Yes);
    assert_eq!(once_verdict(begun().not(&misuse, "NO_ACTIVE"), &past), Valid::Yes);
    assert_eq!(once_verdict(begun().not(&misuse, "CHANGED"), &past), Valid::No);
    assert_eq!(once_verdict(begun().done(&misuse, Some(5)), &past), Valid::No);
    let done = json!([[9, "8"], [5, "7"]]);
    assert_eq!(once_verdict(begun().unknown(&misuse), &done), Valid::No);
}

#[test]
fn the_two_answers_that_differ_are_the_shortest_bad_beginning() {
    // Lines 0, 2 and 4 begin the calls; the past is line 6.
    let story = Story::default()
        .done(&ask("ask", 1, (0, 1)), Some(5))
        .done(&ask("again", 2, (2, 3)), Some(5))
        .done(&ask("again", 2, (4, 5)), Some(9));
    let finding = once::check(&story.past("q", &json!([[9, "7"], [5, "7"]])).lines());
    assert_eq!(finding.prefix, [0, 4], "{:?}", finding.because);
    let twice = Story::default().done(&ask("ask", 1, (0, 1)), Some(5));
    let finding = once::check(&twice.past("q", &json!([[9, "7"], [5, "7"]])).lines());
    assert_eq!(finding.prefix, [0, 2], "{:?}", finding.because);
}

// ---- what a repetition shows

/// Value 7 was asked for and came at revision 5, value 8 at revision 9; what the first request shows, and its repetition.
fn shown_verdict(first: (u64, Value), again: (u64, Value)) -> Valid {
    let story = Story::default().shown(&ask("ask", 1, (0, 1)), (5, first.0), &first.1).shown(
        &ask("again", 2, (9, 10)),
        (5, again.0),
        &again.1,
    );
    once_verdict(story, &json!([[9, "8"], [5, "7"]]))
}

fn answered(status: u64, value: &str) -> Value {
    json!({ "status": status, "object": { "value": value, "modified": { "by": "admin" } } })
}

#[test]
fn a_repetition_that_shows_the_same_or_what_came_of_it_since_is_good() {
    let first = || (5, answered(200, "7"));
    assert_eq!(shown_verdict(first(), first()), Valid::Yes);
    assert_eq!(shown_verdict(first(), (9, answered(200, "8"))), Valid::Yes);
    let broken_off = json!({ "status": 200, "object": null });
    assert_eq!(shown_verdict(first(), (5, broken_off)), Valid::Yes);
    // A history of before.
    assert_eq!(shown_verdict((5, json!("7")), (9, json!("7"))), Valid::Yes);
}

#[test]
fn a_repetition_with_another_status_is_found() {
    assert_eq!(shown_verdict((5, answered(200, "7")), (5, answered(201, "7"))), Valid::No);
}

#[test]
fn a_repetition_shows_nothing_only_of_what_was_deleted_since() {
    let verdict = |past: Value| {
        let nothing = json!({ "status": 204, "object": null });
        let story = Story::default()
            .shown(&ask("ask", 1, (0, 1)), (5, 5), &answered(200, "7"))
            .shown(&ask("again", 2, (9, 10)), (5, 5), &nothing);
        once_verdict(story, &past)
    };
    assert_eq!(verdict(json!([[9, null], [5, "7"]])), Valid::Yes);
    assert_eq!(verdict(json!([[5, "7"]])), Valid::No);
    assert_eq!(verdict(json!([[5, "7"], [2, null]])), Valid::No);
}

#[test]
fn an_object_that_is_shown_without_its_acknowledged_change_is_found() {
    assert_eq!(shown_verdict((5, answered(200, "7")), (4, answered(200, "6"))), Valid::No);
    assert_eq!(shown_verdict((5, json!("7")), (4, json!("7"))), Valid::No);
}

#[test]
fn an_object_that_is_shown_as_it_was_not_is_found() {
    let first = || (5, answered(200, "7"));
    assert_eq!(shown_verdict(first(), (5, answered(200, "8"))), Valid::No);
    assert_eq!(shown_verdict(first(), (9, answered(200, "7"))), Valid::No);
    assert_eq!(shown_verdict(first(), (8, answered(200, "8"))), Valid::No);
}

#[test]
fn an_object_that_is_shown_in_two_ways_as_of_one_revision_is_found() {
    let mut other = answered(200, "7");
    other["object"]["modified"]["by"] = json!("somebody else");
    assert_eq!(shown_verdict((5, answered(200, "7")), (5, other)), Valid::No);
}

/// The Manager that told the past was behind.
#[test]
fn a_past_of_earlier_than_the_answer_shows_nothing() {
    let verdict = |rev: u64| {
        let story = Story::default().done(&ask("ask", 1, (0, 1)), Some(5)).past("q", &json!([]));
        let mut lines = story.lines();
        lines.last_mut().expect("the past").rev = Some(rev);
        once::check(&lines).valid
    };
    assert_eq!((verdict(4), verdict(5)), (Valid::Unknown, Valid::No));
}

#[test]
fn without_the_past_of_a_property_nothing_is_shown() {
    let story = Story::default().done(&ask("ask", 1, (0, 1)), Some(5));
    assert_eq!(once::check(&story.lines()).valid, Valid::Unknown);
    assert_eq!(once::check(&[]).valid, Valid::Unknown);
}

// ---- sessions (promise 28)

fn visit(f: &'static str, process: u64, times: (u64, u64)) -> Asked {
    Asked { f, key: "person-1.1", req: None, value: json!("person-1"), process, times }
}

fn signed_in() -> Story {
    Story::default().done(&visit("login", 1, (0, 1)), Some(5))
}

fn session_verdict(story: Story) -> Valid {
    sessions::check(&story.lines()).valid
}

#[test]
fn somebody_who_is_known_until_they_sign_out_and_not_afterwards_is_good() {
    let story = signed_in()
        .done(&visit("me", 1, (2, 3)), None)
        .not(&visit("me", 1, (4, 5)), "NO_ACTIVE")
        .done(&visit("logout", 1, (6, 9)), None)
        .done(&visit("me", 2, (7, 8)), None)
        .not(&visit("me", 1, (10, 11)), "UNAUTHENTICATED");
    assert_eq!(session_verdict(story), Valid::Yes);
}

#[test]
fn a_session_that_a_manager_does_not_know_is_found() {
    let story = || signed_in().not(&visit("me", 1, (2, 3)), "UNAUTHENTICATED");
    assert_eq!(session_verdict(story()), Valid::No);
    assert_eq!(session_verdict(story().done(&visit("logout", 1, (4, 5)), None)), Valid::No);
    let story = signed_in().not(&visit("logout", 1, (2, 3)), "UNAUTHENTICATED");
    assert_eq!(session_verdict(story), Valid::No);
}

#[test]
fn a_session_that_is_taken_for_somebody_elses_is_found() {
    for other in [json!("person-2"), json!("person-1.1"), Value::Null] {
        let look = Asked { value: other, ..visit("me", 1, (2, 3)) };
        assert_eq!(session_verdict(signed_in().done(&look, None)), Valid::No);
    }
}

#[test]
fn a_session_that_outlives_its_end_is_found() {
    let story =
        signed_in().done(&visit("logout", 1, (2, 3)), None).done(&visit("me", 2, (4, 5)), None);
    assert_eq!(session_verdict(story), Valid::No);
}

#[test]
fn a_session_that_ended_for_one_is_not_back_for_another() {
    let story = signed_in()
        .unknown(&visit("logout", 1, (2, 3)))
        .not(&visit("me", 2, (4, 5)), "UNAUTHENTICATED")
        .done(&visit("me", 3, (6, 7)), None);
    assert_eq!(session_verdict(story), Valid::No);
}

#[test]
fn the_sign_in_the_look_and_what_ended_it_are_the_shortest_bad_beginning() {
    let story = signed_in()
        .done(&visit("me", 1, (2, 3)), None)
        .done(&visit("logout", 1, (4, 5)), None)
        .not(&visit("me", 2, (6, 7)), "UNAUTHENTICATED")
        .done(&visit("me", 2, (8, 9)), None);
    let finding = sessions::check(&story.lines());
    assert_eq!((finding.because.len(), finding.prefix), (1, vec![0, 4, 8]));
}

#[test]
fn an_unknown_end_may_have_come_or_not() {
    let story = || signed_in().unknown(&visit("logout", 1, (2, 3)));
    assert_eq!(session_verdict(story().done(&visit("me", 2, (4, 5)), None)), Valid::Yes);
    let ended = story().not(&visit("me", 2, (4, 5)), "UNAUTHENTICATED");
    assert_eq!(session_verdict(ended), Valid::Yes);
}

#[test]
fn without_a_sign_in_nothing_is_shown() {
    assert_eq!(
        session_verdict(Story::default().unknown(&visit("login", 1, (0, 1)))),
        Valid::Unknown
    );
}

// ---- hosts obey no Manager of the past (promises 2, 24)

/// What the agent of one host says: word, Manager, number.
fn fencing_verdict(said: &[(&str, u64, u64)]) -> Valid {
    let story = said.iter().fold(Story::default(), |story, (word, manager, number)| {
        let field = if *word == "opened" { "highest" } else { "epoch" };
        story.line("effect", word, *manager, json!({ field: number, "highest": number + 1 }))
    });
    fencing::check(&story.unsorted()).valid
}

#[test]
fn epochs_that_grow_are_good() {
    assert_eq!(
        fencing_verdict(&[
            ("accepted", 1, 5),
            ("accepted", 1, 5),
            ("accepted", 4, 9),
            ("refused", 1, 5)
        ]),
        Valid::Yes
    );
}

#[test]
fn a_host_that_obeys_a_manager_of_the_past_is_found() {
    assert_eq!(fencing_verdict(&[("accepted", 1, 9), ("accepted", 4, 5)]), Valid::No);
}

#[test]
fn an_agent_that_forgets_while_it_was_gone_is_found() {
    let opened = |highest: u64| {
        let story = Story::default().line("effect", "accepted", 1, json!({ "epoch": 9 })).line(
            "effect",
            "opened",
            0,
            json!({ "highest": highest }),
        );
        fencing::check(&story.unsorted()).valid
    };
    assert_eq!((opened(9), opened(0)), (Valid::Yes, Valid::No));
}

#[test]
fn an_epoch_of_two_managers_is_found_whoever_tells_of_it() {
    let story = || Story::default().line("effect", "accepted", 1, json!({ "epoch": 9 }));
    let other = |name, f| {
        let story = story().line(name, f, 4, json!({ "epoch": 9 }));
        fencing::check(&story.unsorted()).valid
    };
    assert_eq!(other("probe", "active"), Valid::No);
    assert_eq!(other("active", "begin"), Valid::No);
    assert_eq!(other("probe", "not-active"), Valid::Yes);
}

#[test]
fn without_an_act_on_any_host_nothing_is_shown() {
    assert_eq!(fencing_verdict(&[("opened", 0, 0)]), Valid::Unknown);
}
