//! What an operator should know of the group, in a sentence each. The dashboard shows them as banners.

use serde::Serialize;
use utoipa::ToSchema;

use super::sight::Sight;
use crate::base::{ManagerId, Timestamp};
use crate::capabilities::installs::model::{ScriptState, script_state};
use crate::capabilities::services::model::{Standing, wanted, zookeeper_sleeps};
use crate::cluster::{AHEAD_MAX_MS, middle_clock};
use crate::machine::State;

const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// What takes longer is no restart any more, and has to be called what it is.
const RESTART_MAX_MS: u64 = 120 * 1_000;

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Notice {
    /// Stable code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// Good to know.
    Info,
    /// Something will break if nothing is done.
    Warning,
    /// Something does not work.
    Error,
}

/// Everything there is to know now, the gravest first.
pub(super) fn notices(state: &State, sight: &Sight) -> Vec<Notice> {
    let mut found: Vec<Notice> = Vec::new();
    found.extend(removed(sight));
    found.extend(no_active(state, sight));
    found.extend(restarting(state, sight));
    found.extend(no_failover(sight));
    found.extend(script_pending(state));
    found.extend(zookeeper_away(state));
    found.extend(disks_full(state, sight));
    found.extend(facts_differ(sight));
    found.extend(certificates(state, sight));
    found.extend(clocks_astray(state, sight));
    found.extend(store_rebuilt(sight));
    found.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
    found
}

/// The last thing a Manager has to say.
fn removed(sight: &Sight) -> Option<Notice> {
    let why = sight.standing.removed.as_ref()?;
    let text = format!("{why}. This instance ends. To bring its host back, add it anew.");
    Some(notice("MANAGER_REMOVED", Severity::Error, text))
}

fn no_active(state: &State, sight: &Sight) -> Option<Notice> {
    let text = "No active Kyvos Manager. This instance is read-only. Retrying…";
    sight.active(state).is_none().then(|| notice("NO_ACTIVE", Severity::Error, text))
}

/// Banner 5 of requirements 5.10, to the letter: of the Manager that answers. Its pages keep the notice while it is
/// silent, and so know why.
fn restarting(state: &State, sight: &Sight) -> Option<Notice> {
    is_restarting(state, sight)
        .then(|| notice("RESTARTING", Severity::Warning, "Kyvos Manager is restarting…"))
}

/// Whether this Manager restarts because somebody asked for it.
pub(super) fn is_restarting(state: &State, sight: &Sight) -> bool {
    let since = state.operations.restarting_since(&state.managers, sight.here);
    since.is_some_and(|since| sight.at.since_ms(since) < RESTART_MAX_MS)
}

/// Two voters cannot outlive either of them (requirements 3.3); more of them can be down to the last quorum. Where
/// even that is gone, nothing is left for one more failure to stop.
fn no_failover(sight: &Sight) -> Option<Notice> {
    let (voters, quorum) = (sight.standing.voters.len(), sight.quorum());
    if voters == 2 {
        let text = "No automatic failover: 2 of 2 Kyvos Manager instances are required. Add a third instance or a witness.";
        return Some(notice("NO_AUTOMATIC_FAILOVER", Severity::Warning, text));
    }
    let answering = sight.standing.voters.iter().filter(|id| sight.reaches(**id)).count();
    (voters > 2 && answering >= quorum && sight.failure_tolerance() == 0).then(|| {
        let text = format!("One more failure stops Kyvos Manager: {answering} of {voters} voters answer, {quorum} are required.");
        notice("NO_FAILURE_TOLERANCE", Severity::Warning, text)
    })
}

/// Banner 1 of requirements 5.10, to the letter.
fn script_pending(state: &State) -> Option<Notice> {
    let text = "Kyvos Manager HA is enabled. Push the Kyvos Manager Disaster Recovery script to complete the setup.";
    let pending = script_state(state) == ScriptState::Pending;
    pending.then(|| notice("DR_SCRIPT_PENDING", Severity::Warning, text))
}

