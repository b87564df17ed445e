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
        if told == profile {
            return self.core.promise.announced(lease_ms);
        }
        self.core.promise.before_announcing(lease_ms)?;
        let draft = Draft::own(here, Command::Announce { manager: here, profile });
        if let Err(failure) = self.propose(draft).await {
            tracing::debug!(%failure, "announcement not accepted yet");
        }
        Ok(())
    }
}
