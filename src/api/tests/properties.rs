//! Properties through the API: If-Match, repeats, history, paging.

use axum::http::Method;
use serde_json::json;

use super::client::Km;
use crate::base::Revision;
use crate::cluster::ProposeFailure;

const GREETING: &str = "/api/v1/properties/custom/greeting";
const HA: &str = "/api/v1/properties/kyvos-manager/ENABLE_KM_HA";

// rows 24, 25
#[tokio::test]
async fn enable_km_ha_is_no_by_default_and_takes_yes_or_no_in_any_capitals() {
    let km = Km::new();
    let fresh = km.get(HA).await.json();
    assert_eq!((&fresh["value"], &fresh["is_default"]), (&json!("no"), &json!(true)));
    assert_eq!(fresh["kind"], json!({ "type": "yes_no" }));
    for bad in ["true", "1", "", "ja"] {
        let answer = km.ask(Method::PUT, HA).json(json!({ "value": bad })).send().await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "INVALID_VALUE"));
    }
    assert_eq!(km.get(HA).await.json()["value"], "no");
    let answer = km.ask(Method::PUT, HA).json(json!({ "value": "YES" })).send().await;
    assert_eq!(answer.json()["value"], "yes");
}

// row 82
#[tokio::test]
async fn a_change_says_where_it_was_committed_and_by_whom() {
    let km = Km::new();
    km.enable_ha().await;
    let leader = km.group.admit_peer("km2");
    km.group.follow_leader(leader);
    let answer = km.set("greeting", "hello").await;
    assert_eq!(answer.status, 200);
    let revision = answer.json()["revision"].as_u64().unwrap();
    assert_eq!(answer.header("x-km-committed-by"), Some(leader.to_string().as_str()));
    assert_eq!(answer.header("x-km-served-by"), Some("1"));
    assert_eq!(answer.header("x-km-revision"), Some(revision.to_string().as_str()));
    assert_eq!(answer.header("etag"), Some(format!("\"{revision}\"").as_str()));
}

#[tokio::test]
async fn if_match_guards_against_what_changed_meanwhile() {
    let km = Km::new();
    let put = |tag: &'static str, value: &'static str| {
        km.ask(Method::PUT, GREETING).header("if-match", tag).json(json!({ "value": value })).send()
    };
    let first = put("\"0\"", "one").await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = put("\"0\"", "two").await;
    assert_eq!((again.status.as_u16(), again.problem().as_str()), (412, "CHANGED"));
    let tag = first.header("etag").unwrap().to_owned();
    let second =
        km.ask(Method::PUT, GREETING).header("if-match", tag).json(json!({ "value": "two" }));
    assert_eq!(second.send().await.status, 200);
    let stale = km.ask(Method::DELETE, GREETING).header("if-match", "\"1\"").send().await;
    assert_eq!(stale.status, 412);
    assert_eq!(km.get(GREETING).await.json()["value"], "two");
}

// row 83
#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_changes_nothing_again() {
    let km = Km::new();
    let put = |value: &'static str| {
        let ask = km.ask(Method::PUT, GREETING).header("idempotency-key", "key-1");
        ask.json(json!({ "value": value })).send()
    };
    let first = put("one").await;
    let between = km.set("other", "x").await;
    let again = put("one").await;
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("x-km-revision"), again.header("x-km-revision"));
    assert_ne!(first.header("x-km-revision"), between.header("x-km-revision"));
    let another = put("two").await;
    assert_eq!((another.status.as_u16(), another.problem().as_str()), (422, "KEY_REUSED"));
    let history = km.get(&format!("{GREETING}/history")).await.json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    let outcome = km.get("/api/v1/requests/key-1").await.json();
    assert_eq!(outcome["state"], "committed");
    assert_eq!(outcome["revision"], first.json()["revision"]);
}

#[tokio::test]
async fn a_refusal_is_repeated_under_its_key_too() {
    let km = Km::new();
    let put = || {
        let ask = km.ask(Method::PUT, HA).header("idempotency-key", "key-2");
        ask.json(json!({ "value": "perhaps" })).send()
    };
    let (first, again) = (put().await, put().await);
    assert_eq!((first.status.as_u16(), first.json()), (400, again.json()));
    assert_eq!(first.json()["request_id"], "key-2");
    assert_eq!(km.get("/api/v1/requests/key-2").await.json()["state"], "refused");
}

