//! What Managers show of registers and repeated properties at the end, in histories known to be good and known to be bad.

use super::judging::Run;
use super::support::{Asked, SECOND, Story};
use chaos_tests::checker::{Valid, once};
use chaos_tests::history::Action::{Delete, Write};
use chaos_tests::history::Outcome::{Done, Unknown};
use serde_json::{Value, json};

/// When Managers are asked.
const ASKED: u64 = 50 * SECOND;

/// What a Manager shows of these on one page, served at revision 9.
fn shows(story: Story, node: u64, shown: &Value) -> Story {
    let page = json!({ "sent": ASKED + node, "rev": 9, "shown": shown });
    story.at(ASKED + node + 1, "final", "properties", node, json!([page]))
}

fn unread(story: Story, node: u64) -> Story {
    story.at(ASKED + node, "final", "properties-unread", node, json!({ "error": "timeout" }))
}

// ---- registers

/// The register is written.
fn written(story: Story) -> Story {
    story.on("r3.0", 1, (1, 2), Write(7), Done, Some(3))
}

/// And then deleted, both acknowledged, and nobody calls on it any more.
fn deleted(story: Story) -> Story {
    written(story).on("r3.0", 1, (3, 4), Delete, Done, Some(5))
}

fn judged(check: &str, story: impl FnOnce(Story) -> Story) -> Valid {
    Run::new().tells(story).finding(check).valid
}

fn registers(story: impl FnOnce(Story) -> Story) -> Valid {
    judged("linearizable", story)
}

/// The same at every Manager.
fn all_show(story: Story, shown: &Value) -> Story {
    [1, 4, 7].into_iter().fold(story, |story, node| shows(story, node, shown))
}

#[test]
fn a_register_that_everybody_shows_as_it_was_left_is_good() {
    for check in ["linearizable", "revision"] {
        let left = |story: Story| all_show(deleted(story), &json!({}));
        assert_eq!(judged(check, left), Valid::Yes);
        let left = |story: Story| all_show(written(story), &json!({ "r3.0": [3, "7"] }));
        assert_eq!(judged(check, left), Valid::Yes);
    }
}

/// All show it, so their digests agree.
#[test]
fn a_deleted_register_that_is_back_everywhere_is_found() {
    let back = |story: Story| all_show(deleted(story), &json!({ "r3.0": [3, "7"] }));
    assert_eq!(registers(back), Valid::No);
}

#[test]
fn a_register_that_one_manager_shows_otherwise_is_found() {
    let shown = |check: &str, other: &Value| {
        let right = json!({ "r3.0": [3, "7"] });
        judged(check, |story| shows(shows(written(story), 1, &right), 4, other))
    };
    for wrong in [json!({}), json!({ "r3.0": [3, "garbage"] }), json!({ "r3.0": [3, null] })] {
        assert_eq!(shown("linearizable", &wrong), Valid::No, "{wrong}");
    }
    let more = json!({ "r3.0": [3, "7"], "r4.0": [4, "8"] });
    assert_eq!(shown("linearizable", &more), Valid::No, "nobody wrote that");
    assert_eq!(shown("revision", &json!({ "r3.0": [4, "7"] })), Valid::No);
}

#[test]
fn what_nobody_knows_of_may_come_between_two_readings() {
    let shown = |first: &Value, second: &Value| {
        registers(|story| {
            let story = deleted(story).on("r3.0", 2, (5, 6), Write(8), Unknown, None);
            shows(shows(story, 1, first), 4, second)
        })
    };
    let (nothing, late) = (json!({}), json!({ "r3.0": [8, "8"] }));
    assert_eq!((shown(&nothing, &late), shown(&late, &nothing)), (Valid::Yes, Valid::No));
}

#[test]
fn without_a_reading_of_a_manager_registers_are_unknown_unless_something_is_wrong() {
    let one = |shown: &Value| registers(|story| unread(shows(deleted(story), 1, shown), 4));
    let wrong = json!({ "r3.0": [3, "7"] });
    assert_eq!((one(&json!({})), one(&wrong)), (Valid::Unknown, Valid::No));
    assert_eq!(registers(deleted), Valid::Yes, "a history of before tells none");
}

#[test]
fn what_is_no_value_of_a_register_was_not_read_as_nothing() {
    let read = |told: &Value| {
        let (req, value, times) = (None, Value::Null, (1, 2));
        let look = Asked { f: "read", key: "r3.0", req, value, process: 1, times };
        registers(|story| story.shown(&look, (3, 3), told))
    };
    let odd = json!({ "odd": "garbage" });
    assert_eq!((read(&Value::Null), read(&odd)), (Valid::Yes, Valid::No));
}

// ---- repeated properties

fn ask(req: &'static str, value: &str, times: (u64, u64)) -> Asked {
    Asked { f: "ask", key: "q.1.0", req: Some(req), value: json!(value), process: 1, times }
}

/// Its past is value 7 at revision 5 and nothing after it, as it was known at a revision.
fn asked(story: Story, known_to: u64, shown: &Value) -> Valid {
    let story = story.done(&ask("r", "7", (0, 1)), Some(5));
    let mut lines = shows(story, 1, shown).past("q.1.0", &json!([[5, "7"]])).lines();
    lines.last_mut().unwrap().rev = Some(known_to);
    once::check(&lines).valid
}

#[test]
fn a_repeated_property_that_is_shown_otherwise_than_its_past_is_found() {
    let verdict = |shown: Value| asked(Story::default(), 9, &shown);
    assert_eq!(verdict(json!({ "q.1.0": [5, "7"] })), Valid::Yes);
    for wrong in [json!({}), json!({ "q.1.0": [5, "8"] }), json!({ "q.1.0": [6, "7"] })] {
        assert_eq!(verdict(wrong.clone()), Valid::No, "{wrong}");
    }
}

#[test]
fn what_nobody_knows_of_may_be_shown_after_the_past_was_read() {
    let open = || Story::default().unknown(&ask("other", "8", (0, 1)));
    let later = json!({ "q.1.0": [8, "8"] });
    assert_eq!(asked(open(), 7, &later), Valid::Yes);
    assert_eq!(asked(open(), 9, &later), Valid::No, "the past would have it");
    assert_eq!(asked(Story::default(), 7, &later), Valid::No, "nobody asked for it");
}

#[test]
fn without_a_reading_of_a_manager_a_repeated_property_is_unknown() {
    let story = Story::default().done(&ask("r", "7", (0, 1)), Some(5));
    let story = unread(shows(story, 1, &json!({ "q.1.0": [5, "7"] })), 4);
    assert_eq!(once::check(&story.past("q.1.0", &json!([[5, "7"]])).lines()).valid, Valid::Unknown);
}
