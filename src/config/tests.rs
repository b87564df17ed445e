//! What a configuration file, the environment and the flags may say, and what each mistake is answered with.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::check;
use super::layers::Layers;
use super::settings::{Default, SETTINGS};
use super::*;

const FILE: &str = "/etc/kyvos-manager/km.toml";
const SMALLEST: &str = "[node]\ndata_dir = \"data\"\nhost = \"km1.example\"\n";

fn read(
    text: &str,
    variables: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let mut layers = Layers::defaults();
    layers.text(Path::new(FILE), text)?;
    layers.environment(variables.iter().map(|(name, value)| (name.into(), value.into())))?;
    for (key, value) in flags {
        layers.flag("--set", key, value)?;
    }
    check::config(&layers, Path::new(FILE))
}

fn refused(text: &str) -> String {
    read(text, &[], &[]).unwrap_err().to_string()
}

#[test]
fn the_smallest_file_derives_what_others_dial() {
    let config = read(SMALLEST, &[], &[]).unwrap();
    assert_eq!(config.node.data_dir, Path::new("/etc/kyvos-manager/data"));
    assert_eq!(config.peer.advertise, "km1.example:7446");
    assert_eq!(config.api.advertise, "https://km1.example:7443");
    assert_eq!(config.health.url, "http://km1.example:7448");
    assert_eq!(config.node.role, Role::Manager);
    assert_eq!(config.timing.forward_hold, Duration::from_secs(5));
    assert_eq!(config.checkpoint_after, 5_000);
}

#[test]
fn an_ipv6_host_is_bracketed_where_a_port_follows() {
    let text =
        "[node]\ndata_dir = \"/d\"\nhost = \"::1\"\n[api]\nadvertise = \"https://[2001:db8::7]/\"";
    let config = read(text, &[], &[]).unwrap();
    assert_eq!(config.peer.advertise, "[::1]:7446");
    assert_eq!(config.api.advertise, "https://[2001:db8::7]");
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let text = format!("{SMALLEST}[log]\nlevel = \"warn\"");
    let variables = [("KM_LOG_LEVEL", "debug"), ("KM_TOKEN", "not ours"), ("HOME", "/root")];
    assert_eq!(read(&text, &[], &[]).unwrap().log.level, "warn");
    assert_eq!(read(&text, &variables, &[]).unwrap().log.level, "debug");
    let flags = [("log.level", "error"), ("node.role", "witness")];
    let config = read(&text, &variables, &flags).unwrap();
    assert_eq!((config.log.level, config.node.role), ("error", Role::Witness));
}

