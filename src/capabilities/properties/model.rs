//! Facts of the properties: the values somebody set. Whatever is not here has its default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::command::{Command, Event};
use super::schema::{self, ENABLE_KM_HA, File, ZK_SERVICE_WATCH};
use crate::base::{Revision, Timestamp};

/// Most names the `custom` file may hold.
pub const CUSTOM_MAX: usize = 10_000;
/// Longest name in the `custom` file, in bytes.
pub const NAME_MAX_BYTES: usize = 128;

/// Values that somebody set, by file and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    files: BTreeMap<File, BTreeMap<String, Setting>>,
}

/// A value that somebody set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The value, in its stored form.
    pub value: String,
    /// When it was last changed; the ETag.
    pub revision: Revision,
    /// The proposer's time of that change.
    pub at: Timestamp,
    /// Who changed it, as people read it.
    pub by: String,
    /// Why, if they said so.
    pub reason: Option<String>,
}

/// One line of a property's history, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The value from then on; `None`: none of its own.
    pub value: Option<String>,
    /// The revision whose value this brought back, if it was a revert.
    pub reverts_to: Option<Revision>,
    /// Why.
    pub reason: Option<String>,
}

impl Facts {
    /// The setting of a property, if somebody set it.
    pub fn setting(&self, file: File, name: &str) -> Option<&Setting> {
        self.files.get(&file)?.get(name)
    }

    /// The settings of a file, by name.
    pub fn settings(&self, file: File) -> impl Iterator<Item = (&str, &Setting)> {
        let held = self.files.get(&file).into_iter().flatten();
        held.map(|(name, setting)| (name.as_str(), setting))
    }

    /// How many properties of a file somebody set.
    pub fn count(&self, file: File) -> usize {
        self.files.get(&file).map_or(0, BTreeMap::len)
    }

    /// The value in force: what was set, else the schema's default, else nothing.
    pub fn value(&self, file: File, name: &str) -> Option<&str> {
        let default = || schema::schema(file, name).map(|schema| schema.default);
        self.setting(file, name).map(|setting| setting.value.as_str()).or_else(default)
    }

    /// A whole number of Kyvos Manager's own settings.
    pub fn number(&self, name: &str) -> u64 {
        let value = self.value(File::KyvosManager, name);
        value
            .and_then(|value| value.parse().ok())
            .expect("a schema integer was admitted as a number")
    }

    /// A path on a host, of Kyvos Manager's own settings.
    pub fn host_path(&self, name: &str, host: &str) -> String {
        self.value(File::KyvosManager, name).unwrap_or_default().replace("{host}", host)
    }

    /// A secret of Kyvos Manager's own settings, as it was sealed; `None` when nobody set one.
    pub fn sealed(&self, name: &str) -> Option<Vec<u8>> {
        schema::sealed_bytes(self.value(File::KyvosManager, name)?)
    }

    /// Whether Kyvos Manager HA is switched on (rows 24–26).
    pub fn ha_enabled(&self) -> bool {
        self.value(File::KyvosManager, ENABLE_KM_HA) == Some("yes")
    }

    /// Whether ZooKeeper may be connected to, to watch Kyvos services (A8).
    pub fn zookeeper_watched(&self) -> bool {
        match self.value(File::KyvosManager, ZK_SERVICE_WATCH) {
            Some("on") => true,
            Some("off") => false,
            Some(_) | None => self.ha_enabled(),
        }
    }

    /// The revision of a property's last change; 0 when nobody set it.
    pub fn revision(&self, file: File, name: &str) -> Revision {
        self.setting(file, name).map(|setting| setting.revision).unwrap_or_default()
    }

    pub(super) fn set(&mut self, file: File, name: &str, setting: Setting) {
        let held = self.files.entry(file).or_default();
        match held.get_mut(name) {
            Some(known) => *known = setting,
            None => drop(held.insert(name.to_owned(), setting)),
        }
    }

    /// A file without settings is not kept, so that equal settings are equal facts.
    pub(super) fn reset(&mut self, file: File, name: &str) {
        let Some(held) = self.files.get_mut(&file) else { return };
        held.remove(name);
        if held.is_empty() {
            self.files.remove(&file);
        }
    }
}

/// What a secret property is sealed as, so that it opens as nothing else.
pub fn sealing_purpose(file: File, name: &str) -> String {
    format!("property {}/{name}", file.as_str())
}

/// Where a property's history stands in [`tables::PROPERTY_CHANGES`](crate::machine::tables).
pub fn history_key(file: File, name: &str) -> Vec<u8> {
    format!("{}/{name}", file.as_str()).into_bytes()
}
