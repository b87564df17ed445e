//! What is known of each property: its kind, its default, what it is for and what must restart after a change.

use serde::{Deserialize, Serialize};

/// A file of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum File {
    /// Kyvos Manager's own settings.
    KyvosManager,
    /// `kyvos.properties`.
    Kyvos,
    /// `olapengine.properties`.
    Olapengine,
    /// `kyvosclient.properties`.
    Kyvosclient,
    /// Free names, for the site's own use.
    Custom,
}

impl File {
    /// All files, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::KyvosManager, Self::Kyvos, Self::Olapengine, Self::Kyvosclient, Self::Custom];

    /// The file's name in paths and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KyvosManager => "kyvos-manager",
            Self::Kyvos => "kyvos",
            Self::Olapengine => "olapengine",
            Self::Kyvosclient => "kyvosclient",
            Self::Custom => "custom",
        }
    }

    /// The file of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.as_str() == name)
    }
}

/// What values a property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`; capitals are accepted and stored small (row 24).
    YesNo,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A whole number within bounds.
    Integer {
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
        /// Unit, as people write it; empty for a plain count.
        unit: &'static str,
    },
    /// An absolute http or https URL, or empty for none.
    Url,
    /// An absolute path on a host, in which `{host}` stands for the host's name.
    HostPath,
    /// The name or address of a host, or empty for none.
    Host,
    /// A place a cloud's or Hadoop's command line tool reaches, or empty for none.
    Location,
    /// A secret. It comes here sealed under the group's key, and is never shown.
    Secret,
    /// Any text of at most so many bytes, without control characters.
    Text {
        /// Longest value, in bytes.
        max_bytes: usize,
    },
}

/// Longest path on a host, in bytes.
pub const HOST_PATH_MAX_BYTES: usize = 512;
/// Longest name of a host, in bytes.
pub const HOST_MAX_BYTES: usize = 253;
/// Longest place a tool reaches, in bytes.
pub const LOCATION_MAX_BYTES: usize = 2_048;
/// How such a place begins.
const LOCATION_SCHEMES: [&str; 7] =
    ["s3://", "https://", "gs://", "hdfs://", "wasbs://", "abfss://", "/"];

/// Longest value of any property, in bytes.
pub const VALUE_MAX_BYTES: usize = 4096;

/// Longest secret, in bytes, before it is sealed.
pub const SECRET_MAX_BYTES: usize = 256;
/// What is shown in the place of a secret that is set.
pub const SECRET_SHOWN: &str = "(secret)";
/// How a sealed secret begins; what follows are the sealed bytes in hexadecimal digits.
const SEALED: &str = "sealed:";
/// Most digits of a sealed secret: twice its bytes, and what sealing adds.
const SEALED_MAX_DIGITS: usize = 2 * (SECRET_MAX_BYTES + 64);

/// What is known of one property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The file it stands in.
    pub file: File,
    /// Its name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Its value when nobody set one.
    pub default: &'static str,
    /// What it is for and when to change it.
    pub description: &'static str,
    /// What must restart before a change takes effect; empty: nothing.
    pub restart: &'static [&'static str],
}

/// Switches Kyvos Manager HA on (rows 22–28).
pub const ENABLE_KM_HA: &str = "ENABLE_KM_HA";
/// Where the load balancer in front of the Managers is reached (rows 39–41, A2).
pub const LOAD_BALANCER_URL: &str = "LOAD_BALANCER_URL";
/// Where the configuration of the Manager lies on its host.
pub const MANAGER_CONFIG_PATH: &str = "MANAGER_CONFIG_PATH";
/// Where the Disaster Recovery script is written on every portal host (row 28).
pub const DR_SCRIPT_PATH: &str = "DR_SCRIPT_PATH";
/// Whether ZooKeeper is watched for Kyvos services (A8).
pub const ZK_SERVICE_WATCH: &str = "ZK_SERVICE_WATCH";
/// Where the cluster runs: on premises, or in whose cloud (rows 15–17).
pub const DEPLOYMENT: &str = "DEPLOYMENT";
/// Where snapshots go, as the deployment's command line tool writes it (rows 15, 16).
pub const SNAPSHOT_LOCATION: &str = "SNAPSHOT_LOCATION";
/// Where the Kyvos repository listens, unless it is the bundled one (rows 18, 19).
pub const REPOSITORY_HOST: &str = "REPOSITORY_HOST";
/// The port of the Kyvos repository.
pub const REPOSITORY_PORT: &str = "REPOSITORY_PORT";
/// The database of the Kyvos repository that a sign-in is tried at.
pub const REPOSITORY_DATABASE: &str = "REPOSITORY_DATABASE";
/// Who signs in there.
pub const REPOSITORY_USER: &str = "REPOSITORY_USER";
/// With which password.
pub const REPOSITORY_PASSWORD: &str = "REPOSITORY_PASSWORD";
/// The port on which ZooKeeper's servers serve clients.
pub const ZOOKEEPER_PORT: &str = "ZOOKEEPER_PORT";
/// Time between a leader's heartbeats.
pub const RAFT_HEARTBEAT_MS: &str = "RAFT_HEARTBEAT_MS";
/// Shortest wait before a Manager stands for election.
pub const RAFT_ELECTION_MIN_MS: &str = "RAFT_ELECTION_MIN_MS";
/// Longest wait before a Manager stands for election, and the leader's lease.
pub const RAFT_ELECTION_MAX_MS: &str = "RAFT_ELECTION_MAX_MS";

