//! Everything that is derived: a function for each kind of cause, from the facts and what the Active sees.

mod hosts;
mod services;

use std::collections::BTreeMap;

use super::Seen;
use crate::base::text::cut;
use crate::base::{ManagerId, Timestamp};
use crate::capabilities::alerts::model::{
    Cause, FAILED_TRIES_TOLD, Kind, SUBJECT_MAX_BYTES, Severity, TEXT_MAX_BYTES, failing_key,
};
use crate::capabilities::prechecks::model::{Check, Grade};
use crate::capabilities::services::model::{
    Standing, wanted, zookeeper_operated_until, zookeeper_sleeps, zookeeper_wanted_since,
};
use crate::machine::State;

/// How long a member may be silent, or one more failure fatal: a restart is over sooner.
const MEMBERS_AFTER_MS: u64 = 10_000;
/// How long a member may lag.
const LAG_AFTER_MS: u64 = 30_000;
/// So many entries are a lag.
const LAG_ENTRIES: u64 = 1_000;
/// How long a host or ZooKeeper may be silent.
const SILENT_AFTER_MS: u64 = 15_000;
/// How long after somebody was at ZooKeeper's servers the watch may take to find them: a try of it lasts up to ten seconds.
const FOUND_WITHIN_MS: u64 = 30_000;
/// So many of a kind are told of one by one; more of them together.
const ONE_BY_ONE: usize = 16;
/// So many hosts are named in a sentence.
const NAMED_MAX: usize = 5;
/// How far a clock may be from the middle one: what the group believes.
const CLOCK_OFF_MAX_MS: u64 = 60_000;
/// So near its end a certificate should have been renewed by itself.
const CERTIFICATE_ENDS_MS: u64 = 7 * 24 * 3_600_000;

/// A cause that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub cause: Cause,
    /// How long it has to last before somebody is bothered.
    pub after_ms: u64,
    /// Whether the facts know since when it is so, and not only this tenure.
    pub since_is_known: bool,
}

/// Everything a person should know of now, by key.
pub fn causes(state: &State, seen: &Seen) -> BTreeMap<String, Found> {
    let told = told(state);
    let mut found = Vec::new();
    found.extend(active_changed(state));
    found.extend(members(state, seen));
    found.extend(no_failure_tolerance(state, seen));
    found.extend(facts_differ(seen));
    found.extend(zookeeper_away(state));
    found.extend(prechecks(state));
    found.extend(hosts::causes(state, &told, seen.now));
    found.extend(services::causes(state, &told, seen.now));
    found.extend(channels(state));
    found.into_iter().map(|found: Found| (found.cause.key.clone(), found)).collect()
}

/// What nobody asked for. A Manager that takes its own office again has changed nothing.
fn active_changed(state: &State) -> Option<Found> {
    let tenure = state.managers.tenure.as_ref()?;
    let before = tenure.before.filter(|before| *before != tenure.active && !tenure.planned)?;
    let (host, was) = (host(state, tenure.active), host(state, before));
    let text = format!("{host} became Active in place of {was}, unplanned: {}.", tenure.because);
    let cause = cause("active_changed", Kind::ActiveChanged, Severity::Warning, &host, text);
    let cause = Cause { since: tenure.since, occurrence: Some(tenure.epoch.0), ..cause };
    Some(Found { cause, after_ms: 0, since_is_known: true })
}

/// What is the matter with each member of the group.
fn members(state: &State, seen: &Seen) -> Vec<Found> {
    let about = |id: &ManagerId| {
        let Some(member) = seen.members.get(id) else { return vec![unreachable(state, *id, seen)] };
        let host = host(state, *id);
        let behind = format!("{host} is {LAG_ENTRIES} entries or more behind the others.");
        let lags = member.answers && member.behind >= LAG_ENTRIES;
        let full = member.disk_full.as_ref().filter(|_| member.answers).map(|why| {
            let text = format!(
                "The disk of {host} is full: {why}. Free space; it writes again by itself."
            );
            since_now(
                cause(&format!("disk_full/{id}"), Kind::DiskFull, Severity::Error, &host, text),
                0,
                seen,
            )
        });
        vec![
            (!member.answers).then(|| unreachable(state, *id, seen)).flatten(),
            lags.then(|| {
                let cause = cause(
                    &format!("manager_lagging/{id}"),
                    Kind::ManagerLagging,
                    Severity::Warning,
                    &host,
                    behind,
                );
                since_now(cause, LAG_AFTER_MS, seen)
            }),
            full,
            rebuilt(*id, &host, member),
            clock(*id, &host, member.clock_off_ms, seen),
            member.certificate_ends.and_then(|ends| certificate(*id, &host, ends, seen)),
        ]
    };
    state.managers.members.keys().flat_map(about).flatten().collect()
}

