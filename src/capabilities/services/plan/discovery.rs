//! From the shapes of znodes to patterns that would fit them. A proposal is a guess, and somebody checks it.

use std::collections::{BTreeMap, BTreeSet};

use crate::capabilities::services::model::{
    FIELD_MAX_BYTES, FIELDS_MAX, Form, Marks, PROPOSED_MAX, Payload, Profile, Rule, ServiceType,
    Znode, is_address,
};

/// Names of fields that hold a host.
const HOST_FIELDS: [&str; 6] = ["host", "hostname", "hostName", "address", "ip", "server"];
/// Names of fields that hold a port.
const PORT_FIELDS: [&str; 3] = ["port", "serverPort", "httpPort"];
/// What names of folders and znodes have in them, and which service that speaks of. The first that fits holds.
const WORDS: [(&str, ServiceType); 11] = [
    ("query", ServiceType::QueryEngine),
    ("qe", ServiceType::QueryEngine),
    ("portal", ServiceType::WebPortal),
    ("web", ServiceType::WebPortal),
    ("postgres", ServiceType::Postgres),
    ("repository", ServiceType::Postgres),
    ("biserver", ServiceType::BiServer),
    ("bi", ServiceType::BiServer),
    ("olap", ServiceType::BiServer),
    ("engine", ServiceType::BiServer),
    ("master", ServiceType::BiServer),
];
/// What the one who coordinates is called.
const MASTER_WORDS: [&str; 3] = ["master", "leader", "coordinator"];

/// What a payload looks like. It is looked at and not kept.
pub fn form(payload: &[u8]) -> Form {
    if payload.is_empty() {
        return Form::Empty;
    }
    let Ok(text) = std::str::from_utf8(payload) else { return Form::Binary };
    if is_address(text.trim()) {
        return Form::Address;
    }
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(object)) => {
            let short = object.keys().filter(|name| name.len() <= FIELD_MAX_BYTES);
            let plain = short.filter(|name| !name.chars().any(char::is_control));
            Form::Json { fields: plain.take(FIELDS_MAX).cloned().collect() }
        }
        Ok(_) | Err(_) => Form::Text,
    }
}

/// Patterns that would fit: one for each folder of znodes that look like services, and one for each that looks like the
/// mark of whoever coordinates.
pub fn propose(znodes: &[Znode]) -> Vec<Rule> {
    let mut folders: BTreeMap<&str, Vec<&Znode>> = BTreeMap::new();
    for znode in znodes.iter().filter(|znode| znode.children == 0) {
        if let Some((folder, _)) =
            znode.path.rsplit_once('/').filter(|(above, _)| !above.is_empty())
        {
            folders.entry(folder).or_default().push(znode);
        }
    }
    let mut rules: Vec<Rule> = Vec::new();
    for (folder, leaves) in &folders {
        let (marks, services): (Vec<_>, Vec<_>) =
            leaves.iter().copied().partition(|znode| is_mark(&znode.path));
        rules.extend(marks.into_iter().filter_map(mark));
        rules.extend(presence(folder, &services));
    }
    let fits = |rule: &Rule| Profile { verified: false, rules: vec![rule.clone()] }.check().is_ok();
    rules.retain(fits);
    rules.truncate(PROPOSED_MAX);
    rules
}

fn presence(folder: &str, leaves: &[&Znode]) -> Option<Rule> {
    // What stays when its maker goes shows nobody's presence.
    let live: Vec<_> = leaves.iter().filter(|znode| znode.ephemeral).collect();
    let service = service_of(folder)?;
    let names: BTreeSet<&str> = live.iter().map(|znode| name_of(&znode.path)).collect();
    let first = live.first()?;
    let addresses = names.iter().all(|name| is_address(name));
    let with_port = names.iter().all(|name| name.contains(':'));
    let (name, payload) = match &first.form {
        _ if addresses && with_port => ("{host}:{port}", Payload::Ignored),
        Form::Address => ("{any}", Payload::Address),
        Form::Json { fields } => ("{any}", in_json(fields)?),
        _ if addresses => ("{host}", Payload::Ignored),
        Form::Empty | Form::Text | Form::Binary | Form::Unread => return None,
    };
    let pattern = format!("{folder}/{name}");
    Some(Rule { pattern, service, marks: Marks::Presence, payload })
}

fn mark(znode: &Znode) -> Option<Rule> {
    let payload = match &znode.form {
        Form::Address => Payload::Address,
        Form::Json { fields } => in_json(fields)?,
        Form::Empty | Form::Text | Form::Binary | Form::Unread => return None,
    };
    let service = service_of(&znode.path)?;
    Some(Rule { pattern: znode.path.clone(), service, marks: Marks::Master, payload })
}

fn in_json(fields: &BTreeSet<String>) -> Option<Payload> {
    let named = |names: &[&str]| {
        let found = names.iter().find(|name| fields.contains(**name));
        found.map(|name| format!("/{name}"))
    };
    Some(Payload::Json { host: Some(named(&HOST_FIELDS)?), port: named(&PORT_FIELDS) })
}

fn is_mark(path: &str) -> bool {
    let name = name_of(path).to_lowercase();
    MASTER_WORDS.iter().any(|word| name.contains(word))
}

/// The nearest name that speaks of a service.
fn service_of(path: &str) -> Option<ServiceType> {
    let parts = path.rsplit('/').map(str::to_lowercase);
    let mut spoken = parts.filter_map(|part| {
        let words = part.split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>();
        let says = |word: &str| match word.len() {
            // A short one is a word of its own, or it would be in everything.
            0..=2 => words.contains(&word),
            _ => part.contains(word),
        };
        WORDS.iter().find(|(word, _)| says(word)).map(|(_, service)| *service)
    });
    spoken.next()
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
