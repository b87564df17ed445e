//! What differs of the control of types, and of what is wanted of services.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::super::cluster_file::{ClusterFile, Want, Why, service_named};
use super::super::text;
use super::hosts::Afterwards;
use super::{Known, Step};
use crate::base::Refusal;
use crate::cli::client::{Change, segment};

/// How types are controlled otherwise than the file says. Unit and probe are set together.
pub(super) fn controls(file: &ClusterFile, known: &[Value]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (kind, said) in &file.types {
        let kind = kind.as_str();
        let Some(known) = known.iter().find(|known| known["type"] == kind) else { continue };
        let mut body = json!({ "unit": known["unit"], "probe": known["probe"] });
        let before = controlled(&body);
        if let Some(unit) = &said.unit {
            body["unit"] = unit.as_str().into();
        }
        if let Some(probe) = &said.probe {
            body["probe"] = json!(probe);
        }
        if body["unit"] == known["unit"] && body["probe"] == known["probe"] {
            continue;
        }
        let shown = format!("~ type {kind}  {before}  ->  {}", controlled(&body));
        let change = Change::new(Method::PUT, format!("/services/types/{kind}"), body);
        steps.push(Step::new(shown, change.if_match(known["revision"].as_u64())));
    }
    steps
}

fn controlled(control: &Value) -> String {
    let probe = &control["probe"];
    let port = probe["port"].as_u64().map_or(String::new(), |port| format!(" {port}"));
    let path = probe["path"].as_str().map_or(String::new(), |path| format!(" {path}"));
    format!("{}, probe {}{port}{path}", text(control, "unit"), text(probe, "kind"))
}

/// What a file says is wanted of a service.
#[derive(Clone, Copy)]
struct Word {
    want: Want,
    why: Option<Why>,
}

/// What is wanted otherwise than the file says. What nobody said why is as it is when it is wanted at all.
pub(super) fn wanted(
    file: &ClusterFile,
    known: &Known,
    there: &Afterwards,
    standbys: &BTreeSet<String>,
) -> Result<Vec<Step>, Refusal> {
    let services: BTreeMap<&str, &Value> =
        known.services.iter().map(|service| (text(service, "id"), service)).collect();
    let old: BTreeSet<&str> = known.hosts.iter().map(|host| text(host, "name")).collect();
    let mut steps = Vec::new();
    for (name, word) in words(file, there, standbys)? {
        let step = match services.get(name.as_str()) {
            Some(known) if word.is_so(&known["wanted"]) => continue,
            Some(known) => word.in_place_of(&name, known),
            None if word.is_so(&declared()) && is_on_a_new_host(&name, &old) => continue,
            None => word.of_one_to_come(&name),
        };
        steps.push(step);
    }
    Ok(steps)
}

/// Every service that is spoken of. Its own word goes before that about its type, which is not about those that stand by:
/// they rest until one of them is needed.
fn words(
    file: &ClusterFile,
    there: &Afterwards,
    standbys: &BTreeSet<String>,
) -> Result<BTreeMap<String, Word>, Refusal> {
    let mut words = BTreeMap::new();
    for (kind, said) in &file.types {
        let Some(want) = said.wanted else { continue };
        let names = there.with_role(*kind).map(|host| format!("{}.{host}", kind.as_str()));
        let names = names.filter(|name| !standbys.contains(name));
        words.extend(names.map(|name| (name, Word { want, why: said.why })));
    }
    for (kind, hosts) in &file.service {
        for (host, said) in hosts {
            there.exists(*kind, host)?;
            let word = Word { want: said.wanted, why: said.why };
            words.insert(format!("{}.{host}", kind.as_str()), word);
        }
    }
    Ok(words)
}

/// What is wanted of a service of which nobody spoke.
fn declared() -> Value {
    json!({ "state": "running", "why": "declared" })
}

/// A host that had the role before may have left a word about it.
fn is_on_a_new_host(name: &str, old: &BTreeSet<&str>) -> bool {
    service_named(name).is_ok_and(|(_, host)| !old.contains(host))
}

impl Word {
    fn is_so(self, wanted: &Value) -> bool {
        let why = self.why.is_none_or(|why| wanted["why"] == why.as_str());
        why && wanted["state"] == self.want.as_str()
    }

    fn in_place_of(self, name: &str, known: &Value) -> Step {
        let wanted = &known["wanted"];
        let before = format!("{} ({})", text(wanted, "state"), text(wanted, "why"));
        let shown = format!("~ {name}  wanted {before}  ->  {}", self.told());
        Step::new(shown, self.said_of(name).if_match(known["revision"].as_u64()))
    }

    /// Nobody has seen what is wanted of one that is not there yet, so no word about it can have changed.
    fn of_one_to_come(self, name: &str) -> Step {
        Step::new(format!("+ {name}  wanted {}", self.told()), self.said_of(name))
    }

    fn told(self) -> String {
        format!("{} ({})", self.want.as_str(), self.why.unwrap_or_default().as_str())
    }

    fn said_of(self, name: &str) -> Change {
        let why = self.why.unwrap_or_default();
        let body = json!({ "state": self.want.as_str(), "why": why.as_str() });
        Change::new(Method::PUT, format!("/services/{}/wanted", segment(name)), body)
    }
}
