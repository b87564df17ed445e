//! Two loops of the Active: one looks whether a person should know of something, the other tells people.
//!
//! Telling has a loop of its own, so that a mail server that does not answer holds up nobody but its own channel.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::time::Instant;

use super::command::Command;
use super::model::{Channel, Letter, Way, Word};
use super::plan::{Memory, Seen, may_tell, plan};
use super::port::{Post, outlook};
use crate::base::{Epoch, Revision, Timestamp};
use crate::capabilities::managers::port::{ActFailure, InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};
use crate::machine::State;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Under load facts change many times a second, and one look a second answers for all of them.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How often is looked whether a pause after a failed try is over. A new letter is noticed by its event.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Most letters that are told on a channel in one pass, so that others have their turn.
const TOLD_IN_A_PASS: usize = 20;

/// Looks whether a person should know of something.
pub struct Alerts {
    group: Group,
    look: Mutex<Look>,
}

/// What is kept between two looks.
#[derive(Default)]
struct Look {
    memory: Memory,
    last: Option<Instant>,
}

impl Alerts {
    /// The reconciler of this group.
    pub fn of(group: Group) -> Self {
        Self { group, look: Mutex::default() }
    }
}

impl Reconciler for Alerts {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn period(&self) -> Duration {
        LOOK_EVERY
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move {
            let commands = {
                let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
                if look.last.is_some_and(|last| last.elapsed() < LOOK_AT_MOST_EVERY) {
                    return Pass::Nothing;
                }
                look.last = Some(Instant::now());
                let seen = outlook(&self.group);
                let epoch = tenure.epoch();
                self.group.view(|state| looked(state, &seen, epoch, &mut look.memory))
            };
            tell(&InTenure::of(&self.group, tenure), commands).await
        })
    }
}

fn looked(state: &State, seen: &Seen, epoch: Epoch, memory: &mut Memory) -> Vec<Command> {
    if may_tell(state) { plan(state, seen, epoch, memory) } else { Vec::new() }
}

async fn tell(reach: &impl Reach, commands: Vec<Command>) -> Pass {
    let count = commands.len();
    for command in commands {
        if let Err(failure) = reach.propose(command.into()).await {
            return Pass::Failed(format!("alerts: {failure}"));
        }
    }
    if count == 0 { Pass::Nothing } else { Pass::Did(format!("alerts: {count} changes")) }
}

/// Tells people.
pub struct Couriers {
    group: Group,
    post: Arc<dyn Post>,
}

impl Couriers {
    /// The reconciler of this group, and who brings its letters.
    pub fn of(group: Group, post: Arc<dyn Post>) -> Self {
        Self { group, post }
    }
}

impl Reconciler for Couriers {
    fn name(&self) -> &'static str {
        "couriers"
    }

    fn period(&self) -> Duration {
        TELL_EVERY
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move { pass(&InTenure::of(&self.group, tenure), &*self.post).await })
    }
}

/// What is to be done on a channel now.
enum Errand {
    /// Somebody waits to see whether it works.
    TryOut { asked: Revision, letter: Letter },
    /// The first letter that waits.
    Tell(Letter),
}

/// All channels at once, each in its own order.
async fn pass(reach: &impl Reach, post: &dyn Post) -> Pass {
    let channels: Vec<Revision> =
        reach.look(|state, _| state.alerts.channels.keys().copied().collect());
    let served = join_all(channels.into_iter().map(|id| serve(reach, post, id))).await;
    let mut told = 0;
    for outcome in served {
        match outcome {
            Ok(count) => told += count,
            Err(failure) => return Pass::Failed(format!("telling alerts: {failure}")),
        }
    }
    if told == 0 { Pass::Nothing } else { Pass::Did(format!("alerts: {told} letters")) }
}

/// Does what is to be done on a channel until nothing is, or a try failed. It is noted only after it was done: whoever
/// is Active next does it again rather than never, under the same name.
async fn serve(reach: &impl Reach, post: &dyn Post, id: Revision) -> Result<usize, ActFailure> {
    for done in 0..TOLD_IN_A_PASS {
        let next = reach.look(|state, seen| {
            let channel = state.alerts.channels.get(&id)?;
            let setting = channel.setting.clone();
            Some((setting.name, setting.way, errand(channel, seen.now)?))
        });
        let Some((name, way, errand)) = next else { return Ok(done) };
        let failed = carry_out(reach, post, id, (&name, &way), errand).await?;
        if failed {
            return Ok(done);
        }
    }
    Ok(TOLD_IN_A_PASS)
}

/// Whether it failed.
async fn carry_out(
    reach: &impl Reach,
    post: &dyn Post,
    id: Revision,
    (name, way): (&str, &Way),
    errand: Errand,
) -> Result<bool, ActFailure> {
    match errand {
        Errand::TryOut { asked, letter } => {
            let outcome = post.bring(name, way, &letter).await;
            reach.propose(Command::NoteTryOut { id, asked, outcome }.into()).await?;
            Ok(false)
        }
        Errand::Tell(letter) => {
            let outcome = post.bring(name, way, &letter).await;
            let failed = outcome.is_err();
            let letter = letter.id;
            reach.propose(Command::NoteTold { id, letter, outcome }.into()).await?;
            Ok(failed)
        }
    }
}

fn errand(channel: &Channel, now: Timestamp) -> Option<Errand> {
    if let Some(wish) = channel.open_wish() {
        let (asked, word) = (wish.asked, Word::Test { by: wish.by.clone() });
        let letter = Letter { id: asked, word, at: wish.at, about: None };
        return Some(Errand::TryOut { asked, letter });
    }
    let first = channel.waiting.front().filter(|_| now >= channel.not_before)?;
    Some(Errand::Tell(first.clone()))
}

#[cfg(test)]
mod tests;
