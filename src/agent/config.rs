//! How an agent is set up: one TOML file, checked once. `docs/running/agent.md` describes every key.
//!
//! What may be started, and where files may be put, stands here, on the host, and nowhere else: a Manager names a unit
//! and a path, and the host decides what they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::config::{ConfigError, Log, LogFormat, Origin};
use crate::remote::UnitName;

/// Longest configuration file, in bytes.
const FILE_MAX_BYTES: u64 = 256 << 10;
/// Most units of a host, and most roots.
const UNITS_MAX: usize = 100;
/// Where programs are looked for unless the file says otherwise.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where the agent listens unless the file says otherwise.
const LISTEN: &str = "0.0.0.0:7447";

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// What the agent must not lose: its certificate, the gate, what is to run.
    pub data_dir: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// `HOST:PORT` that Managers dial.
    pub advertise: String,
    /// Where commands are looked for.
    pub search_path: String,
    /// Below these folders, and nowhere else, files are put and read.
    pub roots: Vec<PathBuf>,
    /// What may be started and stopped.
    pub units: BTreeMap<String, Unit>,
    /// What is logged.
    pub log: Log,
}

/// Something that may be started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A unit of systemd, by its name there.
    Systemd(String),
    /// A program that the agent looks after itself.
    Supervised(Supervised),
}

