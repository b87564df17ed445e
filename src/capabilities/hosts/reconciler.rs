//! One pass of the hosts' room: greets the hosts whose turn it is, and has noted what it saw when that is news.
//!
//! The first pass of a tenure greets every host: from then on none of them takes an order of an earlier Active.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use tokio::time::Instant;

use super::command::Command;
use super::model::Reach as Seen;
use super::plan::{Look, Step, plan};
use crate::base::{Epoch, HostId, Revision};
use crate::capabilities::managers::port::{ActFailure, InTenure, Reach};
use crate::cluster::Group;
use crate::leadership::{Pass, Reconciler, Tenure};
use crate::remote::{self, Remote, RemoteFailure};

/// How often is looked whose turn it is.
const PERIOD: Duration = Duration::from_secs(1);
/// Most hosts that are greeted at a time.
const AT_ONCE: usize = 16;

/// Greets the hosts and tells whether they answer.
pub struct Hosts {
    group: Group,
    hosts: Arc<remote::Hosts>,
    memory: Memory,
}

/// What this Manager remembers of its looks in one tenure.
#[derive(Default)]
pub(crate) struct Memory(Mutex<(Epoch, BTreeMap<HostId, Remembered>)>);

struct Remembered {
    at: Instant,
    revision: Revision,
    asked: Revision,
    answered: bool,
}

impl Hosts {
    /// The reconciler of this group.
    pub fn of(group: Group, hosts: Arc<remote::Hosts>) -> Self {
        Self { group, hosts, memory: Memory::default() }
    }
}

impl Reconciler for Hosts {
    fn name(&self) -> &'static str {
        "hosts"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async move {
            let reach = InTenure::of(&self.group, tenure);
            pass(&reach, &self.hosts.under(tenure), &self.memory).await
        })
    }
}

pub(crate) async fn pass(reach: &impl Reach, hosts: &impl Remote, memory: &Memory) -> Pass {
    let looks = memory.looks(reach.epoch());
    let steps = reach.look(|state, _| plan(&state.hosts, &looks));
    let greet = |step: Step| async move { (step, hosts.greet(step.host).await) };
    let mut greeted = stream::iter(steps).map(greet).buffer_unordered(AT_ONCE);
    let mut done = Pass::Nothing;
    while let Some((step, told)) = greeted.next().await {
        let seen = match told {
            Ok(version) => Seen::Answers { version },
            // Somebody else is Active by now, and tells what there is to tell.
            Err(failure @ (RemoteFailure::Ended(_) | RemoteFailure::Fenced { .. })) => {
                return Pass::Failed(failure.to_string());
            }
            // It was let go meanwhile.
            Err(RemoteFailure::NoWay(_)) => continue,
            Err(failure) => Seen::Silent { because: failure.to_string() },
        };
        match note(reach, step, &seen).await {
            Ok(news) => {
                memory.remember(step, matches!(seen, Seen::Answers { .. }));
                if news {
                    done = Pass::Did(format!("host {}: {seen:?}; {}", step.host, step.because));
                }
            }
            Err(failure) => return Pass::Failed(format!("host {}: {failure}", step.host)),
        }
    }
    done
}

/// Has noted what was seen, if that is news or somebody asked for it.
async fn note(reach: &impl Reach, step: Step, seen: &Seen) -> Result<bool, ActFailure> {
    let news = reach.look(|state, _| {
        let host = state.hosts.hosts.get(&step.host)?;
        let known = host.seen.as_ref().is_some_and(|known| known.reach == *seen);
        Some(!known || step.asked > host.looked)
    });
    if news != Some(true) {
        return Ok(false);
    }
    let (host, reach_seen, asked) = (step.host, seen.clone(), step.asked);
    reach.propose(Command::Note { host, reach: reach_seen, asked }.into()).await?;
    Ok(true)
}

impl Memory {
    /// The looks of this tenure. Those of an earlier one count no more: its epoch was another.
    fn looks(&self, epoch: Epoch) -> BTreeMap<HostId, Look> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.0 != epoch {
            *memory = (epoch, BTreeMap::new());
        }
        let look = |(host, known): (&HostId, &Remembered)| {
            let age_ms = u64::try_from(known.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            let Remembered { revision, asked, answered, .. } = *known;
            (*host, Look { age_ms, revision, asked, answered })
        };
        memory.1.iter().map(look).collect()
    }

    fn remember(&self, step: Step, answered: bool) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Step { revision, asked, .. } = step;
        let remembered = Remembered { at: Instant::now(), revision, asked, answered };
        memory.1.insert(step.host, remembered);
    }
}

#[cfg(test)]
mod tests;
