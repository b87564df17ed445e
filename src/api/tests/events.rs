//! The live feed: order, resuming, resync, who sees what.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::Method;
use futures::StreamExt;
use serde_json::{Value, json};

use super::client::Km;
use crate::base::{Digest, Revision};
use crate::capabilities::access::model::{self as access, Role};
use crate::machine::script::command_of;

/// How long a test waits for an event.
const DEADLINE: Duration = Duration::from_secs(10);

/// An open stream of events.
struct Stream {
    bytes: BodyDataStream,
    read: String,
}

/// One event as it was sent.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    id: Option<String>,
    event: String,
    data: Value,
}

impl Stream {
    async fn open(km: &Km, role: Role, path: &str, last: Option<u64>) -> Self {
        let ask = km.by(role, Method::GET, path);
        let ask = match last {
            Some(id) => ask.header("last-event-id", id.to_string()),
            None => ask,
        };
        let response = ask.open().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: response.into_body().into_data_stream(), read: String::new() }
    }

    /// The next event that is no bookmark; `None` when the stream is over.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            match self.event().await {
                Some(sent) if sent.event == "bookmark" => {}
                other => return other,
            }
        }
    }

    /// The next event of any kind.
    async fn event(&mut self) -> Option<Sent> {
        loop {
            if let Some((event, rest)) = self.read.clone().split_once("\n\n") {
                self.read = rest.to_owned();
                match parsed(event) {
                    Some(sent) => return Some(sent),
                    None => continue,
                }
            }
            let bytes = tokio::time::timeout(DEADLINE, self.bytes.next()).await.expect("an event");
            self.read.push_str(std::str::from_utf8(&bytes?.unwrap()).unwrap());
        }
    }

    /// The next event that tells of something new: neither status nor bookmark.
    async fn news(&mut self) -> Option<Sent> {
        loop {
            match self.next().await {
                Some(sent) if sent.event == "status" => {}
                other => return other,
            }
        }
    }
}

fn parsed(event: &str) -> Option<Sent> {
    let field = |name: &str| {
        event
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Sent { id: field("id"), event: field("event").unwrap(), data })
}

#[tokio::test]
async fn a_change_is_told_live_with_its_revision_as_id() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.event.as_str(), first.id), ("status", None));
    assert_eq!(first.data["name"], "test");
    let revision = km.set("greeting", "hello").await.json()["revision"].clone();
    let told = stream.news().await.unwrap();
    assert_eq!((told.event.as_str(), told.id), ("change", Some(revision.to_string())));
    assert_eq!(told.data["revision"], revision);
    assert_eq!(told.data["room"], "properties");
    assert_eq!(told.data["kind"], "set");
    assert_eq!(told.data["subject"], "custom/greeting");
    assert_eq!(told.data["data"], json!({ "value": "hello" }));
    assert_eq!(told.data["by"], "token test-administrator");
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_without_a_gap() {
    let km = Km::new();
    let mut revisions = Vec::new();
    for value in ["1", "2", "3", "4"] {
        revisions.push(km.set("greeting", value).await.json()["revision"].as_u64().unwrap());
    }
    let mut by_header =
        Stream::open(&km, Role::Auditor, "/api/v1/events", Some(revisions[0])).await;
    let path = format!("/api/v1/events?after={}", revisions[0]);
    let mut by_query = Stream::open(&km, Role::Auditor, &path, None).await;
    revisions.push(km.set("greeting", "5").await.json()["revision"].as_u64().unwrap());
    for revision in &revisions[1..] {
        let id = Some(revision.to_string());
        assert_eq!(by_header.news().await.unwrap().id, id);
        assert_eq!(by_query.news().await.unwrap().id, id);
    }
}

// The founding tells three changes in one revision; the line is cut after each of them.
#[tokio::test]
async fn a_client_cut_off_within_a_revision_is_told_all_of_it_again() {
    let km = Km::new();
    let kinds = ["founded", "admitted", "level_raised"];
    for read in 1..=kinds.len() {
        let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", Some(0)).await;
        // What a browser sends when it comes back: the last id it saw.
        let mut last = 0;
        for kind in &kinds[..read] {
            let told = stream.news().await.unwrap();
            assert_eq!(told.data["kind"], *kind);
            last = told.id.map_or(last, |id| id.parse().unwrap());
        }
        drop(stream);
        let mut again = Stream::open(&km, Role::Auditor, "/api/v1/events", Some(last)).await;
        if read < kinds.len() {
            assert_eq!(again.news().await.unwrap().data["kind"], kinds[0], "cut after {read}");
        } else {
            assert_eq!(again.news().await.unwrap().data["kind"], "became_active");
        }
    }
}

