//! The checkers on histories known to be good and known to be bad, and the plan of faults. No `km` is started.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

mod availability;
mod belonging;
mod judging;
mod linearizable;
mod plan;
mod promises;
mod recovering;
mod requests;
mod telling;
mod watch;
