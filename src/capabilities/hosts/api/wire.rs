//! How hosts look in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model::{self, CONFIG_DEFAULT, PROGRAM_DEFAULT};
use crate::api::Time;
use crate::base::HostId;
use crate::machine::State;
use crate::remote::fingerprint;

/// A machine that is looked after.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Host {
    /// Its number.
    pub id: u64,
    /// Its name; the Manager on it goes by the same.
    pub name: String,
    /// What it is for.
    pub roles: Vec<HostRoleName>,
    /// How it is reached.
    pub transport: HostTransport,
    /// What was last seen of it.
    pub state: HostState,
    /// Why it is silent.
    pub because: Option<String>,
    /// Since when it is in this state; null before the first look.
    pub since: Option<Time>,
    /// Version of our program there, while it answers.
    pub version: Option<String>,
    /// The Manager or witness that lives on it.
    pub manager: Option<u64>,
    /// What people call the Manager's host; empty for none.
    pub alias: String,
    /// When it was registered.
    pub registered_at: Time,
    /// Revision of the last change people made.
    pub revision: u64,
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HostRole)]
pub(super) enum HostRoleName {
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

/// How a host is reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum HostTransport {
    /// By its agent.
    Agent {
        /// `host:port` where it listens; empty until it is enrolled.
        address: String,
        /// When it was enrolled; null before.
        enrolled_at: Option<Time>,
    },
    /// By its SSH server.
    Ssh {
        /// `host:port` of the SSH server.
        address: String,
        /// Who to sign in as.
        user: String,
        /// Path of `km` there.
        program: String,
        /// Path of the agent's configuration there.
        config: String,
        /// The host key that somebody trusted; null: nobody has yet.
        trusted_key: Option<String>,
        /// Its fingerprint, as `ssh-keygen -l` prints it.
        fingerprint: Option<String>,
    },
}

/// How a host is to be reached.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TransportInput {
    /// By its agent.
    Agent {
        /// `host:port` where it listens; the agent tells it when it is enrolled.
        address: Option<String>,
    },
    /// By its SSH server.
    Ssh {
        /// `host:port` of the SSH server.
        address: String,
        /// Who to sign in as.
        user: String,
        /// Path of `km` there; /usr/bin/km when absent.
        program: Option<String>,
        /// Path of the agent's configuration there; /etc/km/agent.toml when absent.
        config: Option<String>,
    },
}

/// What was last seen of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HostState {
    /// It answers.
    Answers,
    /// It does not, or not as it should.
    Silent,
    /// Nobody has looked yet, or it cannot be looked at before it is enrolled.
    Unknown,
}

/// A host as it is shown.
pub(super) fn host(state: &State, id: HostId, host: &model::Host) -> Host {
    let reach = host.seen.as_ref().map(|seen| &seen.reach);
    let (seen, because, version) = match reach {
        Some(model::Reach::Answers { version }) => (HostState::Answers, None, Some(version)),
        Some(model::Reach::Silent { because }) => (HostState::Silent, Some(because), None),
        None => (HostState::Unknown, None, None),
    };
    let mut members = state.managers.members.iter();
    let member = members.find(|(_, member)| member.profile.host == host.name);
    Host {
        id: id.0,
        name: host.name.clone(),
        roles: host.roles.iter().copied().map(Into::into).collect(),
        transport: transport(host),
        state: seen,
        because: because.cloned(),
        since: host.seen.as_ref().map(|seen| seen.since.into()),
        version: version.cloned(),
        manager: member.map(|(id, _)| id.0),
        alias: member.map(|(_, member)| member.alias.clone()).unwrap_or_default(),
        registered_at: host.registered_at.into(),
        revision: host.revision.0,
    }
}

fn transport(host: &model::Host) -> HostTransport {
    match &host.transport {
        model::Transport::Agent { address } => HostTransport::Agent {
            address: address.clone(),
            enrolled_at: host.enrolled_at.map(Time),
        },
        model::Transport::Ssh(way) => HostTransport::Ssh {
            address: way.address.clone(),
            user: way.user.clone(),
            program: way.program.clone(),
            config: way.config.clone(),
            fingerprint: host.trusted_key.as_deref().and_then(fingerprint),
            trusted_key: host.trusted_key.clone(),
        },
    }
}

impl From<TransportInput> for model::Transport {
    fn from(input: TransportInput) -> Self {
        match input {
            TransportInput::Agent { address } => {
                Self::Agent { address: address.unwrap_or_default() }
            }
            TransportInput::Ssh { address, user, program, config } => Self::Ssh(model::Ssh {
                address,
                user,
                program: program.unwrap_or_else(|| PROGRAM_DEFAULT.into()),
                config: config.unwrap_or_else(|| CONFIG_DEFAULT.into()),
            }),
        }
    }
}

impl From<HostRoleName> for model::HostRole {
    fn from(role: HostRoleName) -> Self {
        match role {
            HostRoleName::WebPortal => Self::WebPortal,
            HostRoleName::BiServer => Self::BiServer,
            HostRoleName::QueryEngine => Self::QueryEngine,
            HostRoleName::Postgres => Self::Postgres,
            HostRoleName::Zookeeper => Self::Zookeeper,
        }
    }
}

impl From<model::HostRole> for HostRoleName {
    fn from(role: model::HostRole) -> Self {
        match role {
            model::HostRole::WebPortal => Self::WebPortal,
            model::HostRole::BiServer => Self::BiServer,
            model::HostRole::QueryEngine => Self::QueryEngine,
            model::HostRole::Postgres => Self::Postgres,
            model::HostRole::Zookeeper => Self::Zookeeper,
        }
    }
}
