//! Every setting of a Manager: its kind, its default, what it is for and when to change it.
//!
//! This table is the only list there is: the file, the environment and the flags are checked against it, and
//! the reference page is printed from it. Deliberately unaware of where a value came from.

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file or folder. A relative one is taken from the folder of the configuration file.
    Path,
    /// A host name or IP address, without a port.
    Host,
    /// `IP:PORT` to listen on.
    Listen,
    /// `HOST:PORT` that others dial.
    Address,
    /// An absolute `https` URL without a path.
    Url,
    /// A whole number within bounds.
    Integer { min: u64, max: u64, unit: &'static str },
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// What holds when a setting is given nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// This value.
    Value(&'static str),
    /// A value made of other settings or of the host, described here.
    Derived(&'static str),
    /// Nothing: it may stay away.
    None,
    /// It must be given.
    Required,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// `section.name`, as in the file.
    pub key: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What holds when it is not given.
    pub default: Default,
    /// What it is.
    pub purpose: &'static str,
    /// When to change it.
    pub change: &'static str,
}

impl Setting {
    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("KM_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// The roles a process can be started in.
pub(super) const ROLES: &[&str] = &["manager", "witness"];
/// How much is logged, the quietest first.
pub(super) const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
/// Forms of a log line.
pub(super) const FORMATS: &[&str] = &["text", "json"];

/// Whether something is written.
pub(super) const SWITCH: &[&str] = &["off", "on"];

/// All settings, in the order of the reference.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "node.data_dir",
        kind: Kind::Path,
        default: Default::Required,
        purpose: "The folder that holds everything this Manager must not lose: the log, the facts, its certificate and the group key. `km init` and `km join` make it, readable by its owner only.",
        change: "Once, at installation: choose a local disk with its own flush (no NFS). Later only while the Manager is stopped, by moving the whole folder.",
    },
    Setting {
        key: "node.host",
        kind: Kind::Host,
        default: Default::Derived("the host name of the operating system"),
        purpose: "The name or address under which other Managers, browsers and the command line reach this host. It is written into the certificate.",
        change: "When the operating system's host name does not resolve on the other hosts.",
    },
    Setting {
        key: "node.role",
        kind: Kind::Choice(ROLES),
        default: Default::Value("manager"),
        purpose: "`manager`, or `witness`: a member that votes and stores the log, never becomes Active, and serves neither API nor dashboard.",
        change: "When only two hosts can carry a Manager: a witness on a third host lets either of them fail.",
    },
    Setting {
        key: "peer.listen",
        kind: Kind::Listen,
        default: Default::Value("0.0.0.0:7446"),
        purpose: "Where this Manager listens for the other members. Only members of the group with the group's own certificates get past the handshake.",
        change: "To bind one network interface, or when the port is taken.",
    },
    Setting {
        key: "peer.advertise",
        kind: Kind::Address,
        default: Default::Derived("`node.host` with the port of `peer.listen`"),
        purpose: "The address the other members dial. The group is told again at every start.",
        change: "When the address seen from the other hosts differs, for example behind address translation.",
    },
    Setting {
        key: "api.listen",
        kind: Kind::Listen,
        default: Default::Value("0.0.0.0:7443"),
        purpose: "Where the API and the dashboard listen, always with TLS. A witness does not listen here.",
        change: "To bind one network interface, or when the port is taken.",
    },
    Setting {
        key: "api.advertise",
        kind: Kind::Url,
        default: Default::Derived("`https://` and `node.host` with the port of `api.listen`"),
        purpose: "The URL at which browsers and the command line reach this very Manager; a Passive sends browsers to the Active's.",
        change: "When the URL seen by people differs from `node.host` and the port.",
    },
    Setting {
        key: "api.tls_cert",
        kind: Kind::Path,
        default: Default::None,
        purpose: "PEM file with the certificate chain shown to browsers, the leaf first. Without it the API shows a certificate of the group's own authority.",
        change: "To use a certificate of your own authority, so that browsers trust it by themselves. Needs `api.tls_key`. Read again when the file changes.",
    },
    Setting {
        key: "api.tls_key",
        kind: Kind::Path,
        default: Default::None,
        purpose: "PEM file with the private key of `api.tls_cert`.",
        change: "Together with `api.tls_cert`.",
    },
    Setting {
        key: "health.listen",
        kind: Kind::Listen,
        default: Default::Value("0.0.0.0:7448"),
        purpose: "Where load balancers ask `/health/live`, `/health/ready` and `/health/active`: plain HTTP, no login, no other content.",
        change: "To bind one network interface, or when the port is taken.",
    },
    Setting {
        key: "health.advertise",
        kind: Kind::Address,
        default: Default::Derived("`node.host` with the port of `health.listen`"),
        purpose: "The address at which load balancers reach the health port. Shown to people, dialled by nobody here.",
        change: "When the address seen by load balancers differs from `node.host` and the port.",
    },
    Setting {
        key: "timing.forward_hold_ms",
        kind: Kind::Integer { min: 0, max: 60_000, unit: "ms" },
        default: Default::Value("5000"),
        purpose: "For how long a request is held while the group elects a new Active, before it is answered with 503.",
        change: "Raise it when clients rather wait than retry; lower it when a load balancer in front gives up sooner.",
    },
    Setting {
        key: "store.checkpoint_after",
        kind: Kind::Integer { min: 50, max: 100_000, unit: "entries" },
        default: Default::Value("5000"),
        purpose: "After how many entries of the log a checkpoint is made at the earliest; at the latest after twenty times as many. Two fifths as many entries are kept behind a checkpoint; a member that lacks older ones gets the checkpoint instead of entries.",
        change: "Lower it on a very small disk: the log is shorter then, and more is written. Tests lower it to have checkpoints at all.",
    },
    Setting {
        key: "log.level",
        kind: Kind::Choice(LEVELS),
        default: Default::Value("info"),
        purpose: "How much is written to standard error. `info` is for operators, `debug` for us.",
        change: "To `debug` while a problem is looked into.",
    },
    Setting {
        key: "log.format",
        kind: Kind::Choice(FORMATS),
        default: Default::Value("text"),
        purpose: "`text` for people, `json` for a log collector; one line for each decision either way.",
        change: "To `json` when logs are collected.",
    },
    Setting {
        key: "log.renewals",
        kind: Kind::Choice(SWITCH),
        default: Default::Value("off"),
        purpose: "Whether the Active also writes that its claim to be Active still holds, ten lines a second at most. That a claim began and ended, and when it last held, is written either way.",
        change: "To `on` for whoever proves from the logs that no two were Active at once, as the chaos runs do.",
    },
    Setting {
        key: "log.file_mib",
        kind: Kind::Integer { min: 1, max: 16, unit: "MiB" },
        default: Default::Value("4"),
        purpose: "The log is also kept in files in `logs` of the data folder, where any Manager can read it for whoever downloads it. From this size on the next file begins.",
        change: "Together with `log.files`: both multiplied are the most the log takes.",
    },
    Setting {
        key: "log.files",
        kind: Kind::Integer { min: 2, max: 64, unit: "files" },
        default: Default::Value("16"),
        purpose: "How many of these files are kept. The oldest is removed when a new one begins.",
        change: "Raise it when the log of the last weeks is to be at hand; lower it on a small disk.",
    },
];

/// The setting of that key.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
