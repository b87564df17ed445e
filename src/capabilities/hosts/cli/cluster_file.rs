//! The file of `km hosts apply` and `km hosts export`: what can stand in it, and that each value can be meant.
//!
//! What it does not mention stays as it is. It does not know which hosts and services there are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RoleName;
use crate::base::text::cut;
use crate::base::{Code, Refusal};
use crate::capabilities::hosts::model::{
    CONFIG_DEFAULT, HOSTS_MAX, PROGRAM_DEFAULT, Ssh, Transport,
};
use crate::capabilities::hosts::rules::well_formed;
use crate::capabilities::services::cli::ha::NUMBERS;
use crate::capabilities::services::model::{Control, Probe, ServiceType, Settings};
use crate::cli::outcome::Failure;

/// Longest file, in bytes: as many hosts as there can be fit, with five services each.
const FILE_MAX_BYTES: u64 = 1 << 20;
/// Longest complaint about a file, in bytes: it quotes the line, which may be as long as the file.
const COMPLAINT_MAX_BYTES: usize = 1_000;
/// What to do about a file that cannot be meant.
pub(super) const REMEDY: &str = "Nothing was changed. Put it right in the file and apply it again; docs/running/hosts.md shows what can stand in it.";

/// What a file says.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterFile {
    /// The hosts, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub host: BTreeMap<String, WantedHost>,
    /// How types of services are controlled, and what is wanted of all of a type.
    #[serde(default, rename = "type", skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<RoleName, WantedType>,
    /// What is wanted of single services, by type and host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service: BTreeMap<RoleName, BTreeMap<String, WantedService>>,
    /// What is started again by itself.
    pub services_ha: Option<WantedHa>,
}

/// One host.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedHost {
    /// What it is for; a new one is for nothing when they are left out.
    pub roles: Option<Vec<RoleName>>,
    /// Reached by its agent, as a new one is when nothing is said.
    pub agent: Option<WantedAgent>,
    /// Reached over SSH.
    pub ssh: Option<WantedSsh>,
}

/// The way to a host by its agent.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedAgent {
    /// Where it listens; the agent tells it itself when it is enrolled.
    pub address: Option<String>,
}

/// The way to a host over SSH.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedSsh {
    pub address: String,
    pub user: String,
    pub program: Option<String>,
    pub config: Option<String>,
}

/// How a type of services is controlled, and what is wanted of those that are not spoken of by name.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedType {
    pub unit: Option<String>,
    pub wanted: Option<Want>,
    pub why: Option<Why>,
    pub probe: Option<WantedProbe>,
}

/// How is looked whether a service serves; said as a whole.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum WantedProbe {
    None {},
    Tcp { port: Option<u16> },
    Http { port: Option<u16>, path: String },
}

/// What is wanted of one service.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedService {
    pub wanted: Want,
    pub why: Option<Why>,
}

/// What can be wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Want {
    Running,
    Stopped,
}

/// Why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    #[default]
    Operator,
    Schedule,
    Maintenance,
}

/// Services HA, in the words of the API. The types are switches, the standbys all there are to be.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedHa {
    pub automation: Option<bool>,
    pub enabled: Option<bool>,
    pub settle_seconds: Option<u64>,
    pub restarts_max: Option<u32>,
    pub within_seconds: Option<u64>,
    pub pause_seconds: Option<u64>,
    pub host_gone_seconds: Option<u64>,
    pub standbys: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<RoleName, bool>,
}

/// Reads and checks a file. It may be a pipe or a device, so it is read no further than its bound.
pub(super) fn read(file: &Path) -> Result<ClusterFile, Failure> {
    let told = || Failure::local(file.display());
    let mut text = Vec::new();
    let opened = File::open(file).map_err(told())?;
    opened.take(FILE_MAX_BYTES + 1).read_to_end(&mut text).map_err(told())?;
    if text.len() as u64 > FILE_MAX_BYTES {
        let detail = format!("{}: a file has at most {FILE_MAX_BYTES} bytes.", file.display());
        return Err(bad("TOO_LARGE", detail));
    }
    let malformed = |why: &dyn ToString| {
        let why = cut(&why.to_string(), COMPLAINT_MAX_BYTES);
        // It quotes the file, and nothing in that may steer the terminal.
        let why = why.trim_end().replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
        bad("MALFORMED_FILE", format!("{}: {why}", file.display()))
    };
    let text = String::from_utf8(text).map_err(|error| malformed(&error))?;
    let said = parse(&text).map_err(|error| malformed(&error))?;
    said.check()
        .map_err(|no| bad(no.code.as_str(), format!("{}: {}", file.display(), no.detail)))?;
    Ok(said)
}

