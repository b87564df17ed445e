//! After the last fault: what the group is asked until it is whole again, what every Manager shows, and whether all agree.
//! Everything is written down and nothing judged: `checker/recovery.rs`, `checker/convergence.rs` and others do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager};
use crate::fault::steps;
use crate::history::{History, Line};
use crate::lab::zookeeper_watch;
use crate::probe::Sighting;
use crate::workload::{append, register, requests, set};

const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// Most items in a page that the API gives.
const PAGE: usize = 500;
/// After so long another fresh change is tried beside those that have no answer yet: one that was caught in something
/// that is over by now says nothing of whether the next one is answered.
const ANOTHER: Duration = Duration::from_millis(500);

/// Makes a fresh change through every Manager until each has acknowledged one and somebody was seen to be Active, for so
/// long at most.
pub async fn recovery(
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
    patience: Duration,
) {
    let healed = history.now();
    let deadline = Instant::now() + patience;
    let seen = async {
        while sighting.at() <= healed && Instant::now() < deadline {
            sleep(LOOK_PERIOD).await;
        }
    };
    let writes = cluster.managers.iter().map(|it| first_write(cluster, it, history, deadline));
    tokio::join!(seen, join_all(writes));
}

/// Each try is made over a connection of its own: an old one may wait for packets that were lost long ago.
async fn first_write(cluster: &Cluster, manager: &Manager, history: &History, deadline: Instant) {
    let (mut tries, mut last) = (JoinSet::new(), String::from("nothing was answered"));
    while Instant::now() < deadline {
        let sent = history.now();
        match Client::new(&cluster.access, manager.id.clone(), &manager.api_url) {
            Ok(client) => drop(tries.spawn(async move { (sent, fresh_write(&client).await) })),
            Err(failure) => last = failure.to_string(),
        }
        let another = Instant::now() + ANOTHER;
        while let Ok(Some(ended)) = tokio::time::timeout_at(another, tries.join_next()).await {
            match ended {
                Ok((sent, Ok(()))) => {
                    let value = json!({ "sent": sent });
                    let node = Some(manager.id.get());
                    history.record(Line::of_harness("final", "fresh", node, value));
                    return;
                }
                Ok((_, Err(error))) => last = error,
                Err(error) => last = error.to_string(),
            }
        }
        tokio::time::sleep_until(another).await;
    }
    let value = json!({ "error": last });
    history.record(Line::of_harness("final", "not-fresh", Some(manager.id.get()), value));
}

async fn fresh_write(client: &Client) -> Result<(), String> {
    let path = format!("/properties/custom/fresh.{}", client.node.get());
    let call = Call::change(reqwest::Method::PUT, path, Some(json!({ "value": "fresh" })));
    match client.send(call).await {
        Reply::Done(_) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// The line that tells, page by page, the registers and the properties of repeated requests as a Manager shows them.
pub const SHOWN: &str = "properties";
/// The line that tells why a Manager did not show them.
pub const UNREAD: &str = "properties-unread";

/// Reads all custom properties from every Manager, and writes a line for the set, one for all lists and one for the others.
pub async fn read_properties(clients: &[Client], history: &History) {
    for client in clients {
        let (node, sent) = (Some(client.node.get()), history.now());
        let tell = |f: &str, value| history.record(Line::of_harness("final", f, node, value));
        match read_custom(client, history).await {
            Ok(pages) => {
                let items = || pages.iter().flat_map(|page| &page.items);
                let elements: Vec<Value> = items().filter_map(element).collect();
                let lists: Map<String, Value> = items().filter_map(list).collect();
                let others: Vec<Value> = pages.iter().map(others).collect();
                tell("set", json!(elements));
                tell("lists", json!({ "sent": sent, "lists": lists }));
                tell(SHOWN, json!(others));
            }
            Err(error) => {
                for unread in ["set-unread", "lists-unread", UNREAD] {
                    tell(unread, json!({ "error": error }));
                }
            }
        }
    }
}

/// A page of a list: when it was asked for, and at which revision it was served.
struct Page {
    sent: u64,
    revision: Option<u64>,
    items: Vec<Value>,
}

/// All custom properties as a Manager shows them.
async fn read_custom(client: &Client, history: &History) -> Result<Vec<Page>, String> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let sent = history.now();
        let path = format!("/properties?file=custom&limit={PAGE}{after}");
        let answer = match client.send(Call::get(path)).await {
            Reply::Done(answer) => answer,
            other => return Err(format!("{other:?}")),
        };
        let items = answer.body["items"].as_array().ok_or("a list without items")?.clone();
        pages.push(Page { sent, revision: answer.revision, items });
        match answer.body["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(pages),
        }
    }
}

fn element(item: &Value) -> Option<Value> {
    set::told(item["name"].as_str()?, &item["value"])
}

/// What a page tells of registers and repeated properties: revision of the last change and value of each, as a past tells
/// them.
fn others(page: &Page) -> Value {
    let judged = |name: &str| register::is_named(name) || name.starts_with(requests::PREFIX);
    let shown = page.items.iter().filter_map(|item| {
        let name = item["name"].as_str().filter(|name| judged(name))?;
        Some((name.to_owned(), json!([item["revision"], item["value"]])))
    });
    let shown: Map<String, Value> = shown.collect();
    json!({ "sent": page.sent, "rev": page.revision, "shown": shown })
}

