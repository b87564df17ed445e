//! What differs of hosts, and which services there are when that is made.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::super::cluster_file::{ClusterFile, WantedAgent, WantedHost, WantedSsh, service_named};
use super::super::{RoleName, text, to_host, words};
use super::Step;
use crate::base::{Code, Refusal};
use crate::cli::client::Change;

/// The hosts with their roles as they are once the file is applied: a role is a service.
#[derive(Debug)]
pub(super) struct Afterwards(BTreeMap<String, BTreeSet<RoleName>>);

impl Afterwards {
    pub(super) fn of(file: &ClusterFile, known: &[Value], prune: bool) -> Self {
        let mut hosts = BTreeMap::new();
        for host in known {
            let name = text(host, "name");
            if file.host.contains_key(name) || !prune {
                hosts.insert(name.to_owned(), roles(host));
            }
        }
        for (name, host) in &file.host {
            let has = hosts.entry(name.clone()).or_default();
            if let Some(roles) = &host.roles {
                *has = roles.iter().copied().collect();
            }
        }
        Self(hosts)
    }

    /// The hosts that have a role.
    pub(super) fn with_role(&self, role: RoleName) -> impl Iterator<Item = &str> {
        let has = self.0.iter().filter(move |(_, roles)| roles.contains(&role));
        has.map(|(name, _)| name.as_str())
    }

    /// Whether there is a service of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        service_named(name).is_ok_and(|(kind, host)| self.exists(kind, host).is_ok())
    }

    /// Refuses a service that there is not, neither now nor when the file is applied.
    pub(super) fn exists(&self, kind: RoleName, host: &str) -> Result<(), Refusal> {
        if self.0.get(host).is_some_and(|roles| roles.contains(&kind)) {
            return Ok(());
        }
        let (role, host) = (kind.as_str(), host.escape_debug());
        let detail = format!(
            "There is no service {role}.{host}: give the host {host} the role {role}, in the file or with km hosts."
        );
        Err(Refusal::new(Code::NoSuchService, detail))
    }
}

/// Who is registered and who changes.
pub(super) fn differences(file: &ClusterFile, known: &[Value]) -> Vec<Step> {
    let known = by_name(known);
    let steps = file.host.iter().filter_map(|(name, host)| match known.get(name.as_str()) {
        None => Some(register(name, host)),
        Some(known) => difference(name, host, known),
    });
    steps.collect()
}

/// Who is let go. A host on which a member lives is not, and that is known before anything is changed.
pub(super) fn let_go(file: &ClusterFile, known: &[Value]) -> Result<Vec<Step>, Refusal> {
    let known = by_name(known);
    let gone = known.iter().filter(|(name, _)| !file.host.contains_key(**name));
    let step = |(name, host): (&&str, &&Value)| {
        if !host["manager"].is_null() {
            let detail = format!(
                "A member of this group lives on {name}, which does not stand in the file. Name it there, or remove the member first."
            );
            return Err(Refusal::new(Code::HostHasManager, detail));
        }
        let shown = format!("- {name}  {}", described(&host["roles"], &host["transport"], false));
        Ok(Step::new(shown, to_host(Method::DELETE, host, "", Value::Null)))
    };
    gone.map(step).collect()
}

fn by_name(known: &[Value]) -> BTreeMap<&str, &Value> {
    known.iter().map(|host| (text(host, "name"), host)).collect()
}

fn register(name: &str, host: &WantedHost) -> Step {
    let roles = words(host.roles.as_deref().unwrap_or_default());
    let transport = host.transport(&Value::Null).unwrap_or_else(|| json!({ "kind": "agent" }));
    let shown = format!("+ {name}  {}", described(&roles, &transport, false));
    let body = json!({ "name": name, "roles": roles, "transport": transport });
    Step::new(shown, Change::post("/hosts", body))
}

fn difference(name: &str, host: &WantedHost, known: &Value) -> Option<Step> {
    let (was, way, has) = (&known["roles"], &known["transport"], roles(known));
    let mut body = json!({});
    let differ = |asked: &&Vec<RoleName>| asked.iter().copied().collect::<BTreeSet<_>>() != has;
    let asked = host.roles.as_ref().filter(differ);
    if let Some(asked) = asked {
        body["roles"] = words(asked);
    }
    let transport = host.transport(way).filter(|transport| !is_reached_so(transport, way));
    if let Some(transport) = &transport {
        body["transport"] = transport.clone();
    }
    if asked.is_none() && transport.is_none() {
        return None;
    }
    let to = transport.unwrap_or_else(|| way.clone());
    let roles = asked.map_or_else(|| was.clone(), |asked| words(asked));
    let line = |whole| (described(was, way, whole), described(&roles, &to, whole));
    let (before, after) = Some(line(false)).filter(|(a, b)| a != b).unwrap_or_else(|| line(true));
    let change = to_host(Method::PATCH, known, "", body);
    Some(Step::new(format!("~ {name}  {before}  ->  {after}"), change))
}

/// The roles of a host. One that this program does not know is none that a file can name.
fn roles(host: &Value) -> BTreeSet<RoleName> {
    let roles = host["roles"].as_array().into_iter().flatten();
    roles.filter_map(|role| RoleName::named(role.as_str()?)).collect()
}

/// What the file does not say is as it is.
fn is_reached_so(wanted: &Value, known: &Value) -> bool {
    wanted.as_object().into_iter().flatten().all(|(field, value)| known.get(field) == Some(value))
}

/// A host in a few words; `whole` also tells what hardly ever differs.
fn described(roles: &Value, transport: &Value, whole: bool) -> String {
    let roles: Vec<&str> =
        roles.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let roles = if roles.is_empty() { "-".to_owned() } else { roles.join("+") };
    let said = |field: &str| text(transport, field);
    let way = match said("kind") {
        "ssh" => format!("ssh {}@{}", said("user"), said("address")),
        _ => "agent".to_owned(),
    };
    let more = match said("kind") {
        _ if !whole => String::new(),
        "ssh" => format!(" with {} and {}", said("program"), said("config")),
        _ => format!(" at {}", said("address")),
    };
    format!("{roles} by {way}{more}")
}

impl WantedHost {
    /// How it is to be reached; `None`: nothing is said of that. What is known of the same way and not said otherwise is
    /// sent along, because a way is set as a whole.
    fn transport(&self, known: &Value) -> Option<Value> {
        match (&self.ssh, &self.agent) {
            (Some(ssh), _) => Some(ssh.transport(known)),
            (None, Some(WantedAgent { address })) => {
                let mut transport = json!({ "kind": "agent" });
                if let Some(address) = address {
                    transport["address"] = address.as_str().into();
                }
                Some(transport)
            }
            (None, None) => None,
        }
    }
}

impl WantedSsh {
    fn transport(&self, known: &Value) -> Value {
        let mut transport = json!({ "kind": "ssh", "address": self.address, "user": self.user });
        for (field, said) in [("program", &self.program), ("config", &self.config)] {
            let known = known[field].as_str().filter(|_| known["kind"] == "ssh");
            if let Some(path) = said.as_deref().or(known) {
                transport[field] = path.into();
            }
        }
        transport
    }
}
