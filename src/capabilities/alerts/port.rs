//! What the alerts need of the outside: what the members tell of themselves, and somebody who brings letters.

#[cfg(test)]
pub(crate) mod fake;
mod mail;
mod outlook;
mod webhook;
mod wording;

use std::error::Error;
use std::time::Duration;

use futures::future::BoxFuture;

pub use self::outlook::outlook;
use super::model::{Letter, Way};
use crate::base::Secret;
use crate::base::text::cut;
use crate::cluster::Group;

/// Longest time for bringing one letter.
const BRING_WAIT: Duration = Duration::from_secs(15);
/// Longest part of an answer that is told, in bytes.
const ANSWER_TOLD_BYTES: usize = 200;

/// Brings letters to people.
pub trait Post: Send + Sync {
    /// Brings one letter; what came of it, in a sentence. `Err`: it may have arrived all the same.
    fn bring<'a>(
        &'a self,
        channel: &'a str,
        way: &'a Way,
        letter: &'a Letter,
    ) -> BoxFuture<'a, Result<String, String>>;
}

/// The real one: HTTP and SMTP.
pub struct RealPost {
    group: Group,
}

impl RealPost {
    /// As a member of this group brings them: its secrets open with the group key.
    pub fn of(group: Group) -> Self {
        Self { group }
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret, String> {
        self.group.open_sealed(purpose, sealed).map_err(|failure| failure.to_string())
    }

    fn sender(&self) -> Sender {
        self.group.view(|state| {
            let group = state.managers.group.as_ref();
            Sender {
                group_id: group.map(|group| group.cluster_id.to_string()).unwrap_or_default(),
                group: group.map(|group| group.name.clone()).unwrap_or_default(),
            }
        })
    }
}

impl Post for RealPost {
    fn bring<'a>(
        &'a self,
        channel: &'a str,
        way: &'a Way,
        letter: &'a Letter,
    ) -> BoxFuture<'a, Result<String, String>> {
        let open = |purpose: &str, sealed: &[u8]| self.open(purpose, sealed);
        let sender = self.sender();
        Box::pin(async move {
            let brought = async {
                match way {
                    Way::Webhook(webhook) => webhook::post(webhook, &open, &sender, letter).await,
                    Way::Mail(mail) => mail::send(mail, &open, &sender, letter).await,
                }
            };
            let late = || format!("it was not taken within {} s", BRING_WAIT.as_secs());
            let outcome = tokio::time::timeout(BRING_WAIT, brought).await;
            let outcome = outcome.unwrap_or_else(|_| Err(late()));
            if let Err(because) = &outcome {
                tracing::warn!(channel, letter = letter.id.0, because, "an alert was not told");
            }
            outcome
        })
    }
}

/// Whose alerts these are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sender {
    /// The group's number.
    group_id: String,
    /// As people call it.
    group: String,
}

impl Sender {
    /// The name of a letter, the same for every try.
    fn name(&self, letter: &Letter) -> String {
        format!("{}-{}", self.group_id, letter.id)
    }
}

/// An error with what caused it, on one line.
fn causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(why) = cause {
        // Some libraries repeat the cause in their own words.
        let why_told = why.to_string();
        if !told.contains(&why_told) {
            told = format!("{told}: {why_told}");
        }
        cause = why.source();
    }
    one_line(&told)
}

/// On one line and not endless: answers come from programs of others.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    cut(&line, 2 * ANSWER_TOLD_BYTES)
}
