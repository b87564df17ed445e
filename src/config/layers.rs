//! The four layers of a configuration, laid over each other: defaults < file < environment < flags.
//!
//! Every given value is known with its origin and belongs to a known setting; whether it fits the setting is
//! not judged here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::settings::{Default, SETTINGS, Setting, setting};

/// Longest configuration file, in bytes: a whole one has about forty short lines.
pub(super) const FILE_MAX_BYTES: u64 = 64 << 10;

/// A value as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub text: String,
    pub origin: Origin,
}

/// The values given for each setting, the strongest layer only.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<&'static str, Given>,
}

impl Layers {
    /// The built-in values.
    pub(super) fn defaults() -> Self {
        let mut layers = Self { values: BTreeMap::new() };
        for setting in SETTINGS {
            if let Default::Value(text) = setting.default {
                layers.put(setting, text, Origin::Default);
            }
        }
        layers
    }

    /// Lays the file over what is there.
    pub(super) fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        self.text(path, &read(path)?)
    }

    /// Lays the text of a file over what is there.
    pub(super) fn text(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_of(text, span.start));
            let remedy =
                "the file is TOML: [section] lines, then name = value lines, text in quotes";
            ConfigError::new(Origin::file(path, line), error.message(), remedy)
        })?;
        let at = |offset| Origin::file(path, line_of(text, offset));
        for (section, names) in document.get_ref() {
            let Some(names) = names.get_ref().as_table() else {
                return Err(unknown(at(section.span().start), section.get_ref()));
            };
            for (name, value) in names {
                let key = format!("{}.{}", section.get_ref(), name.get_ref());
                let origin = at(name.span().start);
                let Some(setting) = setting(&key) else { return Err(unknown(origin, &key)) };
                let text = scalar(setting, value, &origin)?;
                self.put(setting, text, origin);
            }
        }
        Ok(())
    }

    /// Lays the variables of the environment that belong to settings over what is there. A variable with the
    /// prefix of a section that names no setting is refused: it would be a silent spelling mistake.
    pub(super) fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        for (variable, value) in variables {
            let Ok(variable) = variable.into_string() else { continue }; // not one of ours
            let origin = Origin::Environment(variable.clone());
            match SETTINGS.iter().find(|setting| setting.variable() == variable) {
                Some(setting) => self.put(setting, utf8(value, &origin)?, origin),
                None if names_a_section(&variable) => return Err(unknown(origin, &variable)),
                None => {}
            }
        }
        Ok(())
    }

    /// Lays one flag over what is there.
    pub(super) fn flag(&mut self, flag: &str, key: &str, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::Flag(flag.to_owned());
        let Some(setting) = setting(key) else { return Err(unknown(origin, key)) };
        self.put(setting, text, origin);
        Ok(())
    }

    /// The value in force; `None` when no layer has one.
    pub(super) fn get(&self, key: &'static str) -> Option<&Given> {
        assert!(setting(key).is_some(), "{key} is in the table of settings");
        self.values.get(key)
    }

    /// Every value in force with where it comes from.
    pub(super) fn in_force(&self) -> String {
        let line = |(key, given): (&&str, &Given)| {
            format!("{key} = {:?}  # {}\n", given.text, given.origin)
        };
        self.values.iter().map(line).collect()
    }

    fn put(&mut self, setting: &'static Setting, text: impl Into<String>, origin: Origin) {
        self.values.insert(setting.key, Given { text: text.into(), origin });
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let at = || Origin::file(path, 0);
    let remedy = "give an existing, readable file with --config FILE; docs/running/config.md has one to start from";
    let size = std::fs::metadata(path)
        .map_err(|error| ConfigError::new(at(), error.to_string(), remedy))?
        .len();
    if size > FILE_MAX_BYTES {
        let problem = format!("{size} bytes are too long for a configuration file");
        return Err(ConfigError::new(at(), problem, format!("at most {FILE_MAX_BYTES} bytes")));
    }
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::new(at(), error.to_string(), "a UTF-8 text file is needed"))
}

fn scalar(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
    origin: &Origin,
) -> Result<String, ConfigError> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        other => {
            let problem = format!("{} cannot be of the type {}", setting.key, other.type_str());
            Err(ConfigError::new(
                origin.clone(),
                problem,
                "write a text in quotes or a whole number",
            ))
        }
    }
}

fn utf8(value: OsString, origin: &Origin) -> Result<String, ConfigError> {
    value
        .into_string()
        .map_err(|_| ConfigError::new(origin.clone(), "the value is not UTF-8", "give UTF-8 text"))
}

fn names_a_section(variable: &str) -> bool {
    SETTINGS.iter().any(|setting| {
        let whole = setting.variable();
        let section = setting.key.find('.').unwrap_or(setting.key.len());
        variable.starts_with(&whole[..="KM_".len() + section])
    })
}

fn unknown(origin: Origin, name: &str) -> ConfigError {
    let problem = format!("there is no setting {name}");
    ConfigError::new(origin, problem, format!("the settings are {}", keys()))
}

fn keys() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
