//! Every route against everything that can be wrong with a request: a problem with a code of the contract, nothing
//! changed, no panic.

use axum::http::Method;
use proptest::prelude::*;
use serde_json::json;

use super::client::{Answer, Km};
use super::shape::operations;

/// What a bad request may be answered with.
const REFUSALS: &[u16] = &[400, 403, 404, 405, 409, 412, 413, 415, 422, 429];

fn refused(answer: &Answer, about: &str) -> String {
    let code = answer.problem();
    assert!(REFUSALS.contains(&answer.status.as_u16()), "{about}: {answer:?}");
    code
}

/// Every route that takes a body, with the bodies that no route takes.
fn bad_bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_field = format!("{{\"value\":{deep}}}");
    vec![
        ("malformed", "application/json", b"{\"value\":".to_vec()),
        ("not an object", "application/json", b"[1,2]".to_vec()),
        ("a word", "application/json", b"\"hunter2\"".to_vec()),
        ("unknown field", "application/json", json!({ "no_such_field": 1 }).to_string().into()),
        ("twice", "application/json", b"{\"value\":\"a\",\"value\":\"b\"}".to_vec()),
        ("not UTF-8", "application/json", b"{\"value\":\"\xff\xfe\"}".to_vec()),
        ("deep", "application/json", deep.into()),
        ("deep in a field", "application/json", deep_field.into()),
        ("bytes after the end", "application/json", b"{} {}".to_vec()),
        ("a lone surrogate", "application/json", b"{\"value\":\"\\ud800\"}".to_vec()),
        ("a form", "application/x-www-form-urlencoded", b"value=x".to_vec()),
        ("plain text", "text/plain", b"{\"value\":\"x\"}".to_vec()),
        ("too large", "application/json", vec![b' '; (64 << 10) + 1]),
    ]
}

#[tokio::test]
async fn no_route_takes_a_bad_body() {
    let km = Km::new();
    for (method, path, _) in operations().into_iter().filter(|(method, ..)| *method != Method::GET)
    {
        for (what, kind, body) in bad_bodies() {
            let before = km.group.set().log.len();
            let ask = km.ask(method.clone(), &path).header("content-type", kind).body(body);
            let answer = ask.send().await;
            let about = format!("{method} {path}: {what}");
            let code = refused(&answer, &about);
            assert_eq!(km.group.set().log.len(), before, "{about} reached the log");
            assert!(!answer.text.contains("hunter2"), "{about} repeats what was sent");
            match what {
                "too large" => assert_eq!(code, "TOO_LARGE", "{about}"),
                "a form" | "plain text" => assert_eq!(code, "UNSUPPORTED_MEDIA_TYPE", "{about}"),
                _ => assert_eq!(code, "MALFORMED_BODY", "{about}"),
            }
        }
    }
}

#[tokio::test]
async fn no_field_takes_a_value_of_another_type() {
    let km = Km::new();
    let fields = [
        "value",
        "reason",
        "revision",
        "username",
        "password",
        "existing",
        "new",
        "role",
        "status",
        "name",
        "expires_in_days",
        "ttl_minutes",
        "alias",
        "token",
        "csr_pem",
        "disk_id",
        "host",
    ];
    let wrong = [json!({}), json!([1]), json!(-1.5), json!(true)];
    for (method, path, _) in operations().into_iter().filter(|(method, ..)| *method != Method::GET)
    {
        for field in fields {
            for value in &wrong {
                let answer =
                    km.ask(method.clone(), &path).json(json!({ field: value })).send().await;
                assert_eq!(refused(&answer, &format!("{method} {path} {field}")), "MALFORMED_BODY");
            }
        }
    }
}