/// A member that is silent although nobody stopped it, restarts it, brings it in or takes it out.
fn unreachable(state: &State, id: ManagerId, seen: &Seen) -> Option<Found> {
    if is_expected(state, id) {
        return None;
    }
    let host = host(state, id);
    let text = format!("{host} does not answer the Active.");
    let cause = cause(
        &format!("manager_unreachable/{id}"),
        Kind::ManagerUnreachable,
        Severity::Warning,
        &host,
        text,
    );
    Some(since_now(cause, MEMBERS_AFTER_MS, seen))
}

fn is_expected(state: &State, id: ManagerId) -> bool {
    let about = state.operations.about(&state.managers, id).is_some();
    about || state.installs.stops.contains_key(&id)
}

/// Each process tells it once.
fn rebuilt(id: ManagerId, host: &str, member: &super::Member) -> Option<Found> {
    if member.rebuilt == 0 {
        return None;
    }
    let text = format!(
        "{host} found damaged files at its start, put them aside and rebuilt them. Look at its disk."
    );
    let cause =
        cause(&format!("store_rebuilt/{id}"), Kind::StoreRebuilt, Severity::Warning, host, text);
    let cause = Cause { since: member.started_at, occurrence: Some(member.started_at.0), ..cause };
    Some(Found { cause, after_ms: 0, since_is_known: true })
}

fn clock(id: ManagerId, host: &str, off_ms: i64, seen: &Seen) -> Option<Found> {
    if off_ms.unsigned_abs() <= CLOCK_OFF_MAX_MS {
        return None;
    }
    let way = if off_ms < 0 { "behind" } else { "ahead of" };
    let text = format!(
        "The clock of {host} is more than {} s {way} the others'. Set it, and keep it by NTP.",
        CLOCK_OFF_MAX_MS / 1_000
    );
    let cause = cause(&format!("clock_skew/{id}"), Kind::ClockSkew, Severity::Warning, host, text);
    Some(since_now(cause, MEMBERS_AFTER_MS, seen))
}

fn certificate(id: ManagerId, host: &str, ends: Timestamp, seen: &Seen) -> Option<Found> {
    let left_ms = ends.since_ms(seen.now);
    let (severity, verb) = match left_ms {
        0 => (Severity::Error, "expired"),
        _ if left_ms <= CERTIFICATE_ENDS_MS => (Severity::Warning, "expires"),
        _ => return None,
    };
    let text = format!("The certificate of {host} {verb} at {ends}.");
    let cause =
        cause(&format!("certificate_expires/{id}"), Kind::CertificateExpires, severity, host, text);
    Some(since_now(cause, 0, seen))
}

/// Three voters or more, of which so many are gone that one more stops the group. What somebody stopped on purpose he was
/// warned of.
fn no_failure_tolerance(state: &State, seen: &Seen) -> Option<Found> {
    let answers = |id: &&ManagerId| seen.members.get(*id).is_some_and(|member| member.answers);
    let unexpected =
        seen.voters.iter().filter(|id| !answers(id)).any(|id| !is_expected(state, *id));
    let voters = seen.voters.len();
    if voters <= 2 || seen.failure_tolerance > 0 || !unexpected {
        return None;
    }
    let answering = seen.voters.iter().filter(answers).count();
    let quorum = voters / 2 + 1;
    let text = format!(
        "One more failure stops Kyvos Manager: {answering} of {voters} voters answer, {quorum} are required."
    );
    let cause = cause("no_failure_tolerance", Kind::NoFailureTolerance, Severity::Error, "", text);
    Some(since_now(cause, MEMBERS_AFTER_MS, seen))
}

fn facts_differ(seen: &Seen) -> Option<Found> {
    let difference = seen.difference.as_ref()?;
    let text = format!(
        "Kyvos Manager instances disagree: {difference}. Who differs from a majority stops and is rebuilt at its next start."
    );
    Some(since_now(cause("facts_differ", Kind::FactsDiffer, Severity::Error, "", text), 0, seen))
}

/// Nobody is bothered by what somebody does on purpose, and ZooKeeper is given time to come when it is wanted again.
fn zookeeper_away(state: &State) -> Option<Found> {
    let watch = state.services.watch.as_ref().filter(|_| wanted(state).is_ok())?;
    let Standing::Away { because } = &watch.standing else { return None };
    if zookeeper_sleeps(state).is_some() {
        return None;
    }
    let text = format!(
        "ZooKeeper is unavailable: {}. Service status may be stale. Kyvos Manager HA is not affected.",
        because.trim_end_matches('.')
    );
    let cause = cause("zookeeper_away", Kind::ZookeeperAway, Severity::Warning, "ZooKeeper", text);
    let away_since = watch.since.max(zookeeper_wanted_since(state).unwrap_or(watch.since));
    let operated_until = zookeeper_operated_until(state);
    let found_by = operated_until.map(|until| until.plus_ms(FOUND_WITHIN_MS)).unwrap_or_default();
    Some(since(cause, away_since, SILENT_AFTER_MS.max(found_by.since_ms(away_since))))
}

