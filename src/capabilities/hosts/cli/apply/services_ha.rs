//! What differs of Services HA. Each difference has its line, and all of them are one change: it is set as a whole.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::cluster_file::{WantedHa, service_named};
use super::Step;
use super::hosts::Afterwards;
use crate::base::Refusal;
use crate::capabilities::services::cli::ha::{as_it_is, switch_type};
use crate::cli::client::Change;

/// Who stands by once the file is applied: whom it names, or else who does now and is still there.
pub(super) fn standbys(
    said: Option<&WantedHa>,
    known: &Value,
    there: &Afterwards,
) -> Result<BTreeSet<String>, Refusal> {
    let named = said.and_then(|said| said.standbys.as_ref());
    let Some(named) = named else {
        return Ok(known_standbys(known).into_iter().filter(|name| there.has(name)).collect());
    };
    for name in named {
        let (kind, host) = service_named(name)?;
        there.exists(kind, host)?;
    }
    Ok(named.iter().cloned().collect())
}

fn known_standbys(known: &Value) -> BTreeSet<String> {
    let standbys = known["standbys"].as_array().into_iter().flatten();
    standbys.filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn difference(
    said: &WantedHa,
    known: &Value,
    standbys: &BTreeSet<String>,
) -> Option<Step> {
    let mut body = as_it_is(known);
    let mut shown = switched(said, known, &mut body);
    shown.extend(numbers(said, &mut body));
    let before = known_standbys(known);
    let named = said.standbys.is_some();
    // One that is gone is let go with the next change: with it the group would take none.
    if named || !shown.is_empty() {
        let come =
            standbys.difference(&before).map(|name| format!("+ services_ha standby  {name}"));
        let gone = before.difference(standbys).map(|name| format!("- services_ha standby  {name}"));
        shown.extend(come.chain(gone));
        body["standbys"] = json!(standbys);
    }
    if shown.is_empty() {
        return None;
    }
    let change = Change::new(Method::PUT, "/services/ha", body);
    Some(Step { shown, change: change.if_match(known["revision"].as_u64()) })
}

/// The switches: all automation, the cluster's, and those of types.
fn switched(said: &WantedHa, known: &Value, body: &mut Value) -> Vec<String> {
    let mut shown = Vec::new();
    for (field, on) in [("automation", said.automation), ("enabled", said.enabled)] {
        let Some(on) = on.filter(|on| body[field] != *on) else { continue };
        shown.push(turned(field, on));
        body[field] = on.into();
    }
    let types = || known["types"].as_array().into_iter().flatten();
    for (kind, on) in &said.types {
        let kind = kind.as_str();
        if types().any(|known| known["type"] == kind && known["enabled"] != *on) {
            shown.push(turned(kind, *on));
            switch_type(body, kind, *on);
        }
    }
    shown
}

fn turned(what: &str, on: bool) -> String {
    let told = |on| if on { "on" } else { "off" };
    format!("~ services_ha {what}  {}  ->  {}", told(!on), told(on))
}

fn numbers(said: &WantedHa, body: &mut Value) -> Vec<String> {
    let mut shown = Vec::new();
    for (field, number) in said.numbers() {
        let Some(number) = number.filter(|number| body[field] != *number) else { continue };
        shown.push(format!("~ services_ha {field}  {}  ->  {number}", body[field]));
        body[field] = number.into();
    }
    shown
}
