//! A Manager that does not know any more how long a lease it promised keeps still for as long as any could be.
//!
//! Until then the others may count on it. It does not even open its ports, so that whoever asks goes elsewhere at once.

use std::time::Duration;

use super::stopping::Stopping;
use crate::capabilities::managers::model::LEASE_MAX_MS;
use crate::cli::outcome::Failure;
use crate::cluster::Home;

/// Waits where the promise is gone, and then promises what every member does from the beginning. Gives why it is to stop
/// if it was asked to meanwhile; the next start waits anew.
pub(super) async fn while_promise_may_hold(
    home: &Home,
    stopping: &mut Stopping,
) -> Result<Option<&'static str>, Failure> {
    let Some(forgotten) = home.forgotten_promise() else { return Ok(None) };
    let longest = Duration::from_millis(LEASE_MAX_MS);
    tracing::warn!("{forgotten}");
    tokio::select! {
        because = stopping.wait() => Ok(Some(because)),
        () = tokio::time::sleep(longest) => {
            home.begin_promising().map_err(|failure| Failure::Refused(failure.to_string()))?;
            Ok(None)
        }
    }
}
