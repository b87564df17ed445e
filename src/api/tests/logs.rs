//! Logs of any Manager from any Manager, and the support bundle: what is in them, and what is not.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::http::Method;
use futures::StreamExt;
use serde_json::Value;

use super::client::{Answer, Km};
use super::group::{HERE, START};
use crate::api::logs::download::DOWNLOADS_MAX;
use crate::base::ManagerId;
use crate::capabilities::access::model::Role;
use crate::capabilities::hosts::model as hosts;

const LOGS: &str = "/api/v1/managers/1/logs";

/// What is in an archive, by the file's name behind the archive's own folder.
#[expect(clippy::disallowed_methods, reason = "tar ends by itself")]
fn opened(archive: &[u8]) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar")
        .args(["-xzf", "-", "--strip-components=1", "-C"])
        .arg(dir.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    tar.stdin.take().unwrap().write_all(archive).unwrap();
    assert!(tar.wait().unwrap().success());
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let name = entry.strip_prefix(dir.path()).unwrap().display().to_string();
            found.insert(name, std::fs::read_to_string(&entry).unwrap());
        }
    }
    found
}

fn manifest(files: &BTreeMap<String, String>) -> Value {
    serde_json::from_str(&files["manifest.json"]).unwrap()
}

fn log(parts: &[(&str, &str)]) -> Vec<(String, String)> {
    parts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn two_parts() -> Vec<(String, String)> {
    log(&[
        ("km-000001.log", "2026-01-01T00:00:00Z  INFO one\n2026-01-01T01:00:00Z  INFO two\n"),
        ("km-000002.log", "2026-01-01T02:00:00Z  INFO three password=hunter2\n"),
        ("settings.toml", "node.data_dir = \"/d\"\n"),
    ])
}

// row 77
#[tokio::test]
async fn the_log_of_any_manager_comes_from_this_one_without_secrets() {
    let km = Km::new();
    km.enable_ha().await;
    let other = km.group.admit_peer("km2");
    km.group.set().logs.insert(HERE, two_parts());
    km.group.set().logs.insert(other, log(&[("km-000007.log", "2026-01-01T00:00:00Z of km2\n")]));

    let answer = km.by(Role::Auditor, Method::GET, LOGS).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/gzip"));
    let named = answer.header("content-disposition").unwrap();
    assert_eq!(named, "attachment; filename=\"km-logs-km1-20260101T000000Z.tar.gz\"");
    let files = opened(&answer.bytes);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["km-000001.log", "km-000002.log", "manifest.json", "settings.toml"]);
    assert_eq!(files["km-000002.log"], "2026-01-01T02:00:00Z  INFO three password=[redacted]\n");
    assert_eq!(manifest(&files)["log"]["missing"], serde_json::json!([]));

    let of_other = km.get(&format!("/api/v1/managers/{other}/logs")).await;
    let files = opened(&of_other.bytes);
    assert_eq!(files["km-000007.log"], "2026-01-01T00:00:00Z of km2\n");
    assert_eq!(manifest(&files)["manager"], other.0);
}