#[test]
fn each_mistake_in_the_file_is_told_with_its_line_and_a_remedy() {
    let table = [
        ("[node]\ndata_dir = ", "line 2", "TOML"),
        ("[node]\ndata_dir = \"/d\"\ndata_dir = \"/e\"", "line 3", "TOML"),
        (
            "[node]\ndata_dir = \"/d\"\n[nodes]\nx = 1",
            "line 4: there is no setting nodes.x",
            "node.host",
        ),
        ("data_dir = \"/d\"", "line 1: there is no setting data_dir", "node.data_dir"),
        ("[node]\ndatadir = \"/d\"", "line 2: there is no setting node.datadir", "node.data_dir"),
        (
            "[node]\ndata_dir = true",
            "line 2: node.data_dir cannot be of the type boolean",
            "quotes",
        ),
        (
            "[node]\ndata_dir = [\"/d\"]",
            "line 2: node.data_dir cannot be of the type array",
            "quotes",
        ),
        ("[node]\nhost = \"km1\"", "node.data_dir is missing", "data_dir ="),
        ("[node]\ndata_dir = \"/d\"\nhost = \"a b\"", "line 3: node.host", "without a port"),
        ("[node]\ndata_dir = \"/d\"\nhost = \"0.0.0.0\"", "line 3: node.host", "others can reach"),
        (
            "[node]\ndata_dir = \"/d\"\nrole = \"boss\"",
            "line 3: node.role: \"boss\"",
            "manager, witness",
        ),
        ("[node]\ndata_dir = \"/d\"\n[peer]\nlisten = \"7446\"", "line 4: peer.listen", "IP:PORT"),
        (
            "[node]\ndata_dir = \"/d\"\n[peer]\nlisten = \"[::]:0\"",
            "line 4: peer.listen: port 0",
            "own",
        ),
        (
            "[node]\ndata_dir = \"/d\"\n[peer]\nadvertise = \"km1\"",
            "line 4: peer.advertise",
            "HOST:PORT",
        ),
        ("[node]\ndata_dir = \"/d\"\n[peer]\nlisten = \"127.0.0.1:7443\"", "line 2", "own"),
        (
            "[node]\ndata_dir = \"/d\"\n[api]\nadvertise = \"http://km1\"",
            "line 4: api.advertise",
            "https",
        ),
        (
            "[node]\ndata_dir = \"/d\"\n[api]\nadvertise = \"https://km1/x\"",
            "line 4: api.advertise",
            "path",
        ),
        (
            "[node]\ndata_dir = \"/d\"\n[api]\ntls_key = \"k\"",
            "line 4: api.tls_key is given without",
            "both",
        ),
        (
            "[node]\ndata_dir = \"/d\"\n[timing]\nforward_hold_ms = 99_999",
            "line 4",
            "0 to 60000 ms",
        ),
        ("[node]\ndata_dir = \"/d\"\n[timing]\nforward_hold_ms = -1", "line 4", "0 to 60000 ms"),
        ("[node]\ndata_dir = \"/d\"\n[log]\nlevel = \"loud\"", "line 4: log.level", "error, warn"),
    ];
    for (text, problem, remedy) in table {
        let message = refused(text);
        // Two listeners on one port are told where the later one was given, which may be the default.
        let problem =
            if message.starts_with("default: api.listen") { "api.listen" } else { problem };
        assert!(message.contains(problem), "{text:?} gives {message:?}, lacks {problem:?}");
        let (_, told) = message.split_once("remedy:").expect("every mistake has a remedy");
        assert!(told.contains(remedy), "{text:?} gives {message:?}, remedy lacks {remedy:?}");
    }
}

#[test]
fn a_misspelt_variable_or_flag_is_refused() {
    let message = read(SMALLEST, &[("KM_LOG_LEVLE", "debug")], &[]).unwrap_err().to_string();
    assert!(message.starts_with("environment variable KM_LOG_LEVLE"), "{message}");
    let message = read(SMALLEST, &[], &[("log.levle", "debug")]).unwrap_err().to_string();
    assert!(message.starts_with("flag --set"), "{message}");
}

#[test]
fn a_file_that_is_missing_too_long_or_not_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("km.toml");
    let load = || Config::load(&path, [], &[]).unwrap_err();
    assert!(load().to_string().contains("No such file"));
    std::fs::write(&path, vec![b'#'; 1 << 17]).unwrap();
    assert!(load().to_string().contains("too long"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(load().remedy.contains("UTF-8"));
}

#[test]
fn a_variable_that_is_not_text_is_refused_only_when_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;
    let noise = OsString::from_vec(vec![0xff]);
    let mut layers = Layers::defaults();
    layers.environment([("PATH".into(), noise.clone()), (noise.clone(), noise.clone())]).unwrap();
    assert!(layers.environment([("KM_LOG_LEVEL".into(), noise)]).is_err());
}

#[test]
fn every_default_fits_its_own_setting() {
    let config = read(SMALLEST, &[], &[]);
    assert!(config.is_ok(), "{config:?}");
    let required = SETTINGS.iter().filter(|setting| setting.default == Default::Required);
    assert_eq!(required.map(|setting| setting.key).collect::<Vec<_>>(), ["node.data_dir"]);
}

#[test]
fn the_checked_in_reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/running/config.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == reference(), "run: km config reference > docs/running/config.md");
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error_and_never_a_panic(text in "\\PC{0,200}") {
        let _ = read(&text, &[], &[]); // either answer will do
    }

    #[test]
    fn any_value_of_any_setting_is_taken_or_refused(at in 0..SETTINGS.len(), value in "\\PC{0,40}") {
        let _ = read(SMALLEST, &[], &[(SETTINGS[at].key, &value)]); // either answer will do
    }
}