/// Where a check failed, why, and when.
type Failed<'a> = (Option<&'a str>, &'a str, Timestamp);

/// One alert for each check, whatever the number of hosts.
fn prechecks(state: &State) -> Vec<Found> {
    let mut failed: BTreeMap<Check, Vec<Failed<'_>>> = BTreeMap::new();
    for (subject, outcome) in &state.prechecks.results {
        if outcome.grade == Grade::Fail {
            let told = (subject.host.as_deref(), outcome.detail.as_str(), outcome.at);
            failed.entry(subject.check).or_default().push(told);
        }
    }
    failed.into_iter().map(|(check, failed)| precheck(check, &failed)).collect()
}

fn precheck(check: Check, failed: &[Failed<'_>]) -> Found {
    let names: Vec<&str> = failed.iter().filter_map(|(host, _, _)| *host).collect();
    let why = failed.first().map_or("", |(_, why, _)| *why);
    let text = match names.as_slice() {
        [] => format!("Precheck {}: {why}", check.title()),
        [one] => format!("Precheck {} on {one}: {why}", check.title()),
        many => {
            format!("Precheck {} fails on {} hosts: {}.", check.title(), many.len(), named(many))
        }
    };
    let began = failed.iter().map(|(_, _, at)| *at).min().unwrap_or_default();
    let key = format!("precheck_failed/{}", check.as_str());
    since(cause(&key, Kind::PrecheckFailed, Severity::Warning, check.title(), text), began, 0)
}

fn channels(state: &State) -> Vec<Found> {
    let failing = state.alerts.channels.iter().filter(|(_, it)| it.failed >= FAILED_TRIES_TOLD);
    let found = failing.filter_map(|(id, channel)| {
        let tried = channel.last.as_ref()?;
        let name = &channel.setting.name;
        let text = format!("Alerts are not told by {name}: nothing came of {FAILED_TRIES_TOLD} tries or more. km alerts channels tells why.");
        let cause = cause(&failing_key(*id), Kind::ChannelFailing, Severity::Warning, name, text);
        Some(since(cause, tried.at, 0))
    });
    found.collect()
}

/// What was told of and is not resolved, by key.
type Told<'s> = BTreeMap<&'s str, &'s Cause>;

fn told(state: &State) -> Told<'_> {
    state.alerts.unresolved().map(|(_, alert)| (alert.cause.key.as_str(), &alert.cause)).collect()
}

/// Each by itself, as long as they are few. Those that were told of one by one stay so when others follow; the others are
/// told of together: whoever gets a thousand letters reads none.
fn bundled(
    found: Vec<Found>,
    told: &Told<'_>,
    together: impl FnOnce(&[Found]) -> Cause,
) -> Vec<Found> {
    if found.len() <= ONE_BY_ONE {
        return found;
    }
    let cause = together(&found);
    let began = found.iter().map(|one| one.cause.since).min().unwrap_or_default();
    let after_ms = found.iter().map(|one| one.after_ms).max().unwrap_or_default();
    let is_told = |one: &Found| told.contains_key(one.cause.key.as_str());
    found.into_iter().filter(is_told).chain([since(cause, began, after_ms)]).collect()
}

/// What causes are about.
fn subjects(found: &[Found]) -> Vec<&str> {
    found.iter().map(|one| one.cause.subject.as_str()).collect()
}

/// The first few names, and how many more there are.
fn named(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn host(state: &State, id: ManagerId) -> String {
    let member = state.managers.members.get(&id);
    member.map_or_else(|| format!("Kyvos Manager {id}"), |member| member.profile.host.clone())
}

fn cause(key: &str, kind: Kind, severity: Severity, subject: &str, text: String) -> Cause {
    Cause {
        key: key.to_owned(),
        kind,
        severity,
        subject: cut(subject, SUBJECT_MAX_BYTES),
        text: cut(&text, TEXT_MAX_BYTES),
        since: Timestamp(0),
        occurrence: None,
    }
}

/// The facts know since when.
fn since(cause: Cause, since: Timestamp, after_ms: u64) -> Found {
    Found { cause: Cause { since, ..cause }, after_ms, since_is_known: true }
}

/// Only whoever looks knows since when.
fn since_now(cause: Cause, after_ms: u64, seen: &Seen) -> Found {
    Found { cause: Cause { since: seen.now, ..cause }, after_ms, since_is_known: false }
}
