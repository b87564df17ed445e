//! Facts of the machines we look after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::command::{Command, Event};
use crate::base::{Code, Digest, HostId, Refusal, Revision, Secret, Timestamp};

/// Longest host name, in bytes: the bound of the domain name system.
pub const NAME_MAX_BYTES: usize = 253;
/// Longest `host:port`, in bytes.
pub const ADDRESS_MAX_BYTES: usize = NAME_MAX_BYTES + 7;
/// Longest user name on a host, in bytes.
pub const USER_MAX_BYTES: usize = 32;
/// Longest path of a program or file on a host, in bytes.
pub const PATH_MAX_BYTES: usize = 512;
/// Longest version of a build, in bytes.
pub const VERSION_MAX_BYTES: usize = 64;
/// Longest public key, in bytes of OpenSSH's one-line form; RSA with 16,384 bits fits.
pub const PUBLIC_KEY_MAX_BYTES: usize = 4 << 10;
/// Longest sealed private key, in bytes.
pub const SEALED_KEY_MAX_BYTES: usize = 32 << 10;
/// Longest reason why a host does not answer, in bytes; longer ones are cut.
pub const BECAUSE_MAX_BYTES: usize = 512;
/// Most hosts in a group.
pub const HOSTS_MAX: usize = 1_500;
/// Longest life of an enrolment token: a week.
pub const ENROLMENT_TTL_MAX_MS: u64 = 7 * 24 * 3600 * 1000;

/// Where `km` lies on a host reached over SSH when nobody says.
pub const PROGRAM_DEFAULT: &str = "/usr/bin/km";
/// Where the agent's configuration lies there when nobody says.
pub const CONFIG_DEFAULT: &str = "/etc/km/agent.toml";

/// What the group knows of its hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Every host, by number.
    pub hosts: BTreeMap<HostId, Host>,
    /// Open enrolments; a host has at most one.
    pub enrolments: BTreeMap<HostId, Enrolment>,
    /// The key by which Managers sign in on hosts reached over SSH.
    pub ssh_key: Option<SshKey>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name; nobody else has it.
    pub name: String,
    /// What it is for.
    pub roles: BTreeSet<HostRole>,
    /// How it is reached.
    pub transport: Transport,
    /// When its agent was enrolled; `None` before.
    pub enrolled_at: Option<Timestamp>,
    /// The SSH host key somebody chose to trust, in OpenSSH's one-line form without a comment.
    pub trusted_key: Option<String>,
    /// What the Active last saw of it; `None` before the first look this way.
    pub seen: Option<Seen>,
    /// The newest wish that the Active look at it.
    pub look_asked: Revision,
    /// The newest wish that was fulfilled.
    pub looked: Revision,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Revision of the last change people made; the ETag.
    pub revision: Revision,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HostRole {
    /// Runs the Kyvos Web Portal; only there may a Manager be (row 11).
    WebPortal,
    /// Runs a BI Server.
    BiServer,
    /// Runs a Query Engine.
    QueryEngine,
    /// Runs the bundled Postgres.
    Postgres,
    /// Runs a ZooKeeper server.
    Zookeeper,
}

/// How a host is reached. What differs is the way in; what can be done there is the same (row 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// By its agent, which listens here. Empty until it has told its address at its enrolment.
    Agent {
        /// `host:port`.
        address: String,
    },
    /// By its SSH server, which starts our program for each act.
    Ssh(Ssh),
}

/// The way in over SSH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssh {
    /// `host:port` of the SSH server.
    pub address: String,
    /// Who to sign in as.
    pub user: String,
    /// Path of `km` on the host.
    pub program: String,
    /// Path of the agent's configuration on the host.
    pub config: String,
}

/// What the Active saw when it last looked differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether it answers, and with what.
    pub reach: Reach,
    /// Since when.
    pub since: Timestamp,
}

/// Whether a host answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// It does.
    Answers {
        /// Version of our program there.
        version: String,
    },
    /// It does not.
    Silent {
        /// Why, as far as can be told from here.
        because: String,
    },
}

/// Which host an enrolment token is for; `None`: it is none.
pub fn host_of_token(token: &Secret) -> Option<HostId> {
    token.reveal().rsplit_once('_').and_then(|(_, host)| host.parse().ok())
}

/// The right to enrol a host's agent, given once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Digest of the token; the token itself is shown once and kept nowhere.
    pub digest: Digest,
    /// Until when.
    pub expires_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// The group's SSH key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// What belongs into `authorized_keys`, in OpenSSH's one-line form.
    pub public: String,
    /// The private key, sealed under the group key, which is never in the log.
    pub sealed: Vec<u8>,
}

impl HostRole {
    /// Every role, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::WebPortal, Self::BiServer, Self::QueryEngine, Self::Postgres, Self::Zookeeper];

    /// The role as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebPortal => "web_portal",
            Self::BiServer => "bi_server",
            Self::QueryEngine => "query_engine",
            Self::Postgres => "postgres",
            Self::Zookeeper => "zookeeper",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl Transport {
    /// Where it listens.
    pub fn address(&self) -> &str {
        match self {
            Self::Agent { address } | Self::Ssh(Ssh { address, .. }) => address,
        }
    }

    /// Where that is, without the port; `None` as long as it is not known.
    pub fn place(&self) -> Option<&str> {
        self.address().rsplit_once(':').map(|(place, _)| place)
    }

    /// The transport as it is written everywhere.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Ssh(_) => "ssh",
        }
    }
}

impl Facts {
    /// A host by number.
    pub fn host(&self, id: HostId) -> Result<&Host, Refusal> {
        self.hosts.get(&id).ok_or_else(|| no_such(&id.to_string()))
    }

    /// A host by name.
    pub fn named(&self, name: &str) -> Result<(HostId, &Host), Refusal> {
        let found = self.hosts.iter().find(|(_, host)| host.name == name);
        found.map(|(id, host)| (*id, host)).ok_or_else(|| no_such(name))
    }

    /// Every host that has a role, in the order of registration.
    pub fn with_role(&self, role: HostRole) -> impl Iterator<Item = (HostId, &Host)> {
        let has = move |(_, host): &(&HostId, &Host)| host.roles.contains(&role);
        self.hosts.iter().filter(has).map(|(id, host)| (*id, host))
    }

    /// Whether an enrolment token holds for that host at that time.
    pub fn enrolment(&self, host: HostId, digest: Digest, at: Timestamp) -> Result<(), Refusal> {
        let open = self.enrolments.get(&host);
        if open.is_some_and(|open| open.digest == digest && open.expires_at > at) {
            return Ok(());
        }
        let detail = "This enrolment token is unknown, used, expired or for another host. Make a new one with km hosts enrol.";
        Err(Refusal::new(Code::EnrolTokenInvalid, detail))
    }
}

fn no_such(host: &str) -> Refusal {
    Refusal::new(Code::NoSuchHost, format!("There is no host {host}."))
}

impl fmt::Debug for SshKey {
    /// Without the sealed key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshKey({})", self.public)
    }
}