// A23
#[tokio::test]
async fn an_unknown_outcome_names_the_request_to_ask_for() {
    let km = Km::new();
    let request = crate::base::RequestId::new("key-3").unwrap();
    km.group.set().propose_failure = Some(ProposeFailure::Unknown { request });
    let ask = km.ask(Method::PUT, GREETING).header("idempotency-key", "key-3");
    let answer = ask.json(json!({ "value": "x" })).send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (504, "UNKNOWN_OUTCOME"));
    assert_eq!(answer.json()["request_id"], "key-3");
    assert_eq!(km.get("/api/v1/requests/key-3").await.json(), json!({ "state": "unknown" }));
}

#[tokio::test]
async fn history_tells_who_when_and_why_and_a_revert_brings_a_value_back() {
    let km = Km::new();
    let one = km.set("greeting", "one").await.json()["revision"].as_u64().unwrap();
    let why = json!({ "value": "two", "reason": "because" });
    km.ask(Method::PUT, GREETING).json(why).send().await;
    let revert = format!("{GREETING}/revert");
    let answer = km.ask(Method::POST, &revert).json(json!({ "revision": one })).send().await;
    assert_eq!((answer.status.as_u16(), &answer.json()["value"]), (200, &json!("one")));
    let history = km.get(&format!("{GREETING}/history")).await.json();
    let said = |place: usize, what: &str| history["items"][place][what].clone();
    assert_eq!([said(0, "action"), said(1, "action")], ["reverted", "set"]);
    assert_eq!(
        (said(1, "reason"), said(1, "by")),
        (json!("because"), json!("token test-administrator"))
    );
    for missing in [0, 1, 9_999, u64::MAX] {
        let answer =
            km.ask(Method::POST, &revert).json(json!({ "revision": missing })).send().await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "NO_SUCH_REVISION"));
    }
}

#[tokio::test]
async fn a_property_whose_past_is_forgotten_is_still_there_and_it_is_told_from_when_on_it_is_kept()
{
    let km = Km::new();
    km.set("greeting", "x").await;
    km.set("gone", "x").await;
    km.ask(Method::DELETE, "/api/v1/properties/custom/gone").send().await;
    let history = format!("{GREETING}/history");
    let told = km.get(&history).await.json();
    assert_eq!((told["items"].as_array().map(Vec::len), &told["kept_from"]), (Some(1), &json!(0)));
    km.group.set().kept_from = Revision(1_000);
    let answer = km.get(&history).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "items": [], "kept_from": 1_000 }));
    assert_eq!(km.get(&format!("{HA}/history")).await.json()["kept_from"], 1_000);
    for unknown in ["gone", "never"] {
        let answer = km.get(&format!("/api/v1/properties/custom/{unknown}/history")).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "NO_SUCH_PROPERTY"));
    }
    assert_eq!(km.get("/api/v1/audit").await.json()["kept_from"], 1_000);
}

#[tokio::test]
async fn a_deleted_free_name_is_gone_and_a_schema_property_goes_back_to_its_default() {
    let km = Km::new();
    km.set("greeting", "x").await;
    let gone = km.ask(Method::DELETE, GREETING).send().await;
    assert_eq!(gone.status, 200);
    assert!(gone.json()["revision"].as_u64().is_some());
    assert_eq!(km.get(GREETING).await.problem(), "NO_SUCH_PROPERTY");
    assert_eq!(km.ask(Method::DELETE, GREETING).send().await.status, 404);
    let history = km.get(&format!("{GREETING}/history")).await.json();
    let deleted = history["items"][0]["revision"].as_u64().unwrap();
    let revert = km.ask(Method::POST, &format!("{GREETING}/revert"));
    let answer = revert.json(json!({ "revision": deleted })).send().await;
    assert_eq!(answer.problem(), "NO_SUCH_REVISION");
    km.enable_ha().await;
    let why = json!({ "reason": "back to one" });
    assert_eq!(km.ask(Method::DELETE, HA).json(why).send().await.status, 200);
    let history = km.get(&format!("{HA}/history")).await.json();
    assert_eq!(history["items"][0]["reason"], "back to one");
    assert_eq!(km.get(HA).await.json()["value"], "no");
}

