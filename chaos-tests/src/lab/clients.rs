//! Where the clients are: a namespace of this program's own, so that their link and address in the lab are nobody else's.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::names;
use super::tool::run;
use crate::Failure;

/// Set to its process id for the program that is within.
const WITHIN: &str = "KM_CHAOS_WITHIN";

/// Has this program begin anew within such a namespace, as the same process; returns there. To be called before anything was done
/// that would be done twice.
pub fn enter() -> Result<(), Failure> {
    if is_within() {
        return Ok(());
    }
    super::sweep::sweep();
    let own = names::clients(&names::own());
    let program = env::current_exe().map_err(Failure::doing("find this program"))?;
    run(&format!("ip netns add {own}"))?;
    run(&format!("ip -n {own} link set lo up"))?;
    #[expect(clippy::disallowed_methods, reason = "it becomes this process")]
    let failed = Command::new("nsenter")
        .arg(format!("--net=/run/netns/{own}"))
        .arg(program)
        .args(env::args_os().skip(1))
        .env(WITHIN, std::process::id().to_string())
        .exec();
    Err(Failure(format!("nsenter: {failed}")))
}

/// Removes the namespace, and what clocks left. Whoever is within stays until it ends.
pub fn leave() {
    if is_within() {
        // Swept up by the next run, if it cannot be removed now.
        let _ = run(&format!("ip netns del {}", names::clients(&names::own())));
        super::sweep::sweep_clocks();
    }
}

fn is_within() -> bool {
    env::var(WITHIN).is_ok_and(|within| within == std::process::id().to_string())
}