#[tokio::test]
async fn no_route_takes_a_bad_header() {
    let km = Km::new();
    let long = "k".repeat(129);
    let keys: [&[u8]; 5] = [b"", b"two words", b"tab\there", b"\xff\xfe", long.as_bytes()];
    for (method, path, _) in operations() {
        for key in keys {
            let ask = km.ask(method.clone(), &path).header("idempotency-key", key);
            assert_eq!(refused(&ask.send().await, &format!("{method} {path}")), "MALFORMED_HEADER");
        }
        if method != Method::GET {
            let ask = km.ask(method.clone(), &path).header("if-match", "57");
            assert_eq!(refused(&ask.send().await, &format!("{method} {path}")), "MALFORMED_HEADER");
        }
    }
    let answer =
        km.ask(Method::GET, "/api/v1/properties").header("x-km-no-forward", "yes").send().await;
    assert_eq!(answer.problem(), "MALFORMED_HEADER");
    let answer = km.ask(Method::GET, "/api/v1/events").header("last-event-id", "-1").send().await;
    assert_eq!(answer.problem(), "MALFORMED_HEADER");
}

#[tokio::test]
async fn no_list_takes_a_query_it_does_not_know() {
    let km = Km::new();
    let lists = ["properties", "managers", "operations", "users", "tokens", "join-tokens", "audit"];
    let queries = [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "unknown=1",
        "consistency=maybe",
        "%ff=1",
        "limit=%ff",
    ];
    for list in lists {
        for query in queries {
            let answer = km.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(refused(&answer, &format!("{list}?{query}")), "MALFORMED_QUERY");
        }
        let after = km.get(&format!("/api/v1/{list}?after={}", "x".repeat(600))).await;
        assert_eq!(refused(&after, list), "MALFORMED_QUERY");
    }
    for query in ["status=perhaps", "after=x"] {
        let answer = km.get(&format!("/api/v1/operations?{query}")).await;
        assert_eq!(refused(&answer, query), "MALFORMED_QUERY");
    }
}

#[tokio::test]
async fn no_call_takes_a_query_it_does_not_describe() {
    let km = Km::new();
    for (method, path, _) in operations() {
        for query in ["unknown=1", "unknown", "&unknown="] {
            let answer = km.ask(method.clone(), &format!("{path}?{query}")).send().await;
            let about = format!("{method} {path}?{query}");
            assert_eq!(refused(&answer, &about), "MALFORMED_QUERY");
        }
    }
}

#[tokio::test]
async fn no_path_takes_an_id_that_cannot_be_one() {
    let km = Km::new();
    for id in ["x", "-1", "1.5", "99999999999999999999999", "%ff", "%00", "1e3"] {
        for path in ["managers", "operations"] {
            let answer = km.get(&format!("/api/v1/{path}/{id}")).await;
            assert_eq!(refused(&answer, &format!("{path}/{id}")), "MALFORMED_PATH");
        }
    }
    assert_eq!(km.get("/api/v1/managers/99").await.problem(), "NO_SUCH_MANAGER");
    assert_eq!(km.get("/api/v1/operations/99").await.problem(), "NO_SUCH_OPERATION");
    assert_eq!(km.get("/api/v1/properties/nofile/x").await.problem(), "NO_SUCH_PROPERTY");
    assert_eq!(km.get("/api/v1/properties/custom/%ff").await.problem(), "MALFORMED_PATH");
    assert_eq!(km.get("/api/v1/requests/two%20words").await.problem(), "MALFORMED_PATH");
    assert_eq!(km.get("/api/v1/explain/love").await.problem(), "NO_SUCH_TOPIC");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_bytes_are_sent_the_answer_is_one_of_the_contract(
        place in any::<prop::sample::Index>(),
        body in prop::collection::vec(any::<u8>(), 0..300),
        json_like in "[\\[\\]{}\":,0-9a-z\\\\ ]{0,80}",
        tail in "[ -~]{0,30}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let km = Km::new();
            let routes = operations();
            let (method, path, _) = place.get(&routes);
            // An open stream has no end to wait for.
            if path.ends_with("/events") {
                return;
            }
            for body in [body, json_like.into_bytes()] {
                let ask = km.ask(method.clone(), path).header("content-type", "application/json");
                let answer = ask.body(body).send().await;
                assert!(answer.status.as_u16() < 500, "{method} {path}: {answer:?}");
            }
            let hostile: String = tail.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let answer = km.ask(method.clone(), &format!("{path}{hostile}?{hostile}")).send().await;
            assert!(answer.status.as_u16() < 500, "{method} {path} {tail}: {answer:?}");
        });
    }
}
