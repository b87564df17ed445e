//! How types of services and the meaning of znodes look in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model;
use crate::api::Problem;
use crate::base::{Code, Refusal};

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceType)]
pub enum ServiceName {
    /// The BI Server.
    BiServer,
    /// The Query Engine.
    QueryEngine,
    /// The Kyvos Web Portal.
    WebPortal,
    /// The bundled Postgres.
    Postgres,
    /// A ZooKeeper server.
    Zookeeper,
    /// A Kyvos Manager.
    KyvosManager,
}

/// What it means that a znode is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ZnodeMarks)]
pub enum MarksName {
    /// The service is there.
    Presence,
    /// The service is the one that coordinates the others.
    Master,
}

/// What the znodes of one pattern are.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZnodeRule {
    /// Their paths: literal parts, and `{host}`, `{port}` and `{any}` within parts.
    pub pattern: String,
    /// The service they stand for.
    pub service: ServiceName,
    /// What it means that one is there.
    pub marks: MarksName,
    /// What their payload holds.
    pub payload: ZnodePayload,
}

/// What a payload holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
pub enum ZnodePayload {
    /// Nothing that is needed; it is not read.
    Ignored {},
    /// A host, or `host:port`.
    Address {},
    /// A JSON object that says the host and perhaps the port.
    Json {
        /// Where the host is, as a JSON pointer; null: in the path.
        #[serde(default)]
        host: Option<String>,
        /// Where the port is, as a JSON pointer; null: in the path, or nowhere.
        #[serde(default)]
        port: Option<String>,
    },
}

/// What is wanted of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceWant)]
pub enum WantName {
    /// It is to run.
    Running,
    /// It is to be stopped.
    Stopped,
}

/// Why something is wanted of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceWhy)]
pub(super) enum WhyName {
    /// Nobody said anything: its host has the role.
    Declared,
    /// Somebody wants it so.
    Operator,
    /// The cluster sleeps or wakes by its schedule.
    Schedule,
    /// Something is being repaired or changed.
    Maintenance,
    /// It was started in the place of another whose host is gone.
    ServicesHa,
}

/// What several observers make of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServiceVerdictName)]
pub enum VerdictName {
    /// Somebody sees it, and nobody says otherwise.
    Up,
    /// Observers that do not depend on each other agree that it is not there.
    Down,
    /// The observers contradict each other.
    Degraded,
    /// Nobody can say, or one alone says that it is not there.
    Unknown,
}

/// What an observer says of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ObserverSays)]
pub enum SaysName {
    /// It is there.
    There,
    /// It is not there.
    NotThere,
    /// Nothing: it cannot look, what it saw is old, or what it sees is between the two.
    Nothing,
}

/// Why something or nothing is done about a service by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ServicesHaReason)]
pub enum ReasonName {
    /// It is up.
    Up,
    /// It is wanted stopped.
    Planned,
    /// Nobody has judged it yet.
    NotLooked,
    /// The Active has not looked at every service yet.
    Stale,
    /// The observers contradict each other.
    Degraded,
    /// Nobody can say, or one alone says that it is not there.
    Unknown,
    /// It was never seen to be up: it is to be started by a person first.
    NeverUp,
    /// A person's operation is about it.
    Operation,
    /// It is being recovered.
    Recovering,
    /// Nothing at all is done by itself.
    AutomationOff,
    /// Services HA is switched off.
    HaOff,
    /// It is switched off for the type.
    TypeOff,
    /// A maintenance window is open.
    Window,
    /// Somebody called the last recovery off.
    CalledOff,
    /// It was restarted too often within a while: a person has to look.
    Held,
    /// It went down only now.
    Settling,
    /// It was restarted only now.
    Pausing,
    /// Its host answers and says nothing about it.
    HostCannotSay,
    /// Its host has been silent for a short time.
    HostSilent,
    /// Its host is gone, and there is no standby that could be started.
    HostGone,
    /// A standby was started in its place.
    StoodIn,
    /// So many are being recovered that it waits for its turn.
    Turn,
    /// It is started now.
    Due,
}

