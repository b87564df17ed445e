//! The group in one process, deterministically: several members run the product's own code over a network, disks and
//! clocks made of a seed, while what must hold is judged after every step.
//!
//! ```text
//!   sim one --seed 7          one run, in this process; prints its report as JSON; exit 1 when something was violated
//!   sim many --seeds 200      a process for each seed, several at a time; prints what they came to together
//! ```
//!
//! Reading order: `run` (from the founding to the verdict), `world` (a step), `member` (the product's code in its
//! runtime), `net` and `stream`, `disk`, `clock`; `ledger` (what must hold) with `applied` and `fence`; `nemesis` and
//! `trouble`, `visit`, `clients`, `deeds` and `agents`; `plan`.

pub mod agents;
pub mod applied;
pub mod bugs;
pub mod clients;
pub mod clock;
pub mod deeds;
pub mod dice;
pub mod disk;
pub mod fence;
pub mod ledger;
pub mod many;
pub mod member;
pub mod nemesis;
pub mod net;
pub mod plan;
pub mod run;
pub mod stream;
pub mod trace;
pub mod trouble;
pub mod visit;
pub mod world;