#[tokio::test]
async fn whoever_asks_for_what_is_no_longer_kept_is_told_to_read_again_and_the_stream_ends() {
    let km = Km::new();
    let newest = km.set("greeting", "1").await.json()["revision"].clone();
    km.group.set().feed_floor = Revision(3);
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events?after=1", None).await;
    let told = stream.news().await.unwrap();
    assert_eq!((told.event.as_str(), told.data), ("resync", json!({ "revision": newest })));
    assert_eq!(stream.news().await, None);
}

#[tokio::test]
async fn the_status_is_sent_again_when_the_mode_changes() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    assert_eq!(stream.next().await.unwrap().data["mode_here"], "active");
    km.group.lose_quorum();
    let status = stream.next().await.unwrap();
    assert_eq!(
        (&status.data["mode_here"], &status.data["active"]),
        (&json!("no_quorum"), &Value::Null)
    );
}

#[tokio::test]
async fn sessions_and_wrong_passwords_are_nobodys_news_and_users_only_their_managers() {
    let km = Km::new();
    let mut auditor = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    let mut administrator = Stream::open(&km, Role::Administrator, "/api/v1/events", None).await;
    km.user("ann", "correct horse", Role::Auditor).await;
    km.group.commit(access::Command::CountFailure { username: "ann".into() });
    let checked = km.group.set().state.access.users["ann"].revision;
    let (username, digest) = ("ann".to_owned(), Digest::of(b"x"));
    km.group.commit(access::Command::OpenSession { username, checked, digest });
    km.set("greeting", "end").await;
    assert_eq!(auditor.news().await.unwrap().data["room"], "properties");
    let told = administrator.news().await.unwrap();
    assert_eq!(
        (&told.data["kind"], &told.data["subject"]),
        (&json!("user_created"), &json!("ann"))
    );
    assert!(!told.data.to_string().contains("argon2"));
    assert_eq!(administrator.news().await.unwrap().data["room"], "properties");
}

#[tokio::test]
async fn the_stream_of_whoever_is_no_longer_signed_in_ends() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    stream.next().await.unwrap();
    let tokens = km.group.set().state.access.tokens.clone();
    let (id, _) = tokens.iter().find(|(_, token)| token.role == Role::Auditor).unwrap();
    km.group.commit(access::Command::DeleteToken { id: *id });
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn streams_end_when_the_process_goes_down() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    stream.next().await.unwrap();
    km.surface.stopping.cancel();
    while stream.next().await.is_some() {}
    // What opened and ended at once would look like a Manager that is well.
    let refused = km.by(Role::Auditor, Method::GET, "/api/v1/events").send().await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.problem(), "STOPPING");
}