const KM: &[&str] = &["kyvos-manager"];
const BI: &[&str] = &["bi-server"];
const QE: &[&str] = &["query-engine"];
const PORTAL: &[&str] = &["web-portal"];

/// Every property with a schema, by file and name.
pub const SCHEMA: &[Schema] = &[
    Schema {
        file: File::KyvosManager,
        name: ENABLE_KM_HA,
        kind: Kind::YesNo,
        default: "no",
        description: "Kyvos Manager High Availability. With yes, further Kyvos Manager instances can be added and one of them becomes Active when the Active fails.",
        restart: KM,
    },
    Schema {
        file: File::KyvosManager,
        name: DR_SCRIPT_PATH,
        kind: Kind::HostPath,
        default: "/var/lib/km/km-disaster-recovery.sh",
        description: "Where the Kyvos Manager Disaster Recovery script is written on every portal host. {host} stands for the host's name.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: MANAGER_CONFIG_PATH,
        kind: Kind::HostPath,
        default: "/etc/km/km.toml",
        description: "Where the configuration of a Kyvos Manager lies on its host; adding one by its host reads it. {host} stands for the host's name.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: DEPLOYMENT,
        kind: Kind::Choice(&["on-prem", "aws", "azure", "gcp"]),
        default: "on-prem",
        description: "Where the cluster runs. It says which command every host must have (hdfs, aws, azcopy, gsutil) and whether a load balancer is required.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: LOAD_BALANCER_URL,
        kind: Kind::Url,
        default: "",
        description: "URL of the load balancer in front of the Kyvos Managers. Browsers that reach a Passive instance are sent there; empty sends them to the Active instance.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: RAFT_ELECTION_MAX_MS,
        kind: Kind::Integer { min: 200, max: 60_000, unit: "ms" },
        default: "1000",
        description: "Longest wait before an instance stands for election, and the lease after which a cut-off Active stops. Raise it together with the minimum where disks or links stall longer than half a second.",
        restart: KM,
    },
    Schema {
        file: File::KyvosManager,
        name: RAFT_ELECTION_MIN_MS,
        kind: Kind::Integer { min: 150, max: 60_000, unit: "ms" },
        default: "500",
        description: "Shortest wait before an instance stands for election. At least three heartbeats and below the maximum.",
        restart: KM,
    },
    Schema {
        file: File::KyvosManager,
        name: RAFT_HEARTBEAT_MS,
        kind: Kind::Integer { min: 20, max: 10_000, unit: "ms" },
        default: "100",
        description: "Time between the leader's heartbeats. It must exceed the round trip to the farthest instance plus the slowest usual disk flush there.",
        restart: KM,
    },
    Schema {
        file: File::KyvosManager,
        name: REPOSITORY_DATABASE,
        kind: Kind::Text { max_bytes: 63 },
        default: "postgres",
        description: "Database of the Kyvos repository at which the prechecks try to sign in.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: REPOSITORY_HOST,
        kind: Kind::Host,
        default: "",
        description: "Host of the Kyvos repository. Empty for the bundled one: then it is looked for on the hosts with the role postgres. Kyvos Manager itself needs none.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: REPOSITORY_PASSWORD,
        kind: Kind::Secret,
        default: "",
        description: "Password of REPOSITORY_USER. It is sealed before it is stored and never shown.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: REPOSITORY_PORT,
        kind: Kind::Integer { min: 1, max: 65_535, unit: "" },
        default: "5432",
        description: "Port of the Kyvos repository.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: REPOSITORY_USER,
        kind: Kind::Text { max_bytes: 63 },
        default: "",
        description: "Who signs in at the Kyvos repository. Empty: the prechecks look whether it answers, and try no sign-in.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: SNAPSHOT_LOCATION,
        kind: Kind::Location,
        default: "",
        description: "Where snapshots go, as the command line tool writes it, for example s3://bucket/kyvos or hdfs://namenode/kyvos. Prechecks write, read and clear a small file there. No secrets: it is shown to everybody who may look.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: ZOOKEEPER_PORT,
        kind: Kind::Integer { min: 1, max: 65_535, unit: "" },
        default: "2181",
        description: "Port on which the hosts with the role zookeeper serve clients.",
        restart: &[],
    },
    Schema {
        file: File::KyvosManager,
        name: ZK_SERVICE_WATCH,
        kind: Kind::Choice(&["auto", "on", "off"]),
        default: "auto",
        description: "Whether ZooKeeper is watched to see Kyvos services. auto follows ENABLE_KM_HA.",
        restart: &[],
    },
    Schema {
        file: File::Kyvosclient,
        name: "EMBED_KYVOS_MANAGER",
        kind: Kind::YesNo,
        default: "no",
        description: "Shows Kyvos Manager inside the Kyvos Web Portal, under Setup > Manage Kyvos.",
        restart: PORTAL,
    },
    Schema {
        file: File::Kyvos,
        name: "USER_MANAGEMENT_MODE",
        kind: Kind::Text { max_bytes: 64 },
        default: "",
        description: "How Kyvos users are managed, for example SAAS. Empty leaves it to Kyvos.",
        restart: PORTAL,
    },
    Schema {
        file: File::Olapengine,
        name: "BLOCK_CACHE_LIFETIME",
        kind: Kind::Integer { min: 1, max: 525_600, unit: "min" },
        default: "1440",
        description: "How long a block stays in the block cache.",
        restart: BI,
    },
    Schema {
        file: File::Olapengine,
        name: "CUBOID_PURGE_FREQUENCY",
        kind: Kind::Integer { min: 1, max: 525_600, unit: "min" },
        default: "30",
        description: "Time between two purges of unused cuboids.",
        restart: BI,
    },
    Schema {
        file: File::Olapengine,
        name: "QUERY_ENGINE_THRIFT_WORKER_THREAD",
        kind: Kind::Integer { min: 1, max: 4096, unit: "" },
        default: "32",
        description: "Worker threads of a Query Engine's Thrift server.",
        restart: QE,
    },
];

