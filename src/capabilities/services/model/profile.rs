//! What a znode means: patterns of paths, each with the service it stands for, and where it says on which host.
//!
//! Nothing public says which znodes Kyvos uses. So the map is data, the default is a guess that says so, and
//! `km services discover` helps to write a better one.

mod pattern;

use serde::{Deserialize, Serialize};

use self::pattern::{Bound, Pattern};
use super::{HOST_TEXT_MAX_BYTES, ServiceType};
use crate::base::text::{cut, one_line};
use crate::base::{Code, Refusal};

pub use self::pattern::{PATH_MAX_BYTES, is_path};

/// Most rules of a profile.
pub const RULES_MAX: usize = 32;
/// Longest pointer into a JSON payload, in bytes.
const POINTER_MAX_BYTES: usize = 128;
/// Longest payload that is read, in bytes: an address or a small record. What is longer is something else.
pub const PAYLOAD_MAX_BYTES: usize = 16 << 10;

/// What znodes mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Whether somebody has checked it against a real cluster.
    pub verified: bool,
    /// Its rules; the first that fits a path says what the znode there is.
    pub rules: Vec<Rule>,
}

/// What the znodes of one pattern are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Their paths: literal parts, and `{host}`, `{port}` and `{any}` within parts.
    pub pattern: String,
    /// The service they stand for.
    pub service: ServiceType,
    /// What it means that one is there.
    pub marks: Marks,
    /// What their payload holds.
    pub payload: Payload,
}

/// What it means that a znode is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Marks {
    /// The service is there.
    Presence,
    /// The service is the one that coordinates the others.
    Master,
}

/// What a payload holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing we need; it is not read.
    Ignored,
    /// A host, or `host:port`.
    Address,
    /// A JSON object that says the host and perhaps the port.
    Json {
        /// Where the host is, as a JSON pointer; `None`: in the path.
        host: Option<String>,
        /// Where the port is; `None`: in the path, or nowhere.
        port: Option<String>,
    },
}

/// What one znode says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighted {
    /// Which service.
    pub service: ServiceType,
    /// What it means that the znode is there.
    pub marks: Marks,
    /// On which host, as the znode calls it; empty when it does not say.
    pub host: String,
    /// At which port.
    pub port: Option<u16>,
    /// Whether the znode goes with the session that made it.
    pub ephemeral: bool,
    /// What is wrong with the znode.
    pub trouble: Option<String>,
}

impl Marks {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Master => "master",
        }
    }
}

impl Profile {
    /// The profile for who has none. It is a guess: no public document names the znodes of Kyvos.
    pub fn guessed() -> Self {
        let presence = |pattern: &str, service| Rule {
            pattern: pattern.into(),
            service,
            marks: Marks::Presence,
            payload: Payload::Ignored,
        };
        let master = Rule {
            pattern: "/kyvos/coordination_master".into(),
            service: ServiceType::BiServer,
            marks: Marks::Master,
            payload: Payload::Address,
        };
        let rules = vec![
            presence("/kyvos/bi_servers/{host}:{port}", ServiceType::BiServer),
            presence("/kyvos/query_engines/{host}:{port}", ServiceType::QueryEngine),
            presence("/kyvos/web_portals/{host}:{port}", ServiceType::WebPortal),
            master,
        ];
        Self { verified: false, rules }
    }

    /// Refuses a profile that could not be meant.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            let detail =
                format!("A profile has 1 to {RULES_MAX} rules; this one has {}.", self.rules.len());
            return Err(Refusal::new(Code::TooMany, detail));
        }
        self.rules.iter().try_for_each(Rule::check)
    }

    /// The rule that says what the znode at this path is.
    pub fn rule(&self, path: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.bind(path).is_some())
    }

    /// Whether a znode that means something may lie beneath this path.
    pub fn leads_on(&self, path: &str) -> bool {
        self.rules.iter().filter_map(Rule::parsed).any(|pattern| pattern.leads_on(path))
    }

    /// The paths beneath which everything that means something lies, none of them beneath another.
    pub fn bases(&self) -> Vec<String> {
        let mut bases: Vec<String> =
            self.rules.iter().filter_map(Rule::parsed).map(|pattern| pattern.base()).collect();
        bases.sort();
        let mut apart: Vec<String> = Vec::new();
        for base in bases {
            let beneath = |known: &String| base == *known || base.starts_with(&format!("{known}/"));
            if !apart.iter().any(beneath) {
                apart.push(base);
            }
        }
        apart
    }

    /// What a znode says. `None`: nothing to us. A payload that does not say what it should is told, never fatal.
    pub fn read(&self, path: &str, ephemeral: bool, payload: &[u8]) -> Option<Sighted> {
        let (rule, bound) = self.rules.iter().find_map(|rule| Some((rule, rule.bind(path)?)))?;
        let told = rule.place(bound, payload);
        let (service, marks) = (rule.service, rule.marks);
        Some(match told {
            Ok((host, port)) => Sighted { service, marks, host, port, ephemeral, trouble: None },
            Err(trouble) => {
                let trouble = Some(cut(&trouble, super::BECAUSE_MAX_BYTES));
                Sighted { service, marks, host: String::new(), port: None, ephemeral, trouble }
            }
        })
    }
}

