//! Facts of the alerts: what is the matter, who saw it, and who is told.

mod channel;
mod kind;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::channel::{
    About, CHANNELS_MAX, Channel, Encryption, FAILED_TRIES_TOLD, Letter, Login, Mail,
    NAME_MAX_BYTES, PASSWORD_PURPOSE, PEM_MAX_BYTES, RECIPIENTS_MAX, SEALED_MAX_BYTES,
    SECRET_PURPOSE, Setting, TRIED_FOR_MS, Tried, URL_MAX_BYTES, USERNAME_MAX_BYTES, WAITING_MAX,
    Way, Webhook, Wish, Word, backoff_ms, failing_key, is_mail_address, is_url,
};
pub use self::kind::{Kind, Severity};
pub use super::command::{Command, Event};
use crate::base::{Code, Refusal, Revision, Timestamp};

/// Most alerts that are kept, resolved ones with them; the oldest resolved ones are forgotten first.
pub const ALERTS_MAX: usize = 1_000;
/// Most alerts that are not resolved at a time.
pub const UNRESOLVED_MAX: usize = 500;
/// How long a resolved alert is kept.
pub const KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// A cause that comes back within this time is the same alert again.
pub const SAME_AGAIN_MS: u64 = 3_600 * 1_000;
/// Most events whose occurrence is remembered.
pub const OCCURRED_MAX: usize = 1_000;
/// Longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 320;
/// Longest name of what an alert is about, in bytes: a host's fits.
pub const SUBJECT_MAX_BYTES: usize = 256;
/// Longest sentence, in bytes; longer ones are cut.
pub const TEXT_MAX_BYTES: usize = 512;
/// Longest note of whoever acknowledges, in bytes.
pub const NOTE_MAX_BYTES: usize = 500;

/// What the group knows of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Alerts, by the revision that raised them.
    pub alerts: BTreeMap<Revision, Alert>,
    /// The newest occurrence of each event, by key: what was told of once is not told again.
    pub occurred: BTreeMap<String, u64>,
    /// Who is told, by the revision that made the channel.
    pub channels: BTreeMap<Revision, Channel>,
}

/// Why a person should look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Names the cause: while it lasts it is the same alert.
    pub key: String,
    /// What kind of alert it is.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: a host, a check; empty for the group as a whole.
    pub subject: String,
    /// The sentence.
    pub text: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// What happens in a moment: which time, as a number that only grows. `None`: it lasts.
    pub occurrence: Option<u64>,
}

/// Something a person should know, until somebody saw it or its cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Why.
    pub cause: Cause,
    /// How many times it came.
    pub count: u32,
    /// When it came last.
    pub raised_at: Timestamp,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledged>,
    /// When its cause was gone.
    pub resolved_at: Option<Timestamp>,
    /// Revision of its last change.
    pub revision: Revision,
}

/// Who has seen an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What he had to say; may be empty.
    pub note: String,
}

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Nobody has seen it.
    Open,
    /// Somebody has, and its cause lasts.
    Acknowledged,
    /// Its cause is gone.
    Resolved,
}

impl Cause {
    /// Whether a person reads something else in another one. When it began is told with the first word, and does not
    /// change afterwards.
    pub fn differs(&self, other: &Self) -> bool {
        let says =
            |cause: &Self| (cause.kind, cause.severity, cause.subject.clone(), cause.text.clone());
        says(self) != says(other)
    }
}

impl Alert {
    /// How it stands.
    pub fn stand(&self) -> Stand {
        match (self.resolved_at, &self.acknowledged) {
            (Some(_), _) => Stand::Resolved,
            (None, Some(_)) => Stand::Acknowledged,
            (None, None) => Stand::Open,
        }
    }

    /// Whether it tells of a moment, and not of what lasts.
    pub fn is_moment(&self) -> bool {
        self.cause.occurrence.is_some()
    }
}

impl Facts {
    /// An alert by its number.
    pub fn alert(&self, id: Revision) -> Result<&Alert, Refusal> {
        let unknown = || {
            let detail = format!("There is no alert {id}, or it was forgotten.");
            Refusal::new(Code::NoSuchAlert, detail)
        };
        self.alerts.get(&id).ok_or_else(unknown)
    }

    /// A channel by its number.
    pub fn channel(&self, id: Revision) -> Result<&Channel, Refusal> {
        let unknown = || Refusal::new(Code::NoSuchChannel, format!("There is no channel {id}."));
        self.channels.get(&id).ok_or_else(unknown)
    }

    /// Every alert whose cause lasts, or that nobody has seen.
    pub fn unresolved(&self) -> impl Iterator<Item = (Revision, &Alert)> {
        let unresolved = |(_, alert): &(&Revision, &Alert)| alert.resolved_at.is_none();
        self.alerts.iter().filter(unresolved).map(|(id, alert)| (*id, alert))
    }

    /// The newest alert of a key.
    pub fn newest_of(&self, key: &str) -> Option<(Revision, &Alert)> {
        let mut newest_first = self.alerts.iter().rev();
        newest_first.find(|(_, alert)| alert.cause.key == key).map(|(id, alert)| (*id, alert))
    }

    /// How many alerts nobody has seen.
    pub fn open(&self) -> usize {
        self.unresolved().filter(|(_, alert)| alert.stand() == Stand::Open).count()
    }

    /// Whether an event was told of already.
    pub fn has_occurred(&self, cause: &Cause) -> bool {
        let before = self.occurred.get(&cause.key);
        cause.occurrence.is_some_and(|this| before.is_some_and(|before| *before >= this))
    }
}
