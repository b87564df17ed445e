//! One unbroken time of being Active, as a value.
//!
//! Whatever changes the outside world takes a `&Tenure`. It cannot be made outside this folder, it cannot be
//! cloned out of the driver's hands, and before each act it is asked again whether it still holds: the time
//! between asking and acting is covered by the fence, the epoch that every act carries.

use tokio_util::sync::CancellationToken;

use super::driver::{HandOverFailure, Orders};
use super::office::Office;
use super::stopwatch::Stopwatch;
use crate::base::{Epoch, ManagerId};
use crate::cluster::{Draft, ProposeFailure, Settled};
use crate::machine::Command;

/// The right to act as the Active.
pub struct Tenure {
    office: Office,
    epoch: Epoch,
    orders: Orders,
    token: CancellationToken,
    stopwatch: Stopwatch,
}

/// The tenure has ended: stop, change nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tenure of epoch {0} has ended")]
pub struct Ended(pub Epoch);

impl Tenure {
    pub(super) fn begin(office: Office, epoch: Epoch, orders: Orders) -> Self {
        let (token, stopwatch) = (CancellationToken::new(), Stopwatch::default());
        Tenure { office, epoch, orders, token, stopwatch }
    }

    /// Its number, the fencing token that every act carries.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Times what is worked on in it.
    pub fn stopwatch(&self) -> &Stopwatch {
        &self.stopwatch
    }

    /// Whether it holds at this very moment, by the monotonic clock. Ask right before every act.
    pub fn still_valid(&self) -> Result<(), Ended> {
        if self.token.is_cancelled() || self.office.holds_until(self.epoch).is_none() {
            self.token.cancel();
            return Err(Ended(self.epoch));
        }
        Ok(())
    }

    /// Waits for its end. Long waits inside a pass are raced against this.
    pub async fn ended(&self) {
        self.token.cancelled().await;
    }

    /// Proposes a decision of this tenure: fenced by its epoch, and never handed to another Manager.
    pub async fn propose(&self, command: impl Into<Command>) -> Result<Settled, ProposeFailure> {
        let group = self.office.group();
        let draft = Draft { fence: Some(self.epoch), ..Draft::own(group.here(), command) };
        if self.still_valid().is_err() {
            return Err(ProposeFailure::NotLeading { leader: None });
        }
        group.propose_here(draft).await
    }

    /// Asks to make another Manager Active. That ends this tenure, and with it whoever waits here: this comes
    /// back only when the other one cannot take over.
    pub async fn hand_over(&self, to: ManagerId) -> Result<(), HandOverFailure> {
        self.orders.hand_over(to).await
    }

    pub(super) fn end(&self) {
        self.office.end(self.epoch);
        self.token.cancel();
    }
}
