//! What the group's facts ask of this very process: to restart, or to go because its Manager was removed; and that it need
//! not run with an assumed lease any more.
//!
//! An order names the process it is for, so the one that comes after it does not obey it again.

#![expect(
    clippy::disallowed_methods,
    reason = "the process replaces itself; nothing is left behind"
)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::base::Revision;
use crate::cli::outcome::Failure;
use crate::cluster::Group;
use crate::machine::State;

/// What is asked.
pub(super) enum Summons {
    /// End in good order and begin anew, for this operation.
    Restart(Revision),
    /// End in good order and begin anew: this process runs with the longest lease there is, and need not any more.
    UseOwnLease,
    /// This Manager is no member any more; why, for people.
    Removed(String),
}

/// Waits until something is asked. Looks again whenever facts were applied here.
pub(super) async fn wait(group: &Group) -> Summons {
    let process = group.own_status().about.started_at;
    let mut applied = group.applied();
    loop {
        applied.borrow_and_update();
        let restart = |state: &State| {
            state.operations.restart_ordered(&state.managers, group.here(), process)
        };
        // Whoever has gone is not restarted.
        if !group.note_removal()
            && let Some(operation) = group.view(restart)
        {
            return Summons::Restart(operation);
        }
        tokio::select! {
            why = group.removed() => return Summons::Removed(why),
            () = group.may_use_own_lease() => return Summons::UseOwnLease,
            changed = applied.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
        }
    }
}

/// Replaces this process by a new one of the program as it is installed now, with the same arguments. Comes back
/// only when that failed.
pub(super) fn begin_anew() -> Failure {
    let installed = std::env::current_exe().ok().filter(|program| program.is_file());
    let program = installed.unwrap_or_else(|| "/proc/self/exe".into());
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    Failure::Refused(format!("the restart failed: {}", command.args(arguments).exec()))
}