pub(super) fn parse(text: &str) -> Result<ClusterFile, toml::de::Error> {
    toml::from_str(text)
}

fn bad(code: &'static str, detail: String) -> Failure {
    Failure::BadFile { code, detail, hint: REMEDY }
}

impl ClusterFile {
    /// Refuses what no group could take, with the rules of the group itself: what is refused here would be refused there
    /// after half of the file was made.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.host.len() > HOSTS_MAX {
            let detail = format!("At most {HOSTS_MAX} hosts can be looked after.");
            return Err(Refusal::new(Code::TooMany, detail));
        }
        for (name, host) in &self.host {
            host.check(name).map_err(in_table(&format!("host.{}", name.escape_debug())))?;
        }
        for (kind, said) in &self.types {
            said.check(*kind).map_err(in_table(&format!("type.{}", kind.as_str())))?;
        }
        let ha = self.services_ha.as_ref();
        ha.map_or(Ok(()), WantedHa::check).map_err(in_table("services_ha"))
    }

    /// Whether something is said about what is wanted of services.
    pub(super) fn speaks_of_services(&self) -> bool {
        !self.service.is_empty() || self.types.values().any(|kind| kind.wanted.is_some())
    }
}

fn in_table(table: &str) -> impl Fn(Refusal) -> Refusal + use<> {
    let table = table.to_owned();
    move |no| Refusal::new(no.code, format!("[{table}] {}", no.detail))
}

impl WantedHost {
    fn check(&self, name: &str) -> Result<(), Refusal> {
        let transport = match (&self.agent, &self.ssh) {
            (Some(_), Some(_)) => {
                let detail = "A host is reached by its agent or over SSH: say agent or ssh.";
                return Err(Refusal::new(Code::HostInvalid, detail));
            }
            (_, Some(ssh)) => Transport::Ssh(ssh.as_model()),
            (Some(WantedAgent { address: Some(address) }), None) => {
                Transport::Agent { address: address.clone() }
            }
            (Some(WantedAgent { address: None }) | None, None) => {
                Transport::Agent { address: String::new() }
            }
        };
        well_formed(name, &transport)
    }
}

impl WantedSsh {
    fn as_model(&self) -> Ssh {
        let or = |given: &Option<String>, usual: &str| given.as_deref().unwrap_or(usual).to_owned();
        Ssh {
            address: self.address.clone(),
            user: self.user.clone(),
            program: or(&self.program, PROGRAM_DEFAULT),
            config: or(&self.config, CONFIG_DEFAULT),
        }
    }
}

impl WantedType {
    /// What is not said cannot be wrong, so the default may stand for it.
    fn check(&self, kind: RoleName) -> Result<(), Refusal> {
        if self.wanted.is_none() && self.why.is_some() {
            let detail = "Say what is wanted, and not only why.";
            return Err(Refusal::new(Code::InvalidValue, detail));
        }
        let mut control = Control::of_type(kind.service());
        if let Some(unit) = &self.unit {
            control.unit.clone_from(unit);
        }
        if let Some(probe) = &self.probe {
            control.probe = probe.into();
        }
        control.check()
    }
}

impl From<&WantedProbe> for Probe {
    fn from(probe: &WantedProbe) -> Self {
        match probe {
            WantedProbe::None {} => Self::None,
            WantedProbe::Tcp { port } => Self::Tcp { port: *port },
            WantedProbe::Http { port, path } => Self::Http { port: *port, path: path.clone() },
        }
    }
}

impl WantedHa {
    fn check(&self) -> Result<(), Refusal> {
        let usual = Settings::default();
        let ms = |given: Option<u64>, usual: u64| {
            given.map_or(usual, |seconds| seconds.saturating_mul(1_000))
        };
        let settings = Settings {
            settle_ms: ms(self.settle_seconds, usual.settle_ms),
            restarts_max: self.restarts_max.unwrap_or(usual.restarts_max),
            within_ms: ms(self.within_seconds, usual.within_ms),
            pause_ms: ms(self.pause_seconds, usual.pause_ms),
            host_gone_ms: ms(self.host_gone_seconds, usual.host_gone_ms),
            ..usual
        };
        settings.check_numbers()?;
        self.standbys.iter().flatten().try_for_each(|name| {
            let (kind, _) = service_named(name)?;
            kind.service().may_stand_by(&name.escape_debug().to_string())
        })
    }

    /// The numbers it says, as they are called everywhere.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        let said = [
            self.settle_seconds,
            self.restarts_max.map(u64::from),
            self.within_seconds,
            self.pause_seconds,
            self.host_gone_seconds,
        ];
        NUMBERS.into_iter().zip(said)
    }
}

