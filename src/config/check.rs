//! From texts to a [`Config`]: each value against its setting, then the values against each other.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{ConfigError, Origin};
use super::layers::{Given, Layers};
use super::settings::{Kind, setting};
use super::{Api, Config, Health, Log, LogFiles, LogFormat, Node, Peer, Timing, TlsFiles};
use crate::capabilities::managers::model::Role;

/// Longest host name (RFC 1035).
const HOST_MAX_BYTES: usize = 253;

/// Checks everything there is to check without touching the disk or the network.
pub(super) fn config(layers: &Layers, path: &Path) -> Result<Config, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let node = node(layers, folder, path)?;
    let config = Config {
        peer: peer(layers, &node.host)?,
        api: api(layers, &node.host, folder)?,
        health: health(layers, &node.host)?,
        timing: timing(layers)?,
        checkpoint_after: integer(layers, "store.checkpoint_after")?,
        log: log(layers)?,
        log_files: log_files(layers)?,
        in_force: layers.in_force(),
        node,
    };
    ports_differ(layers, &config)?;
    Ok(config)
}

fn node(layers: &Layers, folder: &Path, file: &Path) -> Result<Node, ConfigError> {
    let data_dir = path_of(layers, "node.data_dir", folder).ok_or_else(|| {
        let remedy = "add to the file:\n    [node]\n    data_dir = \"/var/lib/kyvos-manager\"";
        ConfigError::new(Origin::file(file, 0), "node.data_dir is missing", remedy)
    })?;
    let host = match layers.get("node.host") {
        Some(given) => {
            checked_host(&given.text).map_err(|problem| refuse(given, "node.host", problem))?
        }
        None => own_host_name()?,
    };
    let role = match choice(layers, "node.role")? {
        "witness" => Role::Witness,
        _ => Role::Manager,
    };
    Ok(Node { data_dir, host, role })
}

fn peer(layers: &Layers, host: &str) -> Result<Peer, ConfigError> {
    let listen = listen(layers, "peer.listen")?;
    Ok(Peer { listen, advertise: address(layers, "peer.advertise", host, listen.port())? })
}

fn api(layers: &Layers, host: &str, folder: &Path) -> Result<Api, ConfigError> {
    let listen = listen(layers, "api.listen")?;
    let advertise = match layers.get("api.advertise") {
        Some(given) => {
            checked_url(&given.text).map_err(|problem| refuse(given, "api.advertise", problem))?
        }
        None => format!("https://{}", authority(host, listen.port())),
    };
    Ok(Api { listen, advertise, tls: tls_files(layers, folder)? })
}

fn tls_files(layers: &Layers, folder: &Path) -> Result<Option<TlsFiles>, ConfigError> {
    let half = |key, other| {
        let given: Option<&Given> = layers.get(key);
        let origin = given.map_or(Origin::Default, |given| given.origin.clone());
        ConfigError::new(origin, format!("{key} is given without {other}"), "give both or neither")
    };
    match (path_of(layers, "api.tls_cert", folder), path_of(layers, "api.tls_key", folder)) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("api.tls_cert", "api.tls_key")),
        (None, Some(_)) => Err(half("api.tls_key", "api.tls_cert")),
    }
}

fn health(layers: &Layers, host: &str) -> Result<Health, ConfigError> {
    let listen = listen(layers, "health.listen")?;
    let advertise = address(layers, "health.advertise", host, listen.port())?;
    Ok(Health { listen, url: format!("http://{advertise}") })
}

fn timing(layers: &Layers) -> Result<Timing, ConfigError> {
    let forward_hold_ms = integer(layers, "timing.forward_hold_ms")?;
    Ok(Timing { forward_hold: Duration::from_millis(forward_hold_ms) })
}

fn log(layers: &Layers) -> Result<Log, ConfigError> {
    let format = match choice(layers, "log.format")? {
        "json" => LogFormat::Json,
        _ => LogFormat::Text,
    };
    let renewals = choice(layers, "log.renewals")? == "on";
    Ok(Log { level: choice(layers, "log.level")?, renewals, format })
}

fn log_files(layers: &Layers) -> Result<LogFiles, ConfigError> {
    let bytes = integer(layers, "log.file_mib")? << 20;
    let files = usize::try_from(integer(layers, "log.files")?).expect("at most 64");
    Ok(LogFiles { bytes, files })
}

/// Two listeners on one port: the second would only fail later and less clearly.
fn ports_differ(layers: &Layers, config: &Config) -> Result<(), ConfigError> {
    let listeners = [
        ("peer.listen", config.peer.listen),
        ("api.listen", config.api.listen),
        ("health.listen", config.health.listen),
    ];
    for (at, (key, address)) in listeners.iter().enumerate() {
        let Some((other, _)) = listeners[..at].iter().find(|(_, other)| collide(*address, *other))
        else {
            continue;
        };
        let problem = format!("it listens on {address}, as {other} does");
        return Err(refuse(in_force(layers, key), key, problem));
    }
    Ok(())
}

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && same_ip
}

