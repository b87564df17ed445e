//! How types of services and the meaning of znodes look in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model;

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
