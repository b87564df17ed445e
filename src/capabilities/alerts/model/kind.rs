//! The kinds of alerts, and how much one matters.

use serde::{Deserialize, Serialize};

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something will break if nothing is done.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The severity of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What kind of alert it is. In the log a kind is its position: append, never reorder.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, described in `docs/running/alerts.md`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind of that code.
            pub fn named(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == code)
            }
        }
    };
}

kinds! {
    /// Another Manager became Active, and nobody had asked for it.
    ActiveChanged = "ACTIVE_CHANGED",
    /// A Manager or witness does not answer the Active.
    ManagerUnreachable = "MANAGER_UNREACHABLE",
    /// A Manager answers and stays behind.
    ManagerLagging = "MANAGER_LAGGING",
    /// Fewer voters answer than should, and one more failure stops the group.
    NoFailureTolerance = "NO_FAILURE_TOLERANCE",
    /// A Manager put damaged files aside and rebuilt them.
    StoreRebuilt = "STORE_REBUILT",
    /// The facts of the Managers are not the same.
    FactsDiffer = "FACTS_DIFFER",
    /// A Manager's disk takes no more.
    DiskFull = "DISK_FULL",
    /// A Manager's clock is far from the others'.
    ClockSkew = "CLOCK_SKEW",
    /// A Manager's certificate ends within days, or has.
    CertificateExpires = "CERTIFICATE_EXPIRES",
    /// ZooKeeper is to be watched and does not answer.
    ZookeeperAway = "ZOOKEEPER_AWAY",
    /// A precheck fails.
    PrecheckFailed = "PRECHECK_FAILED",
    /// A host does not answer.
    HostSilent = "HOST_SILENT",
    /// So many hosts do not answer that they are told of together.
    HostsSilent = "HOSTS_SILENT",
    /// What alerts are told through does not take them.
    ChannelFailing = "CHANNEL_FAILING",
    /// A Kyvos service that should be up is down.
    ServiceDown = "SERVICE_DOWN",
    /// The observers of a Kyvos service contradict each other for long: it hangs, or not everybody reaches it.
    ServiceDegraded = "SERVICE_DEGRADED",
    /// Services HA starts a service again no more until a person has looked.
    ServiceHeld = "SERVICE_HELD",
    /// Services HA started a service again.
    ServiceRecovered = "SERVICE_RECOVERED",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_of_with_what_to_do() {
        let page = include_str!("../../../../docs/running/alerts.md");
        let told: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `") && line.matches('|').count() == 5)
            .collect();
        assert_eq!(told.len(), Kind::ALL.len(), "docs/running/alerts.md has a line for each kind");
        for kind in Kind::ALL {
            let line = format!("| `{}`", kind.as_str());
            assert!(told.iter().any(|told| told.starts_with(&line)), "{line} is missing");
            assert_eq!(Kind::named(kind.as_str()), Some(*kind));
        }
    }
}
