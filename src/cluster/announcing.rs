//! Tells the group about this member whenever that changes, and keeps the lease promise in step.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Group;
use super::proposing::Draft;
use super::reading::Consistency;
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
        if told == profile {
            return self.keep_to(&profile).await;
        }
        self.core.promise.before_announcing(lease_ms)?;
        let draft = Draft::own(here, Command::Announce { manager: here, profile });
        if let Err(failure) = self.propose(draft).await {
            tracing::debug!(%failure, "announcement not accepted yet");
        }
        Ok(())
    }

    /// Promises no more than what is announced. Facts that went back may tell an announcement of long ago, so less than
    /// before is promised only once they are as new as anybody's.
    async fn keep_to(&self, profile: &Profile) -> std::io::Result<()> {
        let here = self.here();
        if self.core.promise.exceeds(profile.lease_ms) {
            let settled = self.settle(Consistency::Linearizable).await.is_ok();
            let announced = self.view(|state| {
                state.managers.members.get(&here).is_some_and(|member| member.profile == *profile)
            });
            if !settled || !announced {
                return Ok(());
            }
        }
        self.core.promise.announced(profile.lease_ms)
    }

    /// Ends once a lease that this process only assumed is promised no more: the next one may run with its own.
    pub async fn assumed_lease_is_over(&self) {
        let mut ticks = interval(PERIOD);
        let runs_on = || {
            let next_ms = self.core.promise.in_force().lease_ms();
            !self.core.lease_is_assumed || next_ms >= self.core.timers.lease_ms()
        };
        while runs_on() {
            ticks.tick().await;
        }
    }
}
