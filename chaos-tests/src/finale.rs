//! After the last fault: how soon the group is whole again, what every Manager shows, and whether all agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::checker::Finding;
use crate::client::{Call, Client, Reply};
use crate::fault::steps;
use crate::history::{History, Line};
use crate::lab::zookeeper_watch;
use crate::probe::Sighting;
use crate::workload::set::PREFIX;

/// The bound within which the group must be whole after the last fault.
pub const RECOVERY_BOUND: Duration = Duration::from_secs(10);
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// Most items in a page that the API gives.
const PAGE: usize = 500;

/// Waits until there is an Active and a fresh write through every Manager is acknowledged.
pub async fn recovery(
    clients: &[Client],
    history: &History,
    sighting: &Sighting,
    patience: Duration,
) -> Finding {
    let (healed, started) = (history.now(), Instant::now());
    let mut silent: Vec<&Client> = clients.iter().collect();
    let mut last = String::new();
    while started.elapsed() < patience {
        let mut still = Vec::new();
        for client in silent {
            if let Err(error) = fresh_write(client).await {
                last = format!("Manager {}: {error}", client.node.get());
                still.push(client);
            }
        }
        silent = still;
        if silent.is_empty() && sighting.at() > healed {
            return recovered(started.elapsed(), history);
        }
        sleep(LOOK_PERIOD).await;
    }
    let because = format!("not whole {} s after the last fault: {last}", patience.as_secs());
    Finding::against("recovery", vec![because], Value::Null)
}

fn recovered(after: Duration, history: &History) -> Finding {
    let recovery_ms = u64::try_from(after.as_millis()).expect("it is bounded");
    history.record(Line::of_harness("final", "recovered", None, json!({ "ms": recovery_ms })));
    let late = after > RECOVERY_BOUND;
    let because = late.then(|| format!("it took {recovery_ms} ms, more than {RECOVERY_BOUND:?}"));
    Finding::against("recovery", Vec::from_iter(because), json!({ "recovery_ms": recovery_ms }))
}

async fn fresh_write(client: &Client) -> Result<(), String> {
    let path = format!("/properties/custom/fresh.{}", client.node.get());
    let call = Call::change(reqwest::Method::PUT, path, Some(json!({ "value": "fresh" })));
    match client.send(call).await {
        Reply::Done(_) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Reads the whole set from every Manager and writes a line each.
pub async fn read_sets(clients: &[Client], history: &History) {
    for client in clients {
        let line = match read_set(client).await {
            Ok(elements) => {
                Line::of_harness("final", "set", Some(client.node.get()), json!(elements))
            }
            Err(error) => {
                let value = json!({ "error": error });
                Line::of_harness("final", "set-unread", Some(client.node.get()), value)
            }
        };
        history.record(line);
    }
}

async fn read_set(client: &Client) -> Result<Vec<u64>, String> {
    let (mut elements, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/properties?file=custom&limit={PAGE}{after}");
        let answer = match client.send(Call::get(path)).await {
            Reply::Done(answer) => answer,
            other => return Err(format!("{other:?}")),
        };
        let items = answer.body["items"].as_array().ok_or("a list without items")?;
        elements.extend(items.iter().filter_map(element));
        match answer.body["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(elements),
        }
    }
}

fn element(item: &Value) -> Option<u64> {
    item["name"].as_str()?.strip_prefix(PREFIX)?.parse().ok()
}

/// How long operations may go on once the group is whole.
const OPERATIONS_PATIENCE: Duration = Duration::from_secs(30);

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
        let short = |it: &Value| json!({ "id": it["id"], "kind": it["kind"], "status": it["status"], "resumed": it["resumed"] });
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

/// Reads what each property of the repeated requests was, and writes a line each.
pub async fn read_pasts(clients: &[Client], history: &History) -> Result<(), Failure> {
    let lines = history.lines()?;
    let keys = lines.iter().filter(|line| line.f == "ask").filter_map(|line| line.key.as_deref());
    let keys: BTreeSet<&str> = keys.collect();
    for (nth, key) in keys.into_iter().enumerate() {
        let client = &clients[nth % clients.len()];
        let path = format!("/properties/custom/{key}/history?limit={PAGE}");
        let value = match client.send(Call::get(path)).await {
            Reply::Done(answer) => {
                let items = answer.body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                let past = items.iter().map(|item| json!([item["revision"], item["value"]]));
                Value::Array(past.collect())
            }
            Reply::Refused { code, .. } if code == "NO_SUCH_PROPERTY" => json!([]),
            other => {
                let value = json!({ "error": format!("{other:?}") });
                history.record(Line::of_harness(
                    "final",
                    "past-unread",
                    Some(client.node.get()),
                    value,
                ));
                continue;
            }
        };
        let key = Some(key.to_owned());
        let line = Line::of_harness("final", "past", Some(client.node.get()), value);
        history.record(Line { key, ..line });
    }
    Ok(())
}

/// The digests that every Manager told, by revision.
type Digests = BTreeMap<u64, BTreeMap<u64, String>>;

/// All Managers come to the same revision, and have the same facts there; equal revisions always mean equal
/// facts (promise 6).
pub async fn convergence(clients: &[Client], patience: Duration) -> Finding {
    let (mut digests, started) = (Digests::new(), Instant::now());
    let mut last = String::from("no digest was told");
    while started.elapsed() < patience {
        for client in clients {
            match digest(client).await {
                Ok((revision, value)) => {
                    digests.entry(revision).or_default().insert(client.node.get(), value);
                }
                Err(error) => last = format!("Manager {}: {error}", client.node.get()),
            }
        }
        if let Some(finding) = judge(&digests, clients.len()) {
            return finding;
        }
        sleep(LOOK_PERIOD).await;
    }
    Finding::unknown("convergence", last)
}

fn judge(digests: &Digests, managers: usize) -> Option<Finding> {
    for (revision, told) in digests {
        let mut values = told.values();
        let first = values.next();
        if values.any(|value| Some(value) != first) {
            let because = format!("different facts at revision {revision}: {told:?}");
            return Some(Finding::against("convergence", vec![because], Value::Null));
        }
    }
    let (revision, _) = digests.iter().rfind(|(_, told)| told.len() == managers)?;
    let facts = json!({ "revision": revision });
    Some(Finding::against("convergence", Vec::new(), facts))
}

/// A ZooKeeper that never came: every Manager tells that it is missed, and nobody tells of having seen it.
pub async fn zookeeper(clients: &[Client]) -> Finding {
    let (mut because, mut told) = (Vec::new(), Value::Null);
    for client in clients {
        match zookeeper_watch(client).await {
            Ok(watch) if watch["state"] != "away" || watch["since"].is_null() => {
                because.push(format!("Manager {} tells of {watch}", client.node.get()));
            }
            Ok(watch) => told = json!({ "away_since": watch["since"] }),
            Err(error) => return Finding::unknown("zookeeper", error),
        }
    }
    Finding::against("zookeeper", because, told)
}

async fn digest(client: &Client) -> Result<(u64, String), String> {
    match client.send(Call::get("/cluster")).await {
        Reply::Done(answer) => {
            let digest = &answer.body["digest"];
            let told = digest["revision"].as_u64().zip(digest["value"].as_str());
            told.map(|(revision, value)| (revision, value.to_owned())).ok_or(digest.to_string())
        }
        other => Err(format!("{other:?}")),
    }
}