/// A list by its name.
fn list(item: &Value) -> Option<(String, Value)> {
    let name = item["name"].as_str().filter(|name| name.starts_with(append::PREFIX))?;
    Some((name.to_owned(), append::told(&item["value"])))
}

/// How long operations may go on once the group is whole.
const OPERATIONS_PATIENCE: Duration = Duration::from_secs(30);
/// What is written down of each.
const TOLD: [&str; 8] =
    ["id", "kind", "target", "status", "resumed", "progress", "error", "revision"];

/// Waits until no operation goes on, and writes down how the newest ended.
pub async fn read_operations(clients: &[Client], history: &History) {
    let started = Instant::now();
    let mut told = Value::Null;
    for client in clients.iter().cycle() {
        if let Reply::Done(answer) =
            client.send(Call::get(format!("/operations?limit={PAGE}"))).await
        {
            told = answer.body["items"].clone();
            let mut items = told.as_array().into_iter().flatten();
            if items.all(steps::ended) {
                break;
            }
        }
        if started.elapsed() > OPERATIONS_PATIENCE {
            break;
        }
        sleep(LOOK_PERIOD).await;
    }
    if let Some(items) = told.as_array() {
        let short = |it: &Value| {
            let told = TOLD.map(|field| (field.to_owned(), it[field].clone()));
            Value::Object(told.into_iter().collect())
        };
        let items: Vec<Value> = items.iter().map(short).collect();
        history.record(Line::of_harness("final", "operations", None, json!(items)));
    }
}

/// Writes down who belongs to the group, as every Manager tells it.
pub async fn read_members(clients: &[Client], history: &History) {
    for client in clients {
        if let Reply::Done(answer) = client.send(Call::get("/cluster")).await {
            let members = answer.body["members"].as_array().map(Vec::as_slice).unwrap_or_default();
            let members: Vec<&Value> = members.iter().map(|member| &member["id"]).collect();
            let value = json!({ "members": members, "voters": answer.body["voters"] });
            history.record(Line::of_harness("final", "members", Some(client.node.get()), value));
        }
    }
}

/// Pause between two looks at the same Manager's digest.
const DIGEST_PERIOD: Duration = Duration::from_millis(200);

/// Writes down each digest that Managers tell, until all told the same revision, from this one on, or for so long.
pub async fn convergence(clients: &[Client], history: &History, from: u64, patience: Duration) {
    let (mut told, started) = (BTreeMap::<u64, Reading>::new(), Instant::now());
    // By revision: who told it.
    let mut met: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    // One bound is the checker's; a little more is waited, so that whoever is late is known to be.
    let patience = patience.max(crate::checker::convergence::BOUND + Duration::from_secs(1));
    while started.elapsed() < patience {
        let answers = join_all(clients.iter().map(digest)).await;
        for (client, answer) in clients.iter().zip(answers) {
            let node = client.node.get();
            let Some(reading) = answer else { continue };
            if told.get(&node) != Some(&reading) {
                let (revision, value) = reading.clone().unzip();
                let value = json!({ "revision": revision, "value": value });
                history.record(Line::of_harness("final", "digest", Some(node), value));
            }
            if let Some((revision, _)) = &reading {
                met.entry(*revision).or_default().insert(node);
            }
            told.insert(node, reading);
        }
        if met.range(from..).any(|(_, who)| who.len() == clients.len()) {
            break;
        }
        sleep(DIGEST_PERIOD).await;
    }
    history.record(Line::of_harness("final", "enough", None, Value::Null));
}

/// Revision and digest of a Manager's facts; `None`: it has taken none yet.
type Reading = Option<(u64, String)>;

/// What a Manager tells; `None`: it does not answer.
async fn digest(client: &Client) -> Option<Reading> {
    match client.send(Call::get("/cluster")).await {
        Reply::Done(answer) => {
            let digest = &answer.body["digest"];
            let told = digest["revision"].as_u64().zip(digest["value"].as_str());
            Some(told.map(|(revision, value)| (revision, value.to_owned())))
        }
        _ => None,
    }
}

/// Writes down what every Manager tells of a ZooKeeper that never came.
pub async fn read_zookeeper(clients: &[Client], history: &History) {
    for client in clients {
        let value = match zookeeper_watch(client).await {
            Ok(watch) => json!({ "state": watch["state"], "since": watch["since"] }),
            Err(error) => json!({ "error": error }),
        };
        history.record(Line::of_harness("final", "zookeeper", Some(client.node.get()), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_repeated_properties_are_written_down_as_they_are_shown() {
        let item = |name: &str, value: &str| json!({ "name": name, "revision": 5, "value": value });
        let items = ["r3.0", "q.1.0", "s.7", "a.0.0", "fresh.1"].map(|name| item(name, "7"));
        let page = Page { sent: 1, revision: Some(9), items: items.to_vec() };
        let shown = json!({ "r3.0": [5, "7"], "q.1.0": [5, "7"] });
        assert_eq!(others(&page), json!({ "sent": 1, "rev": 9, "shown": shown }));
    }
}