impl Rule {
    /// Refuses a rule that could not be meant.
    pub fn check(&self) -> Result<(), Refusal> {
        one_line("A pattern", &self.pattern, PATH_MAX_BYTES)?;
        let wrong = |why: &str| {
            Refusal::new(Code::InvalidValue, format!("The pattern {} {why}.", self.pattern))
        };
        let pattern = Pattern::parse(&self.pattern).map_err(wrong)?;
        if let Payload::Json { host, port } = &self.payload {
            for pointer in [host, port].into_iter().flatten() {
                one_line("A JSON pointer", pointer, POINTER_MAX_BYTES)?;
                if !pointer.starts_with('/') {
                    return Err(wrong("has a JSON pointer that does not begin with /"));
                }
            }
        }
        match (pattern.says_host(), self.payload_says_host()) {
            (false, false) => Err(wrong("says nowhere on which host the service is")),
            (true, true) => Err(wrong("says twice on which host the service is")),
            (true, false) | (false, true) => Ok(()),
        }
    }

    fn payload_says_host(&self) -> bool {
        match &self.payload {
            Payload::Ignored => false,
            Payload::Address => true,
            Payload::Json { host, .. } => host.is_some(),
        }
    }

    /// `None` only for a rule that nobody checked.
    fn parsed(&self) -> Option<Pattern<'_>> {
        Pattern::parse(&self.pattern).ok()
    }

    fn bind(&self, path: &str) -> Option<Bound> {
        self.parsed()?.bind(path)
    }

    /// Where the service is, or what is wrong with the znode.
    fn place(&self, bound: Bound, payload: &[u8]) -> Result<(String, Option<u16>), String> {
        if self.payload == Payload::Ignored {
            return Ok((bound.host.unwrap_or_default(), bound.port));
        }
        if payload.len() > PAYLOAD_MAX_BYTES {
            return Err(format!("its payload has {} bytes, more than is read", payload.len()));
        }
        let text = std::str::from_utf8(payload).map_err(|_| "its payload is no text")?;
        match &self.payload {
            Payload::Ignored => Ok((bound.host.unwrap_or_default(), bound.port)),
            Payload::Address => {
                let (host, port) = address(text.trim()).ok_or("its payload is no address")?;
                Ok((host, port.or(bound.port)))
            }
            Payload::Json { host, port } => in_json(text, host.as_deref(), port.as_deref(), bound),
        }
    }
}

fn in_json(
    text: &str,
    host: Option<&str>,
    port: Option<&str>,
    bound: Bound,
) -> Result<(String, Option<u16>), String> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("its payload is no JSON: {error}"))?;
    let said = |pointer: &str| {
        json.pointer(pointer).ok_or_else(|| format!("its payload has nothing at {pointer}"))
    };
    let host = match host {
        None => bound.host.unwrap_or_default(),
        Some(pointer) => {
            let host = said(pointer)?.as_str().filter(|host| is_host(host));
            host.ok_or_else(|| format!("what its payload has at {pointer} is no host"))?.to_owned()
        }
    };
    let port = match port {
        None => bound.port,
        Some(pointer) => {
            let number = said(pointer)?;
            let port = number.as_u64().or_else(|| number.as_str()?.parse().ok());
            let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            Some(port.ok_or_else(|| format!("what its payload has at {pointer} is no port"))?)
        }
    };
    Ok((host, port))
}

/// Whether a text is a host, or a host and a port.
pub fn is_address(text: &str) -> bool {
    address(text).is_some()
}

/// `host`, or `host:port`.
fn address(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(pattern::port(port)?)),
        None => (text, None),
    };
    is_host(host).then(|| (host.to_owned(), port))
}

fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= HOST_TEXT_MAX_BYTES && text.bytes().all(fits)
}

#[cfg(test)]
mod tests;