/// The schema of a property, if its name has one.
pub fn schema(file: File, name: &str) -> Option<&'static Schema> {
    SCHEMA.iter().find(|schema| schema.file == file && schema.name == name)
}

/// A value as people may see it.
pub fn shown(file: File, name: &str, value: &str) -> String {
    let secret = schema(file, name).is_some_and(|schema| schema.kind == Kind::Secret);
    if secret && !value.is_empty() { SECRET_SHOWN.into() } else { value.into() }
}

/// Why a secret cannot be one; `None` when it can.
pub fn unfit_secret(secret: &str) -> Option<String> {
    if secret == SECRET_SHOWN {
        return Some(format!("must be the secret itself: {SECRET_SHOWN} only stands for it"));
    }
    let fits = !secret.is_empty() && secret.len() <= SECRET_MAX_BYTES;
    let plain = !secret.chars().any(char::is_control);
    let rule = "must have 1 to 256 bytes without control characters; reset it to take it away";
    (!fits || !plain).then(|| rule.into())
}

/// A sealed secret as it is stored.
pub fn sealed_text(sealed: &[u8]) -> String {
    let digits: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{SEALED}{digits}")
}

/// The sealed bytes of a stored secret; `None` where none is set.
pub fn sealed_bytes(value: &str) -> Option<Vec<u8>> {
    let digits = value.strip_prefix(SEALED)?;
    let pairs = digits.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

impl Kind {
    /// The value as it is stored, or the sentence that says why it does not fit.
    pub fn admit(self, value: &str) -> Result<String, String> {
        match self {
            Self::YesNo => yes_no(value),
            Self::Choice(choices) => choice(choices, value),
            Self::Integer { min, max, unit } => integer(min, max, unit, value),
            Self::Url => url(value),
            Self::HostPath => host_path(value),
            Self::Host => host(value),
            Self::Location => location(value),
            Self::Secret => sealed(value),
            Self::Text { max_bytes } => text(max_bytes, value),
        }
    }
}

/// Whoever stores a secret has sealed it; what it was cannot be known here.
fn sealed(value: &str) -> Result<String, String> {
    let digits = value.strip_prefix(SEALED).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let whole = !digits.is_empty() && digits.len().is_multiple_of(2);
    if whole && digits.len() <= SEALED_MAX_DIGITS && digits.bytes().all(fits) {
        return Ok(value.into());
    }
    Err("is a secret and must be sealed before it is stored".into())
}

fn yes_no(value: &str) -> Result<String, String> {
    match value.to_ascii_lowercase().as_str() {
        word @ ("yes" | "no") => Ok(word.into()),
        _ => Err("must be yes or no".into()),
    }
}

fn choice(choices: &[&str], value: &str) -> Result<String, String> {
    let found = choices.iter().find(|choice| choice.eq_ignore_ascii_case(value));
    found
        .map(|choice| (*choice).to_owned())
        .ok_or_else(|| format!("must be one of {}", choices.join(", ")))
}

fn integer(min: u64, max: u64, unit: &str, value: &str) -> Result<String, String> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse::<u64>().ok().filter(|number| digits && (min..=max).contains(number));
    let space = if unit.is_empty() { "" } else { " " };
    number
        .map(|number| number.to_string())
        .ok_or_else(|| format!("must be a whole number from {min} to {max}{space}{unit}"))
}