/// A program and how it is looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervised {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// What its environment holds besides the agent's own few.
    pub environment: BTreeMap<String, String>,
    /// Whether it is started again when it ends by itself.
    pub restart: bool,
    /// First pause before it is; each further one is twice as long.
    pub restart_after: Duration,
    /// Longest such pause.
    pub restart_after_max: Duration,
    /// How long it may take to end before it is killed.
    pub stop_after: Duration,
    /// How large its log may grow before it is turned.
    pub log_bytes: u64,
    /// How many turned logs are kept.
    pub log_files: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    agent: AgentForm,
    #[serde(default)]
    files: FilesForm,
    #[serde(default)]
    unit: BTreeMap<String, Spanned<UnitForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentForm {
    data_dir: Spanned<PathBuf>,
    listen: Option<Spanned<String>>,
    advertise: Option<Spanned<String>>,
    search_path: Option<Spanned<String>>,
    log_level: Option<Spanned<String>>,
    log_format: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilesForm {
    #[serde(default)]
    roots: Vec<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitForm {
    systemd: Option<Spanned<String>>,
    run: Option<Spanned<Vec<String>>>,
    directory: Option<Spanned<PathBuf>>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    restart: Option<Spanned<String>>,
    restart_after_ms: Option<Spanned<u64>>,
    restart_after_max_ms: Option<Spanned<u64>>,
    stop_after_s: Option<Spanned<u64>>,
    log_bytes: Option<Spanned<u64>>,
    log_files: Option<Spanned<u64>>,
}

impl AgentConfig {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let at = || Origin::file(path, 0);
        let remedy = "give an existing, readable file with --config FILE; docs/running/agent.md has one to start from";
        let told = |error: std::io::Error| ConfigError::new(at(), error.to_string(), remedy);
        let size = std::fs::metadata(path).map_err(told)?.len();
        if size > FILE_MAX_BYTES {
            let problem = format!("{size} bytes are too long for a configuration file");
            return Err(ConfigError::new(at(), problem, format!("at most {FILE_MAX_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(told)?;
        Reading { path, text: &text }.config()
    }
}

/// A file being read: knows on which line something stands.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reading<'_> {
    fn config(&self) -> Result<AgentConfig, ConfigError> {
        let form: FileForm = toml::from_str(self.text).map_err(|error| {
            let line = error.span().map_or(0, |span| self.line(span.start));
            let remedy = "the file is TOML: [agent], [files] and [unit.NAME] with the keys of docs/running/agent.md";
            ConfigError::new(Origin::file(self.path, line), error.message(), remedy)
        })?;
        let AgentForm { data_dir, listen, advertise, search_path, log_level, log_format } =
            form.agent;
        let data_dir = self.absolute(&data_dir, "agent.data_dir")?;
        let listen = self.listen(listen)?;
        Ok(AgentConfig {
            advertise: self.advertise(advertise, listen)?,
            search_path: self.search_path(search_path)?,
            roots: self.roots(form.files.roots, &data_dir)?,
            units: self.units(form.unit)?,
            log: self.log(log_level, log_format)?,
            data_dir,
            listen,
        })
    }

    fn listen(&self, given: Option<Spanned<String>>) -> Result<SocketAddr, ConfigError> {
        let Some(given) = given else { return Ok(LISTEN.parse().expect("an address")) };
        match given.get_ref().parse::<SocketAddr>() {
            Ok(address) if address.port() > 0 => Ok(address),
            _ => Err(self.wrong(&given, "agent.listen is not IP:PORT", "for example 0.0.0.0:7447")),
        }
    }

    fn advertise(
        &self,
        given: Option<Spanned<String>>,
        listen: SocketAddr,
    ) -> Result<String, ConfigError> {
        let Some(given) = given else {
            let system = rustix::system::uname();
            let host = system.nodename().to_string_lossy().into_owned();
            return Ok(format!("{host}:{}", listen.port()));
        };
        let text = given.get_ref();
        let (host, port) = text.rsplit_once(':').unwrap_or_default();
        let fits =
            !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_graphic());
        match fits && port.parse::<u16>().is_ok_and(|port| port > 0) {
            true => Ok(text.clone()),
            false => Err(self.wrong(
                &given,
                "agent.advertise is not HOST:PORT",
                "give what Managers dial, for example bi1.example.com:7447",
            )),
        }
    }

    fn search_path(&self, given: Option<Spanned<String>>) -> Result<String, ConfigError> {
        let Some(given) = given else { return Ok(SEARCH_PATH.to_owned()) };
        match given.get_ref().split(':').all(|part| part.starts_with('/')) {
            true => Ok(given.into_inner()),
            false => Err(self.wrong(
                &given,
                "agent.search_path has a folder that is not absolute",
                "give absolute folders with : between them",
            )),
        }
    }

    fn roots(
        &self,
        given: Vec<Spanned<PathBuf>>,
        data_dir: &Path,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        if let Some(beyond) = given.get(UNITS_MAX) {
            return Err(self.wrong(beyond, "too many roots", "give at most 100"));
        }
        let check = |root: &Spanned<PathBuf>| {
            let path = self.absolute(root, "files.roots")?;
            let inside = path.starts_with(data_dir) || data_dir.starts_with(&path);
            if inside || path.parent().is_none() {
                let problem = "a root may not be / nor hold the agent's own data, nor lie in it";
                return Err(self.wrong(root, problem, "give the folders that Managers may fill"));
            }
            Ok(path)
        };
        given.iter().map(check).collect()
    }

    fn units(
        &self,
        given: BTreeMap<String, Spanned<UnitForm>>,
    ) -> Result<BTreeMap<String, Unit>, ConfigError> {
        let mut units = BTreeMap::new();
        for (name, form) in given {
            if let Err(malformed) = name.parse::<UnitName>() {
                return Err(self.wrong(&form, format!("[unit.{name}]: {malformed}"), "rename it"));
            }
            if units.len() == UNITS_MAX {
                return Err(self.wrong(&form, "too many units", "give at most 100"));
            }
            let unit = self.unit(&name, form)?;
            units.insert(name, unit);
        }
        Ok(units)
    }

    fn unit(&self, name: &str, form: Spanned<UnitForm>) -> Result<Unit, ConfigError> {
        let both = self.wrong(
            &form,
            format!("[unit.{name}] needs either systemd or run"),
            "systemd = \"NAME.service\", or run = [\"/path/of/program\", \"argument\"]",
        );
        let form = form.into_inner();
        match (form.systemd.clone(), form.run.clone()) {
            (Some(unit), None) => self.systemd(unit, &form),
            (None, Some(run)) => self.supervised(run, form).map(Unit::Supervised),
            _ => Err(both),
        }
    }

    fn systemd(&self, unit: Spanned<String>, form: &UnitForm) -> Result<Unit, ConfigError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_@.:\\".contains(&byte);
        let text = unit.get_ref();
        let known = text.ends_with(".service") || text.ends_with(".target");
        let alone = form.directory.is_none()
            && form.environment.is_empty()
            && form.restart.is_none()
            && form.restart_after_ms.is_none()
            && form.restart_after_max_ms.is_none()
            && form.stop_after_s.is_none()
            && form.log_bytes.is_none()
            && form.log_files.is_none();
        if !alone {
            let problem = "a unit of systemd has no other keys: systemd has its own";
            return Err(self.wrong(&unit, problem, "remove them, and set them in the unit's file"));
        }
        match known && !text.starts_with('-') && text.bytes().all(fits) && text.len() <= 256 {
            true => Ok(Unit::Systemd(unit.into_inner())),
            false => Err(self.wrong(&unit, "no name of a unit", "for example kyvos.service")),
        }
    }

    fn supervised(
        &self,
        run: Spanned<Vec<String>>,
        form: UnitForm,
    ) -> Result<Supervised, ConfigError> {
        let plain = |text: &String| !text.contains('\0') && text.len() <= 4_096;
        let fits = run.get_ref().first().is_some_and(|program| program.starts_with('/'));
        if !fits || run.get_ref().len() > 100 || !run.get_ref().iter().all(plain) {
            let remedy = "begin with the absolute path of a program; at most 100 arguments";
            return Err(self.wrong(&run, "run does not name a program", remedy));
        }
        let named = |(name, value): (&String, &String)| {
            !name.is_empty() && !name.contains(['=', '\0']) && plain(name) && plain(value)
        };
        if form.environment.len() > 100 || !form.environment.iter().all(named) {
            let remedy = "environment = { NAME = \"value\" }, at most 100";
            return Err(self.wrong(&run, "environment is not usable", remedy));
        }
        let directory = match form.directory {
            Some(given) => self.absolute(&given, "directory")?,
            None => PathBuf::from("/"),
        };
        let restart = match &form.restart {
            None => true,
            Some(given) => match given.get_ref().as_str() {
                "always" => true,
                "never" => false,
                _ => return Err(self.wrong(given, "restart is not known", "always or never")),
            },
        };
        let number =
            |given: Option<Spanned<u64>>, default, min, max| self.number(given, default, min, max);
        let pause = number(form.restart_after_ms, 1_000, 100, 60_000)?;
        let longest = number(form.restart_after_max_ms, 60_000.max(pause), pause, 3_600_000)?;
        Ok(Supervised {
            run: run.into_inner(),
            directory,
            environment: form.environment,
            restart,
            restart_after: Duration::from_millis(pause),
            restart_after_max: Duration::from_millis(longest),
            stop_after: Duration::from_secs(number(form.stop_after_s, 30, 1, 240)?),
            log_bytes: number(form.log_bytes, 16 << 20, 64 << 10, 1 << 30)?,
            log_files: u32::try_from(number(form.log_files, 4, 1, 99)?).expect("bounded above"),
        })
    }

    fn number(
        &self,
        given: Option<Spanned<u64>>,
        default: u64,
        min: u64,
        max: u64,
    ) -> Result<u64, ConfigError> {
        match given {
            None => Ok(default),
            Some(given) if (min..=max).contains(given.get_ref()) => Ok(given.into_inner()),
            Some(given) => {
                let problem = format!("{} is out of bounds", given.get_ref());
                Err(self.wrong(&given, problem, format!("give {min} to {max}")))
            }
        }
    }

    fn log(
        &self,
        level: Option<Spanned<String>>,
        format: Option<Spanned<String>>,
    ) -> Result<Log, ConfigError> {
        let levels = ["error", "warn", "info", "debug", "trace"];
        let level = match level {
            None => "info",
            Some(given) => levels
                .into_iter()
                .find(|level| level == given.get_ref())
                .ok_or_else(|| self.wrong(&given, "log_level is not known", levels.join(", ")))?,
        };
        let format = match format {
            None => LogFormat::Text,
            Some(given) => match given.get_ref().as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(self.wrong(&given, "log_format is not known", "text or json")),
            },
        };
        Ok(Log { level, renewals: false, format })
    }

    /// A path without detours; a relative one is taken from the folder of the file.
    fn absolute(&self, given: &Spanned<PathBuf>, key: &str) -> Result<PathBuf, ConfigError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let joined = folder.join(given.get_ref());
        let path = std::path::absolute(joined)
            .map_err(|error| self.wrong(given, format!("{key}: {error}"), "give a path"))?;
        let straight = !path.components().any(|part| part == std::path::Component::ParentDir);
        match straight && path.to_str().is_some_and(|text| text.len() <= 1_024) {
            true => Ok(path),
            false => Err(self.wrong(given, format!("{key} takes a detour"), "give it without ..")),
        }
    }

    fn wrong<T>(
        &self,
        at: &Spanned<T>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        let line = self.line(at.span().start);
        ConfigError::new(Origin::file(self.path, line), problem, remedy)
    }

    fn line(&self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<AgentConfig, ConfigError> {
        Reading { path: Path::new("/etc/km/agent.toml"), text }.config()
    }

    #[test]
    fn the_smallest_file_is_enough() {
        let config = read("[agent]\ndata_dir = \"data\"\n").unwrap();
        assert_eq!(config.data_dir, Path::new("/etc/km/data"));
        assert_eq!(config.listen.port(), 7447);
        assert!(config.advertise.ends_with(":7447") && config.units.is_empty());
    }

    #[test]
    fn a_unit_is_systemds_or_a_program() {
        let text = "[agent]\ndata_dir = \"/d\"\n[unit.kyvos-manager]\nsystemd = \"km.service\"\n\
            [unit.bi]\nrun = [\"/opt/bi\", \"-x\"]\nrestart = \"never\"\nlog_bytes = 65536\n";
        let config = read(text).unwrap();
        assert_eq!(config.units["kyvos-manager"], Unit::Systemd("km.service".into()));
        let Unit::Supervised(bi) = &config.units["bi"] else { panic!("a program") };
        assert_eq!((bi.run.len(), bi.restart, bi.log_bytes), (2, false, 65_536));
    }

    #[test]
    fn each_mistake_is_told_with_its_line_and_a_remedy() {
        let of = |rest: &str| format!("[agent]\ndata_dir = \"/d\"\n{rest}");
        let table = [
            ("[agent]\n".to_owned(), "line 1", "data_dir"),
            (of("listne = \"x\""), "line 3", "listne"),
            (of("listen = \"7447\""), "line 3", "IP:PORT"),
            (of("advertise = \"here\""), "line 3", "HOST:PORT"),
            (of("search_path = \"bin\""), "line 3", "absolute"),
            (of("log_level = \"loud\""), "line 3", "trace"),
            (of("[files]\nroots = [\"/\"]"), "line 4", "root"),
            (of("[files]\nroots = [\"/d/x\"]"), "line 4", "root"),
            (of("[files]\nroots = [\"/a/../b\"]"), "line 4", "detour"),
            (of("[unit.a]\n"), "line 3", "systemd or run"),
            (of("[unit.\"a b\"]\nrun = [\"/x\"]"), "line 3", "unit's name"),
            (of("[unit.a]\nrun = [\"x\"]"), "line 4", "absolute"),
            (of("[unit.a]\nrun = [\"/x\"]\nrestart = \"maybe\""), "line 5", "never"),
            (of("[unit.a]\nrun = [\"/x\"]\nstop_after_s = 0"), "line 5", "1 to 240"),
            (of("[unit.a]\nsystemd = \"a.service\"\nrestart = \"never\""), "line 4", "systemd"),
            (of("[unit.a]\nsystemd = \"a b\""), "line 4", "name of a unit"),
            (of("[units.a]\n"), "line 3", "units"),
        ];
        for (text, line, told) in table {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(line) && message.contains(told), "{text:?}: {message}");
            assert!(message.contains("remedy:"), "{message}");
        }
    }

    #[test]
    fn every_key_is_described() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/running/agent.md");
        let page = std::fs::read_to_string(path).unwrap();
        let keys = [
            "data_dir",
            "listen",
            "advertise",
            "search_path",
            "log_level",
            "log_format",
            "roots",
            "systemd",
            "run",
            "directory",
            "environment",
            "restart",
            "restart_after_ms",
            "restart_after_max_ms",
            "stop_after_s",
            "log_bytes",
            "log_files",
        ];
        for key in keys {
            assert!(page.contains(&format!("| `{key}` |")), "docs/running/agent.md lacks {key}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error_and_never_a_panic(text in "\\PC{0,200}") {
            let _ = read(&text); // either answer will do
        }
    }
}