/// The type and the host of a service that is written `type.host`.
pub(super) fn service_named(name: &str) -> Result<(RoleName, &str), Refusal> {
    let parts = name.split_once('.').and_then(|(kind, host)| Some((RoleName::named(kind)?, host)));
    parts.ok_or_else(|| {
        let detail = format!(
            "There is no service {name:?}: it is written TYPE.HOST, such as bi_server.km5."
        );
        Refusal::new(Code::NoSuchService, detail)
    })
}

impl RoleName {
    /// The role, and the service that a host with it runs, as it is written everywhere.
    pub(super) fn as_str(self) -> &'static str {
        self.service().as_str()
    }

    /// The role of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let value = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
        Self::deserialize(value).ok()
    }

    fn service(self) -> ServiceType {
        match self {
            Self::WebPortal => ServiceType::WebPortal,
            Self::BiServer => ServiceType::BiServer,
            Self::QueryEngine => ServiceType::QueryEngine,
            Self::Postgres => ServiceType::Postgres,
            Self::Zookeeper => ServiceType::Zookeeper,
        }
    }
}

impl Want {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl Why {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Schedule => "schedule",
            Self::Maintenance => "maintenance",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Code {
        parse(text).unwrap().check().unwrap_err().code
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for bad in [
            "[host.a]\nrole = []",
            "[hosts.a]",
            "[host.a]\nssh = { user = \"k\" }",
            "x",
            "[host.a]\nroles = [\"kyvos_manager\"]",
            "[type.kyvos_manager]",
            "[type.bi_server]\nprobe = { kind = \"udp\" }",
            "[type.bi_server]\nprobe = { kind = \"tcp\", port = 65536 }",
            "[service.bi_server.a]",
            "[service.bi_server.a]\nwanted = \"away\"",
            "[service.bi_server.a]\nwanted = \"stopped\"\nwhy = \"declared\"",
            "[services_ha]\ntypes = { all = true }",
            "[services_ha]\nsettle_seconds = -1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_value_has_the_bounds_that_the_group_sets_it() {
        let long = "u".repeat(65);
        for (bad, code) in [
            ("[host.\"a b\"]", Code::HostInvalid),
            ("[host.a]\nagent = {}\nssh = { address = \"a:22\", user = \"k\" }", Code::HostInvalid),
            ("[host.a]\nssh = { address = \"a\", user = \"k\" }", Code::HostInvalid),
            ("[host.a]\nagent = { address = \"a:0\" }", Code::HostInvalid),
            ("[type.bi_server]\nwhy = \"operator\"", Code::InvalidValue),
            ("[type.bi_server]\nunit = \"-rf\"", Code::InvalidValue),
            (&format!("[type.bi_server]\nunit = \"{long}\""), Code::TooLong),
            ("[type.bi_server]\nprobe = { kind = \"tcp\", port = 0 }", Code::InvalidValue),
            ("[type.bi_server]\nprobe = { kind = \"http\", path = \"up\" }", Code::InvalidValue),
            ("[services_ha]\nrestarts_max = 0", Code::InvalidValue),
            ("[services_ha]\nhost_gone_seconds = 9", Code::InvalidValue),
            ("[services_ha]\nsettle_seconds = 9223372036854775807", Code::InvalidValue),
            ("[services_ha]\nstandbys = [\"postgres.a\"]", Code::InvalidValue),
            ("[services_ha]\nstandbys = [\"a\"]", Code::NoSuchService),
        ] {
            assert_eq!(refused(bad), code, "{bad}");
        }
        let many: String = (0..=HOSTS_MAX).map(|number| format!("[host.h{number}]\n")).collect();
        assert_eq!(refused(&many), Code::TooMany);
    }

    #[test]
    fn a_file_without_end_is_read_to_its_bound_and_every_complaint_has_a_code_and_a_remedy() {
        let told = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(
            told.contains("[TOO_LARGE]") && told.contains("hint: Nothing was changed."),
            "{told}"
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cluster.toml");
        for (bad, code) in [
            (&b"[host.a]\nrole = []"[..], "[MALFORMED_FILE]"),
            (b"# \xff", "[MALFORMED_FILE]"),
            (b"[type.bi_server]\nunit = \"a b\"", "[INVALID_VALUE]"),
        ] {
            std::fs::write(&file, bad).unwrap();
            let told = read(&file).unwrap_err().to_string();
            assert!(told.contains(code) && told.contains("hint: Nothing was changed."), "{told}");
        }
    }
}