// row 23
#[tokio::test]
async fn a_search_for_enable_km_ha_leaves_one_row() {
    let km = Km::new();
    let found = km.get("/api/v1/properties?search=enable_km_ha&file=kyvos-manager").await.json();
    let names: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect();
    assert!(names.contains(&json!("ENABLE_KM_HA")), "{names:?}");
    let other = km.get("/api/v1/properties?search=no-such-thing").await.json();
    assert_eq!(other["items"], json!([]));
}

#[tokio::test]
async fn pages_of_properties_follow_each_other_to_the_end() {
    let km = Km::new();
    for place in 0..5 {
        km.set(&format!("name-{place}"), "x").await;
    }
    let all = km.get("/api/v1/properties?limit=500").await.json();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = km.get(&format!("/api/v1/properties?limit=3{after}")).await.json();
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(&seen, all["items"].as_array().unwrap());
    assert_eq!(all.get("next"), None);
}

#[tokio::test]
async fn values_and_reasons_have_their_bounds() {
    let km = Km::new();
    let (fits, long) = ("v".repeat(4096), "v".repeat(4097));
    assert_eq!(km.set("greeting", &fits).await.status, 200);
    let answer = km.set("greeting", &long).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (413, "TOO_LARGE"));
    let reason = json!({ "value": "x", "reason": "r".repeat(513) });
    let answer = km.ask(Method::PUT, GREETING).json(reason).send().await;
    assert_eq!(answer.status, 413);
    assert_eq!(km.get(GREETING).await.json()["value"], fits);
}

// A13
#[tokio::test]
async fn ha_cannot_be_switched_off_while_further_instances_exist() {
    let km = Km::new();
    km.enable_ha().await;
    km.group.admit_peer("km2");
    let answer = km.ask(Method::PUT, HA).json(json!({ "value": "no" })).send().await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (409, "HA_HAS_INSTANCES"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("km2"));
}

// row 85
#[tokio::test]
async fn a_read_is_linearizable_unless_it_says_local() {
    let km = Km::new();
    let reads = |km: &Km| km.group.set().settled_reads;
    let before = reads(&km);
    let answer = km.get("/api/v1/properties").await;
    assert_eq!((reads(&km), answer.header("x-km-age-ms")), (before + 1, None));
    let answer = km.get("/api/v1/properties?consistency=local").await;
    assert_eq!((reads(&km), answer.header("x-km-age-ms")), (before + 1, Some("40")));
}

const PASSWORD: &str = "/api/v1/properties/kyvos-manager/REPOSITORY_PASSWORD";

// rows 19, 59
#[tokio::test]
async fn a_secret_is_sealed_before_the_log_and_never_shown() {
    let km = Km::new();
    let put = |value: &'static str| km.ask(Method::PUT, PASSWORD).json(json!({ "value": value }));
    let set = put("rose-garden").header("idempotency-key", "one").send().await;
    assert_eq!((set.status.as_u16(), &set.json()["value"]), (200, &json!("(secret)")));
    // Sealed anew it would be other bytes; the same request is the same change.
    let again = put("rose-garden").header("idempotency-key", "one").send().await;
    assert_eq!(again.json()["revision"], set.json()["revision"]);
    let shown = km.get(PASSWORD).await;
    assert_eq!(shown.json()["kind"], json!({ "type": "secret", "max_bytes": 256 }));
    let history = km.get(&format!("{PASSWORD}/history")).await;
    let audit = km.get("/api/v1/audit").await;
    let log = String::from_utf8_lossy(&km.group.set().log.concat()).into_owned();
    for seen in [&shown.text, &history.text, &audit.text, &log] {
        assert!(!seen.contains("rose-garden"), "{seen}");
    }
    for told in [&shown.text, &history.text, &audit.text] {
        assert!(told.contains("(secret)") && !told.contains("sealed:"), "{told}");
    }
    // What is not a secret, or only stands for one, is none.
    let long = "x".repeat(257);
    for bad in ["", "(secret)", "two\nlines", long.as_str()] {
        let answer = km.ask(Method::PUT, PASSWORD).json(json!({ "value": bad })).send().await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "INVALID_VALUE"));
    }
    let revision = set.json()["revision"].clone();
    km.ask(Method::DELETE, PASSWORD).send().await;
    assert_eq!(km.get(PASSWORD).await.json()["value"], "");
    let revert = format!("{PASSWORD}/revert");
    let back = km.ask(Method::POST, &revert).json(json!({ "revision": revision })).send().await;
    assert_eq!((back.status.as_u16(), &back.json()["value"]), (200, &json!("(secret)")));
}
