//! Tells the group about this member whenever that changes, and keeps the lease promise in step.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Group;
use super::proposing::Draft;
use super::timers::Timers;
use crate::capabilities::managers::model::{Command, Profile};

/// How often is looked whether there is something to tell.
const PERIOD: Duration = Duration::from_secs(1);

impl Group {
    /// Looks and announces, until dropped.
    pub(super) async fn keep_announcing(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(failure) = self.announce_changes().await {
                tracing::warn!(%failure, "this member could not be announced");
            }
        }
    }

    async fn announce_changes(&self) -> std::io::Result<()> {
        let here = self.here();
        let wanted = match self.view(|state| Timers::wanted(&state.properties)) {
            Ok(wanted) => wanted,
            Err(failure) => return Err(std::io::Error::other(failure)),
        };
        self.core.promise.want(wanted)?;
        let told = self
            .view(|state| state.managers.members.get(&here).map(|member| member.profile.clone()));
        // Not yet a member by the facts here: the entry that admits this one has not arrived.
        let Some(told) = told else { return Ok(()) };
        let lease_ms = wanted.to_announce(self.core.timers);
        let profile = Profile { lease_ms, ..self.core.profile.clone() };
        let promise = &self.core.promise;
        let is_settled = !promise.exceeds(lease_ms) && !self.core.assumed_lease.is_open();
        if told == profile && is_settled {
            return promise.announced(lease_ms);
        }
        promise.before_announcing(lease_ms)?;
        // Asked again when it stands in the facts already, if less is to be promised: facts that went back may tell an
        // announcement of long ago, and the Active may not have come to ours yet.
        let draft = Draft::own(here, Command::Announce { manager: here, profile });
        match self.propose(draft).await.map(|settled| settled.answer.into_result()) {
            Ok(Ok(_)) => return self.keep_to(lease_ms),
            Ok(Err(refusal)) => tracing::debug!(%refusal.detail, "announcement refused"),
            Err(failure) => tracing::debug!(%failure, "announcement not accepted yet"),
        }
        Ok(())
    }

    /// Promises no more than was announced. Whoever answered has applied it and reckons with it; whoever leads later will
    /// have before it is Active.
    fn keep_to(&self, lease_ms: u64) -> std::io::Result<()> {
        self.core.promise.announced(lease_ms)?;
        self.core.assumed_lease.end(self.core.promise.in_force() != self.core.timers);
        Ok(())
    }
}