/// How is looked whether a service serves.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceProbe {
    /// Not at all.
    None {},
    /// By a connection.
    Tcp {
        /// To which port; null: to the one that is known of it, from its znode or the settings.
        #[serde(default)]
        port: Option<u16>,
    },
    /// By a GET in the clear: any status below 500 is an answer.
    Http {
        /// At which port; null: at the one that is known of it.
        #[serde(default)]
        port: Option<u16>,
        /// Of which path.
        path: String,
    },
}

macro_rules! both_ways {
    ($wire:ident, $model:ty { $($name:ident),* }) => {
        impl From<$model> for $wire {
            fn from(model: $model) -> Self {
                match model { $(<$model>::$name => Self::$name,)* }
            }
        }

        impl From<$wire> for $model {
            fn from(wire: $wire) -> Self {
                match wire { $($wire::$name => Self::$name,)* }
            }
        }
    };
}

both_ways!(
    ServiceName,
    model::ServiceType { BiServer, QueryEngine, WebPortal, Postgres, Zookeeper, KyvosManager }
);
both_ways!(MarksName, model::Marks { Presence, Master });
both_ways!(WantName, model::Want { Running, Stopped });
both_ways!(VerdictName, model::Verdict { Up, Down, Degraded, Unknown });
both_ways!(
    ReasonName,
    model::Reason {
        Up,
        Planned,
        NotLooked,
        Stale,
        Degraded,
        Unknown,
        NeverUp,
        Operation,
        Recovering,
        AutomationOff,
        HaOff,
        TypeOff,
        Window,
        CalledOff,
        Held,
        Settling,
        Pausing,
        HostCannotSay,
        HostSilent,
        HostGone,
        StoodIn,
        Turn,
        Due
    }
);
both_ways!(SaysName, model::Says { There, NotThere, Nothing });

impl From<model::Why> for WhyName {
    fn from(why: model::Why) -> Self {
        match why {
            model::Why::Operator => Self::Operator,
            model::Why::Schedule => Self::Schedule,
            model::Why::Maintenance => Self::Maintenance,
            model::Why::ServicesHa => Self::ServicesHa,
        }
    }
}

impl WhyName {
    /// The reason somebody gives. That nobody said anything is none.
    pub(super) fn given(self) -> Result<model::Why, Problem> {
        match self {
            Self::Operator => Ok(model::Why::Operator),
            Self::Schedule => Ok(model::Why::Schedule),
            Self::Maintenance => Ok(model::Why::Maintenance),
            Self::Declared | Self::ServicesHa => {
                let detail = "A reason is operator, schedule or maintenance.";
                Err(Refusal::new(Code::InvalidValue, detail).into())
            }
        }
    }
}

impl From<&model::Probe> for ServiceProbe {
    fn from(probe: &model::Probe) -> Self {
        match probe {
            model::Probe::None => Self::None {},
            model::Probe::Tcp { port } => Self::Tcp { port: *port },
            model::Probe::Http { port, path } => Self::Http { port: *port, path: path.clone() },
        }
    }
}

impl From<&ServiceProbe> for model::Probe {
    fn from(probe: &ServiceProbe) -> Self {
        match probe {
            ServiceProbe::None {} => Self::None,
            ServiceProbe::Tcp { port } => Self::Tcp { port: *port },
            ServiceProbe::Http { port, path } => Self::Http { port: *port, path: path.clone() },
        }
    }
}

impl From<&model::Rule> for ZnodeRule {
    fn from(rule: &model::Rule) -> Self {
        Self {
            pattern: rule.pattern.clone(),
            service: rule.service.into(),
            marks: rule.marks.into(),
            payload: match &rule.payload {
                model::Payload::Ignored => ZnodePayload::Ignored {},
                model::Payload::Address => ZnodePayload::Address {},
                model::Payload::Json { host, port } => {
                    ZnodePayload::Json { host: host.clone(), port: port.clone() }
                }
            },
        }
    }
}

impl From<&ZnodeRule> for model::Rule {
    fn from(rule: &ZnodeRule) -> Self {
        Self {
            pattern: rule.pattern.clone(),
            service: rule.service.into(),
            marks: rule.marks.into(),
            payload: match &rule.payload {
                ZnodePayload::Ignored {} => model::Payload::Ignored,
                ZnodePayload::Address {} => model::Payload::Address,
                ZnodePayload::Json { host, port } => {
                    model::Payload::Json { host: host.clone(), port: port.clone() }
                }
            },
        }
    }
}