#[tokio::test]
async fn a_time_and_the_files_of_the_past_are_chosen_and_nonsense_is_refused() {
    let km = Km::new();
    km.group.set().logs.insert(HERE, two_parts());
    // Every file of the test was last written at the start.
    assert_eq!(START.0, 1_767_225_600_000);
    let until = km.get(&format!("{LOGS}?until=2026-01-01T01:00:00Z")).await;
    let files = opened(&until.bytes);
    assert_eq!(files["km-000001.log"], "2026-01-01T00:00:00Z  INFO one\n");
    assert_eq!(files["km-000002.log"], "");
    assert_eq!(files["settings.toml"], "node.data_dir = \"/d\"\n");
    let newest = opened(&km.get(&format!("{LOGS}?rotated=false")).await.bytes);
    assert!(newest.contains_key("km-000002.log") && !newest.contains_key("km-000001.log"));
    let later = opened(&km.get(&format!("{LOGS}?since=2026-01-01T00:00:01Z")).await.bytes);
    assert!(!later.contains_key("km-000001.log"), "it was last written before");

    for bad in [
        "since=yesterday",
        "until=",
        "rotated=maybe",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "from=1",
    ] {
        let answer = km.get(&format!("{LOGS}?{bad}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (400, "MALFORMED_QUERY"),
            "{bad}"
        );
    }
    assert_eq!(km.get("/api/v1/managers/77/logs").await.problem(), "NO_SUCH_MANAGER");
}

#[tokio::test]
async fn a_file_that_is_gone_meanwhile_is_told_in_the_archive() {
    let km = Km::new();
    km.group.set().logs.insert(HERE, two_parts());
    let opening = km.ask(Method::GET, LOGS).open().await;
    km.group.set().logs.insert(HERE, two_parts().split_off(1));
    let bytes = axum::body::to_bytes(opening.into_body(), 1 << 20).await.unwrap();
    let files = opened(&bytes);
    assert!(files.contains_key("km-000002.log"));
    assert_eq!(manifest(&files)["log"]["missing"][0]["file"], "km-000001.log");
}

/// km2, which does not answer.
async fn silent(km: &Km) -> ManagerId {
    km.enable_ha().await;
    let other = km.group.admit_peer("km2");
    km.group.set().peers.get_mut(&other).unwrap().reachable = false;
    other
}

// row 77: also of a stopped one, through its host
#[tokio::test]
async fn the_log_of_a_stopped_manager_comes_through_its_host() {
    let km = Km::new();
    let other = silent(&km).await;
    let path = format!("/api/v1/managers/{other}/logs");
    let no_way = km.get(&path).await;
    assert_eq!((no_way.status.as_u16(), no_way.problem().as_str()), (409, "NOT_REACHED"));
    assert!(no_way.text.contains("km hosts add"), "{}", no_way.text);

    let host = km.group.commit(hosts::Command::Register {
        name: "km2".into(),
        roles: [hosts::HostRole::WebPortal].into(),
        transport: hosts::Transport::Agent { address: String::new() },
    });
    let host = crate::base::HostId(host.0);
    assert_eq!(km.get(&path).await.problem(), "NOT_REACHED");
    let put = |name: &str, text: &str| {
        let file = (host, format!("/var/lib/km{other}/logs/{name}"));
        km.hosts.inside().files.insert(file, text.to_owned().into());
    };
    put("index", "km-000003.log\n../../identity/group.key\nkm-000004.log\n");
    put("km-000003.log", "2026-01-01T00:00:00Z sent Bearer abcdefghijkl\n");
    let files = opened(&km.get(&path).await.bytes);
    assert_eq!(files["km-000003.log"], "2026-01-01T00:00:00Z sent Bearer [redacted]\n");
    let told = manifest(&files)["log"].clone();
    assert!(told["read_from"].as_str().unwrap().contains("host"), "{told}");
    assert_eq!(told["missing"][0]["file"], "km-000004.log");
    assert_eq!(told["missing"].as_array().unwrap().len(), 1, "only a log's files are asked for");
    // Somebody else answers at its address: nothing is asked of him, and the way out is told.
    km.hosts.inside().strange.insert(host);
    let changed = km.get(&path).await;
    assert_eq!((changed.status.as_u16(), changed.problem().as_str()), (409, "NOT_REACHED"));
    assert!(changed.text.contains("has changed") && changed.text.contains("km hosts trust"));
}

#[tokio::test]
async fn who_breaks_off_leaves_nothing_behind_and_too_many_at_once_are_turned_away() {
    let km = Km::new();
    let noise: String =
        (0..200_000_u32).map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761))).collect();
    km.group.set().logs.insert(HERE, log(&[("km-000001.log", &noise)]));
    let free = || km.surface.downloads.available_permits();
    let mut held = Vec::new();
    for _ in 0..DOWNLOADS_MAX {
        let mut body = km.ask(Method::GET, LOGS).open().await.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        held.push(body);
    }
    assert_eq!(free(), 0);
    let turned_away = km.get(LOGS).await;
    assert_eq!((turned_away.status.as_u16(), turned_away.problem().as_str()), (503, "TOO_BUSY"));
    drop(held);
    tokio::time::timeout(Duration::from_secs(30), async {
        while free() < DOWNLOADS_MAX {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(km.get(LOGS).await.status, 200);
}

fn support(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("content-disposition").unwrap().contains("km-support-test-2026"));
    opened(&answer.bytes)
}

#[tokio::test]
async fn the_bundle_holds_what_its_asker_may_see_and_says_what_is_missing() {
    let km = Km::new();
    let other = silent(&km).await;
    km.group.set().logs.insert(HERE, two_parts());
    km.set("DB_PASSWORD", "hunter2").await;
    km.set("greeting", "hello").await;

    let files = support(&km.get("/api/v1/support-bundle").await);
    assert!(files.values().all(|text| !text.contains("hunter2")), "a secret is in the bundle");
    assert!(files["properties.json"].contains("hello"));
    assert!(files["audit.json"].contains("properties.set"));
    assert!(files.contains_key("metrics.txt") && files.contains_key("why-active.json"));
    assert!(files["logs/1-km1/km-000001.log"].contains("INFO one"));
    let told = manifest(&files);
    let of_other = told["logs"].as_array().unwrap().iter().find(|it| it["manager"] == other.0);
    let because = of_other.unwrap()["log"]["because"].as_str().unwrap();
    assert!(because.contains("does not answer"), "{because}");

    let of_maintainer =
        support(&km.by(Role::Maintainer, Method::GET, "/api/v1/support-bundle").send().await);
    assert!(!of_maintainer.contains_key("audit.json"));
    let told = manifest(&of_maintainer);
    let audit = told["parts"].as_array().unwrap().iter().find(|it| it["file"] == "audit.json");
    assert!(audit.unwrap()["because"].as_str().unwrap().contains("audit.view"), "{told}");

    // Also without a quorum: what this Manager knows.
    km.group.lose_quorum();
    let files = support(&km.get("/api/v1/support-bundle").await);
    assert!(files.contains_key("cluster.json") && files.contains_key("properties.json"));
}
