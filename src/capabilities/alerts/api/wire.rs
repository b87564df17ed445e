//! How severities, states and encryptions look in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model;

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertSeverity)]
pub enum SeverityName {
    /// Good to know.
    Info,
    /// Something will break if nothing is done.
    Warning,
    /// Something does not work.
    Error,
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has seen it.
    Open,
    /// Somebody has, and its cause lasts.
    Acknowledged,
    /// Its cause is gone, or it told of a moment that somebody has seen.
    Resolved,
}

/// Whether and how the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MailEncryption)]
pub enum EncryptionName {
    /// It begins in the clear; nothing is told before it is encrypted.
    #[serde(rename = "starttls")]
    StartTls,
    /// From the first byte.
    #[serde(rename = "tls")]
    Tls,
    /// Not at all; then nobody signs in.
    #[serde(rename = "none")]
    Off,
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

both_ways!(SeverityName, model::Severity { Info, Warning, Error });
both_ways!(AlertState, model::Stand { Open, Acknowledged, Resolved });
both_ways!(EncryptionName, model::Encryption { StartTls, Tls, Off });