/// Banner 3 of requirements 5.10, to the letter, unless somebody wants ZooKeeper to be away; the time of day is UTC.
fn zookeeper_away(state: &State) -> Option<Notice> {
    let watch = state.services.watch.as_ref().filter(|_| wanted(state).is_ok())?;
    let Standing::Away { .. } = watch.standing else { return None };
    if let Some(planned) = zookeeper_sleeps(state) {
        let text = format!(
            "ZooKeeper is stopped as planned ({}, by {}). Service status may be stale (since {}). Kyvos Manager HA is not affected.",
            planned.why.as_str(),
            planned.by,
            time_of_day(watch.since)
        );
        return Some(notice("ZOOKEEPER_AWAY", Severity::Info, text));
    }
    let text = format!(
        "ZooKeeper is unavailable. Service status may be stale (since {}). Kyvos Manager HA is not affected.",
        time_of_day(watch.since)
    );
    Some(notice("ZOOKEEPER_AWAY", Severity::Warning, text))
}

/// `hh:mm` in UTC.
fn time_of_day(at: Timestamp) -> String {
    let minutes = at.0 / 60_000 % (24 * 60);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn disks_full(state: &State, sight: &Sight) -> Vec<Notice> {
    let of = |id: ManagerId, because: &str| {
        let text = format!(
            "The disk of Kyvos Manager {} is full: {because}. Free space; writes resume by themselves.",
            host(state, id)
        );
        notice("DISK_FULL", Severity::Error, text)
    };
    let full = sight.statuses().filter_map(|(id, status)| Some((id, status.disk_full.as_ref()?)));
    full.map(|(id, because)| of(id, because)).collect()
}

fn facts_differ(sight: &Sight) -> Option<Notice> {
    let text = format!(
        "Kyvos Manager instances disagree: {}. Who differs from a majority stops and is rebuilt at its next start.",
        sight.difference.as_ref()?.told()
    );
    Some(notice("FACTS_DIFFER", Severity::Error, text))
}

fn certificates(state: &State, sight: &Sight) -> Vec<Notice> {
    let ends = sight
        .statuses()
        .filter_map(|(id, status)| Some((id, status.about.certificate_expires_at?)));
    ends.filter_map(|(id, ends)| certificate(&host(state, id), ends, sight.at)).collect()
}

fn certificate(host: &str, ends: Timestamp, now: Timestamp) -> Option<Notice> {
    let days = ends.since_ms(now) / DAY_MS;
    let severity = match days {
        0 => Severity::Error,
        1..7 => Severity::Warning,
        7..30 => Severity::Info,
        _ => return None,
    };
    let text = match ends <= now {
        true => format!("The certificate of Kyvos Manager {host} expired at {ends}."),
        false => format!("The certificate of Kyvos Manager {host} expires at {ends}."),
    };
    Some(notice("CERTIFICATE_EXPIRES", severity, text))
}

/// Members whose clock is far from the middle one. Of two clocks nobody can tell which is wrong: the later one is
/// named, because it is the one that would do harm.
fn clocks_astray(state: &State, sight: &Sight) -> Vec<Notice> {
    let others = sight.peers.iter().filter_map(|peer| Some((peer.id, peer.clock_ahead_ms?)));
    let others: Vec<(ManagerId, i64)> = others.collect();
    let middle = middle_clock(&others.iter().map(|(_, ahead)| *ahead).collect::<Vec<_>>());
    let all = std::iter::once((sight.here, 0)).chain(others);
    all.filter_map(|(id, ahead)| clock_astray(&host(state, id), ahead.saturating_sub(middle)))
        .collect()
}

fn clock_astray(host: &str, ahead_ms: i64) -> Option<Notice> {
    let off_ms = ahead_ms.unsigned_abs();
    let way = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let text = format!(
        "The clock of Kyvos Manager {host} is {} s {way} the others'. Set it, and keep it by NTP.",
        off_ms / 1000
    );
    (off_ms > AHEAD_MAX_MS).then(|| notice("CLOCK_SKEW", Severity::Warning, text))
}

fn store_rebuilt(sight: &Sight) -> Option<Notice> {
    let text = "The state store of this instance was rebuilt at its last start from the log and a checkpoint.";
    (!sight.store.quarantined.is_empty()).then(|| notice("STORE_REBUILT", Severity::Info, text))
}

fn host(state: &State, id: ManagerId) -> String {
    let member = state.managers.members.get(&id);
    member.map_or_else(|| id.to_string(), |member| member.profile.host.clone())
}

fn notice(code: &'static str, severity: Severity, text: impl Into<String>) -> Notice {
    Notice { code, severity, text: text.into() }
}
