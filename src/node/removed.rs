//! What a Manager does that learns that it is none any more: it keeps that for good, goes on saying so for a moment,
//! and ends. Its folder does not let it start again.

use std::time::Duration;

use serde_json::json;

use crate::cli::outcome::Failure;
use crate::cluster::Home;

/// For how long a removed Manager still answers, so that an open page and a balancer's next check are told why. Well
/// below the time the removal waits for it.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(3);

/// What is to be done about it.
pub const REMEDY: &str = "Its number does not come back. To bring this host back, make a token with `km token create` \
    and run `km join --replace --config FILE` here: it gets a new number.";

/// Keeps in the data directory that its member was removed. Where that cannot be written, the next start learns it
/// from the others anew.
pub(super) fn keep(home: &Home, why: &str) {
    tracing::error!(code = "MANAGER_REMOVED", %why, "this is no member of the group any more");
    if let Err(failure) = home.keep_removal(why) {
        tracing::warn!(%failure, "that this Manager was removed could not be kept");
    }
}

/// The end of a Manager that was removed, and of every attempt to start it again.
pub(super) fn removed(why: &str) -> Failure {
    Failure::Problem(
        json!({ "code": "MANAGER_REMOVED", "detail": format!("{why}."), "hint": REMEDY }),
    )
}