fn path_of(layers: &Layers, key: &'static str, folder: &Path) -> Option<PathBuf> {
    layers.get(key).filter(|given| !given.text.is_empty()).map(|given| folder.join(&given.text))
}

fn address(
    layers: &Layers,
    key: &'static str,
    host: &str,
    port: u16,
) -> Result<String, ConfigError> {
    match layers.get(key) {
        Some(given) => checked_address(&given.text).map_err(|problem| refuse(given, key, problem)),
        None => Ok(authority(host, port)),
    }
}

fn listen(layers: &Layers, key: &'static str) -> Result<SocketAddr, ConfigError> {
    let given = in_force(layers, key);
    let address: SocketAddr = given.text.parse().map_err(|_| {
        refuse(given, key, format!("\"{}\" is not an address to listen on", given.text))
    })?;
    if address.port() == 0 {
        return Err(refuse(given, key, "port 0 would be another one at every start".into()));
    }
    Ok(address)
}

fn integer(layers: &Layers, key: &'static str) -> Result<u64, ConfigError> {
    let given = in_force(layers, key);
    let Some(Kind::Integer { min, max, .. }) = setting(key).map(|setting| setting.kind) else {
        unreachable!("{key} is a number in the table of settings");
    };
    match given.text.replace('_', "").parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(number) => Err(refuse(given, key, format!("{number} is out of bounds"))),
        Err(_) => Err(refuse(given, key, format!("\"{}\" is not a whole number", given.text))),
    }
}

fn choice(layers: &Layers, key: &'static str) -> Result<&'static str, ConfigError> {
    let given = in_force(layers, key);
    let Some(Kind::Choice(words)) = setting(key).map(|setting| setting.kind) else {
        unreachable!("{key} is a choice in the table of settings");
    };
    let found = words.iter().find(|word| **word == given.text);
    found.copied().ok_or_else(|| refuse(given, key, format!("\"{}\" is not known", given.text)))
}

fn in_force<'a>(layers: &'a Layers, key: &'static str) -> &'a Given {
    layers.get(key).expect("settings with a default always have a value")
}

fn refuse(given: &Given, key: &str, problem: String) -> ConfigError {
    let kind = setting(key).expect("only known settings are checked").kind;
    ConfigError::new(given.origin.clone(), format!("{key}: {problem}"), remedy(kind))
}

fn remedy(kind: Kind) -> String {
    match kind {
        Kind::Path => "give a path".into(),
        Kind::Host => "give a host name or IP address others can reach, without a port".into(),
        Kind::Listen => "give IP:PORT with a port of its own, for example 0.0.0.0:7443".into(),
        Kind::Address => {
            "give HOST:PORT as others dial it, for example km1.example.com:7446".into()
        }
        Kind::Url => "give https://HOST:PORT, without a path".into(),
        Kind::Integer { min, max, unit } => format!("give {min} to {max} {unit}"),
        Kind::Choice(words) => format!("give one of {}", words.join(", ")),
    }
}

fn own_host_name() -> Result<String, ConfigError> {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    checked_host(&name).map_err(|problem| {
        let problem = format!("the host name of the operating system does not serve: {problem}");
        ConfigError::new(Origin::Default, problem, "set node.host")
    })
}

fn checked_host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        if address.is_unspecified() {
            return Err(format!("{bare} is no address others can reach"));
        }
        return Ok(bare.to_owned());
    }
    let label = |label: &str| {
        let inside =
            label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        inside && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if bare.len() <= HOST_MAX_BYTES && bare == text && bare.split('.').all(label) {
        return Ok(text.to_owned());
    }
    Err(format!("\"{text}\" is no host name"))
}

fn checked_address(text: &str) -> Result<String, String> {
    let wrong = || format!("\"{text}\" is not HOST:PORT");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    match port.parse() {
        Ok(port) if port > 0 => Ok(authority(&checked_host(host)?, port)),
        _ => Err(wrong()),
    }
}

fn checked_url(text: &str) -> Result<String, String> {
    let wrong = || format!("\"{text}\" is no https URL without a path");
    let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let checked = match rest.ends_with(']') || !rest.contains(':') {
        true => checked_host(rest).map(|host| bracketed(&host)),
        false => checked_address(rest),
    };
    checked.map(|authority| format!("https://{authority}")).map_err(|_| wrong())
}

fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

fn bracketed(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    }
}
