//! With which configuration a service runs.
//!
//! A property says which services must restart before a change takes effect. What such a service read is noted at the
//! last place in the log where it is known not to have run: whatever changed behind it, the service may not know. Of one
//! that was never seen to stand still it is what held when it was first judged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ServiceId, ServiceType, Verdict, turn_ms};
use crate::base::{Code, Digest, Refusal, Timestamp};
use crate::capabilities::properties::schema::{SCHEMA, Schema};
use crate::machine::State;

/// For so many turns a service may run before it is judged to be up.
const TURNS_UNTIL_JUDGED: u64 = 3;

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

    /// What is read by a service that is up and was down before. When exactly it started nobody saw, so what was changed a
    /// moment ago it may not have read.
    fn since_down(&self, now: &Self, state: &State, service: ServiceType, at: Timestamp) -> Self {
        let wait_ms = TURNS_UNTIL_JUDGED * turn_ms(state);
        let settled = |schema: &Schema| {
            let setting = state.properties.setting(schema.file, schema.name);
            setting.is_none_or(|setting| setting.at.plus_ms(wait_ms) <= at)
        };
        let old = read_by(service).filter(|schema| !settled(schema)).map(name);
        let old = old.filter_map(|name| self.0.get_key_value(&name));
        let mut read = now.clone();
        read.0.extend(old.map(|(name, digest)| (name.clone(), *digest)));
        read
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

    /// The properties, as `file/name`, of which a service runs with older values. None of one that is down: it reads them
    /// when it is started. None either of one of which nothing is known.
    pub fn old(&self, service: ServiceId) -> Vec<&'s str> {
        let facts = &self.state.services;
        let down = facts.verdicts.get(&service).is_some_and(is_down);
        let read = facts.started_with.get(&service).filter(|_| !down);
        let now = self.now.get(&service.service);
        let Some((read, now)) = read.zip(now) else { return Vec::new() };
        let differs = |(name, digest): &(&String, &Digest)| now.0.get(*name) != Some(*digest);
        read.0.iter().filter(differs).map(|(name, _)| name.as_str()).collect()
    }

    /// What is to be noted of a service that does not run; `None`: that is noted, or it reads nothing.
    pub fn at_rest(&self, service: ServiceId) -> Option<Configuration> {
        let now = self.now.get(&service.service).filter(|now| !now.0.is_empty())?;
        let known = self.state.services.started_with.get(&service);
        (known != Some(now)).then(|| now.clone())
    }

    /// What is to be noted of a service that is judged anew.
    pub fn judged(
        &self,
        service: ServiceId,
        verdict: Verdict,
        at: Timestamp,
    ) -> Option<Configuration> {
        let now = self.at_rest(service)?;
        let facts = &self.state.services;
        let was_down = facts.verdicts.get(&service).is_some_and(is_down);
        match facts.started_with.get(&service) {
            None => Some(now),
            Some(_) if verdict == Verdict::Down => Some(now),
            Some(read) if was_down => Some(read.since_down(&now, self.state, service.service, at)),
            Some(_) => None,
        }
    }
}

fn is_down(judged: &super::Judged) -> bool {
    judged.judgement.verdict == Verdict::Down
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