// Row 55: who comes back from here misses nothing, and what somebody may not see moves them on as well. Whether a
// look comes before a change or after it is open, so each bookmark is held to what it says, whenever it is sent.
#[tokio::test(start_paused = true)]
async fn a_bookmark_tells_up_to_where_everything_was_told_also_what_is_not_for_this_caller() {
    let km = Km::new();
    let mut auditor = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    let begin = km.group.set().state.kernel.revision.0;
    let seen = km.set("greeting", "hello").await.json()["revision"].as_u64().unwrap();
    km.user("ann", "correct horse", Role::Auditor).await;
    let newest = km.group.set().state.kernel.revision.0;
    assert!(newest > seen, "what no auditor is told of is newer");
    let mut told = begin;
    let all_is_told = async {
        loop {
            let sent = auditor.event().await.unwrap();
            let revision = sent.data["revision"].as_u64().unwrap();
            match sent.event.as_str() {
                "change" => told = revision,
                "bookmark" => {
                    assert_eq!(sent.id, Some(revision.to_string()));
                    assert_eq!(sent.data, json!({ "revision": revision }));
                    assert_eq!(told, if revision < seen { begin } else { seen }, "{revision}");
                    if revision == newest {
                        break;
                    }
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, all_is_told).await.expect("a bookmark of the newest revision");
}

fn notes(status: &Sent, code: &str) -> bool {
    let notices = status.data["notices"].as_array().unwrap();
    notices.iter().any(|notice| notice["code"] == code)
}

fn says_that_it_restarts(status: &Sent) -> bool {
    notes(status, "RESTARTING")
}

// An open page goes elsewhere by this word; it has been without a quorum for long, so nothing else is new.
#[tokio::test(start_paused = true)]
async fn a_removed_manager_says_so_at_once_and_last() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    km.group.lose_quorum();
    while stream.next().await.unwrap().data["mode_here"] != "no_quorum" {}
    km.group.set().removed = Some("Kyvos Manager 1 was removed".into());
    let removed = tokio::time::Instant::now();
    let told = stream.next().await.unwrap();
    assert!(notes(&told, "MANAGER_REMOVED"), "{told:?}");
    assert!(removed.elapsed() < Duration::from_secs(1), "before its last moment is over");
    for _ in 0..20 {
        let km = Km::new();
        let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
        stream.next().await.unwrap();
        // Whether it is looked at once more or the end is heard of first is a matter of luck.
        km.group.set().removed = Some("Kyvos Manager 1 was removed".into());
        km.surface.stopping.cancel();
        let mut last = None;
        while let Some(sent) = stream.next().await {
            last = Some(sent);
        }
        assert!(last.is_some_and(|last| notes(&last, "MANAGER_REMOVED")));
    }
}

// requirements 5.10, banner 5. The clock stands still while anything is left to be told, so no look comes between.
#[tokio::test(start_paused = true)]
async fn a_restart_is_told_with_the_change_that_began_it() {
    let km = Km::new();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    assert!(!says_that_it_restarts(&stream.next().await.unwrap()));
    let begun = tokio::time::Instant::now();
    km.group.commit(command_of("operations begin restart-active 1 km1"));
    assert_eq!(stream.next().await.unwrap().data["kind"], "begun");
    assert!(says_that_it_restarts(&stream.next().await.unwrap()));
    assert!(begun.elapsed().is_zero(), "with the change, not with the next look");
}

#[tokio::test]
async fn a_process_that_goes_down_to_come_back_says_so_last() {
    for _ in 0..20 {
        let km = Km::new();
        let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
        stream.next().await.unwrap();
        // Whether the change or the end is heard of first is a matter of luck.
        km.group.commit(command_of("operations begin restart-active 1 km1"));
        km.surface.stopping.cancel();
        let mut last = None;
        while let Some(sent) = stream.next().await {
            last = Some(sent);
        }
        assert!(last.is_some_and(|last| says_that_it_restarts(&last)));
    }
}

// Whoever shows thousands of services reads those again, and no others.
#[tokio::test]
async fn services_that_alone_read_differently_are_told_by_name() {
    let km = super::services::declared();
    let mut stream = Stream::open(&km, Role::Auditor, "/api/v1/events", None).await;
    let id = |host: &str| km.group.set().state.hosts.named(host).unwrap().0;
    let (a, b) = (id("a"), id("b"));
    let verdict = |of: &str, whole: bool| {
        format!("services note-verdicts up \"it is there\" {of} whole={whole} observers=2")
    };
    for (line, only) in [
        (format!("services want stopped bi_server:{a} why=operator"), json!(["bi_server.a"])),
        ("services note-seen /kyvos/bi_servers/b:1 b".to_owned(), json!(["bi_server.b"])),
        ("services note-gone /kyvos/bi_servers/b:1".to_owned(), json!(["bi_server.b"])),
        // Nobody declared it.
        ("services note-seen /kyvos/bi_servers/x:1 x".to_owned(), json!([])),
        (
            verdict(&format!("bi_server:{b} bi_server:{a}"), false),
            json!(["bi_server.a", "bi_server.b"]),
        ),
        // With the first whole look of a tenure nothing is stale any more.
        (verdict(&format!("bi_server:{a}"), true), Value::Null),
    ] {
        km.group.commit(command_of(&line));
        let told = stream.news().await.unwrap();
        assert_eq!(
            (&told.data["room"], &told.data["data"]["only"]),
            (&json!("services"), &only),
            "{line}"
        );
    }
}
