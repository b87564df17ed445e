//! With which configuration a service runs.
//!
//! A property says which services must restart before a change takes effect. What such a service read is noted where it is
//! known not to run: before it is started here, and when it is judged to be down because its host says that it does not run.
//! Whatever changed since, the service may not know. Who is restarted by others is not seen to be: an older configuration
//! may be claimed wrongly, but nobody is taken to know what he did not read, unless he runs beside his unit and is not probed.
//! Of what was changed before a service was first seen nothing is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Judgement, Observer, Says, ServiceId, ServiceType, Verdict};
use crate::base::{Code, Digest, Refusal, Timestamp};
use crate::capabilities::properties::schema::{SCHEMA, Schema};
use crate::machine::State;

/// So much the clocks of Managers may differ without anybody saying so.
const CLOCKS_DIFFER_MS: u64 = 60_000;
/// Longest name of a property with that of its file, in bytes.
const NAME_MAX_BYTES: usize = 192;

/// The values that a service read when it was started, by `file/name`. Only their digests: what they are is in the history
/// of the property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration(BTreeMap<String, Digest>);

impl Configuration {
    /// What a service of that type reads when it is started now.
    fn now(state: &State, service: ServiceType) -> Self {
        let value = |schema: &Schema| state.properties.value(schema.file, schema.name);
        let digest = |schema: &Schema| Digest::of(value(schema).unwrap_or_default().as_bytes());
        Self(read_by(service).map(|schema| (name(schema), digest(schema))).collect())
    }

    /// What is read by a service that did not run at that time. What was changed around it may be newer: clocks differ.
    fn at_rest(&self, now: &Self, state: &State, service: ServiceType, at: Timestamp) -> Self {
        let settled = |schema: &Schema| {
            let setting = state.properties.setting(schema.file, schema.name);
            // Since when a default holds again nobody keeps.
            setting.is_some_and(|setting| setting.at.plus_ms(CLOCKS_DIFFER_MS) <= at)
        };
        let old = read_by(service).filter(|schema| !settled(schema)).map(name);
        let old = old.filter_map(|name| self.0.get_key_value(&name));
        let mut read = now.clone();
        read.0.extend(old.map(|(name, digest)| (name.clone(), *digest)));
        read
    }

    /// Of exactly these values, for scripts.
    #[cfg(test)]
    pub(in crate::capabilities::services) fn reading<'v>(
        values: impl IntoIterator<Item = (String, &'v str)>,
    ) -> Self {
        let digest = |(name, value): (String, &str)| (name, Digest::of(value.as_bytes()));
        Self(values.into_iter().map(digest).collect())
    }

    /// Told by another Manager, it has its bounds.
    pub(in crate::capabilities::services) fn fits(&self) -> bool {
        self.0.len() <= SCHEMA.len() && self.0.keys().all(|name| name.len() <= NAME_MAX_BYTES)
    }
}

/// What each type reads now, looked up once for many services.
pub struct Configurations<'s> {
    state: &'s State,
    now: BTreeMap<ServiceType, Configuration>,
}

impl<'s> Configurations<'s> {
    /// As it is now.
    pub fn of(state: &'s State) -> Self {
        let types = ServiceType::ALL.into_iter();
        Self { state, now: types.map(|it| (it, Configuration::now(state, it))).collect() }
    }

    /// The properties, as `file/name`, of which a service runs with older values. None of one that does not run: it reads them
    /// when it is started. None either of one of which nothing is known.
    pub fn old(&self, service: ServiceId) -> Vec<&'s str> {
        let facts = &self.state.services;
        let judged = facts.verdicts.get(&service);
        let rests = judged.is_some_and(|judged| rests_at(&judged.judgement).is_some());
        let read = facts.started_with.get(&service).filter(|_| !rests);
        let Some((read, now)) = read.zip(self.now.get(&service.service)) else { return Vec::new() };
        let differs = |(name, digest): &(&String, &Digest)| {
            now.0.get(*name).is_some_and(|now| now != *digest)
        };
        read.0.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
    }

    /// What is to be noted of a service that does not run; `None`: that is noted, or it reads nothing.
    pub fn news(&self, service: ServiceId) -> Option<Configuration> {
        let now = self.now.get(&service.service).filter(|now| !now.0.is_empty())?;
        let known = self.state.services.started_with.get(&service);
        (known != Some(now)).then(|| now.clone())
    }

    /// What is to be noted of a service that is judged anew.
    pub fn judged(&self, service: ServiceId, judgement: &Judgement) -> Option<Configuration> {
        let now = self.news(service)?;
        let rests = rests_at(judgement);
        match self.state.services.started_with.get(&service) {
            Some(known) => Some(known.at_rest(&now, self.state, service.service, rests?)),
            // Of one that nobody sees nothing is known.
            None => (rests.is_some() || is_seen(judgement.verdict)).then_some(now),
        }
    }
}

fn is_seen(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Up | Verdict::Degraded => true,
        Verdict::Down | Verdict::Unknown => false,
    }
}

/// When its host saw that it does not run, if that is what is judged.
fn rests_at(judgement: &Judgement) -> Option<Timestamp> {
    let unit = judgement.evidence.iter().find(|seen| seen.observer == Observer::Unit)?;
    let rests = judgement.verdict == Verdict::Down && unit.says == Says::NotThere;
    rests.then_some(unit.at)
}

/// The properties that a type reads when it is started.
fn read_by(service: ServiceType) -> impl Iterator<Item = &'static Schema> {
    // What is written with hyphens in the schema has underscores here.
    let names = move |word: &&str| word.replace('-', "_") == service.as_str();
    SCHEMA.iter().filter(move |schema| schema.restart.iter().any(names))
}

fn name(schema: &Schema) -> String {
    format!("{}/{}", schema.file.as_str(), schema.name)
}

/// Why nothing is restarted for its configuration. `who`: "nobody is".
pub fn nothing_stale(who: &str) -> Refusal {
    let detail = format!("{who} seen to run with an older configuration than it would read now.");
    Refusal::new(Code::NothingStale, detail)
}