fn url(value: &str) -> Result<String, String> {
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']));
    if value.is_empty() || (fits && plain && value.len() <= 2048) {
        return Ok(value.trim_end_matches('/').into());
    }
    Err("must be an absolute http or https URL of at most 2,048 bytes, or empty".into())
}

/// Without detours and without letters that mean something to a shell.
fn host_path(value: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./{}".contains(c);
    let straight = |part: &str| !part.is_empty() && part != "." && part != "..";
    let absolute = value.strip_prefix('/').is_some_and(|rest| rest.split('/').all(straight));
    let rest = value.replace("{host}", "");
    if absolute
        && value.len() <= HOST_PATH_MAX_BYTES
        && value.chars().all(plain)
        && !rest.contains(['{', '}'])
    {
        return Ok(value.into());
    }
    Err(format!(
        "must be an absolute path of at most {HOST_PATH_MAX_BYTES} letters, digits and -_./ in which {{host}} stands for the host's name"
    ))
}

/// As it may stand before a colon and a port.
fn host(value: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if value.len() <= HOST_MAX_BYTES && !value.starts_with(['-', '.']) && value.chars().all(fits) {
        return Ok(value.into());
    }
    Err(format!(
        "must be a host name or an IPv4 address of at most {HOST_MAX_BYTES} bytes, or empty"
    ))
}

/// Nothing in it can be taken for an option of the tool, and no signature or password stands in it: what is set here
/// is in the log and is shown.
fn location(value: &str) -> Result<String, String> {
    let signed = value.contains('?') || (value.starts_with("https://") && value.contains('@'));
    if signed {
        return Err(
            "must not hold a signature or password; give those to the tool on each host".into()
        );
    }
    let known = LOCATION_SCHEMES.iter().any(|scheme| value.starts_with(scheme));
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    if value.is_empty() || (known && plain && value.len() <= LOCATION_MAX_BYTES) {
        return Ok(value.into());
    }
    let schemes = LOCATION_SCHEMES.join(" ");
    Err(format!(
        "must begin with one of {schemes} and have at most {LOCATION_MAX_BYTES} bytes without spaces, or be empty"
    ))
}

fn text(max_bytes: usize, value: &str) -> Result<String, String> {
    if value.len() > max_bytes {
        return Err(format!("must be at most {max_bytes} bytes"));
    }
    if value.chars().any(char::is_control) {
        return Err("must not hold control characters".into());
    }
    Ok(value.into())
}
