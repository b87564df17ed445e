//! The checkers on histories known to be good and known to be bad, the plan of faults, and the proxies of a run on loopback. No
//! `km` is started.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

mod append;
mod at_the_end;
mod availability;
mod belonging;
mod coverage;
mod ends;
mod excuses;
mod judging;
mod linearizable;
mod page;
mod plan;
mod promises;
mod proxies;
mod recovering;
mod requests;
mod revision;
mod smoke;
mod telling;
mod watch;
