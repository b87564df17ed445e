//! The group in one process, deterministically: several members run the product's own code over a network, disks and
//! clocks made of a seed, while what must hold is judged after every step.
//!
//! ```text
//!   sim one --seed 7          one run, in this process; prints its report as JSON; exit 1 when something was violated
//!   sim many --seeds 200      a process for each seed, several at a time; prints what they came to together
//! ```
//!
//! Reading order: `run` (from the founding to the verdict), `world` (a step), `member` (the product's code in its
//! runtime), `net` and `stream`, `disk`, `clock`; `ledger` (what must hold) with `applied`, `comparing` and `fence`; `nemesis`
//! and `trouble`, `visit`, `clients`, `deeds` and `agents`; `plan`; `many`, `apart`, `homes` and `kept`.
//!
//! A power cut takes from the log what was not flushed (`disk`), all of it or what follows some record of it. It takes
//! nothing from what else a member has, which are files in its home: checkpoints, what it promised, an agent's gate. The product
//! writes each of those beside the old one, flushes it, renames it, flushes the directory, and goes on only then, without
//! a turn for anybody else; cuts are between turns. So there is always the old file or the new one, as on a disk that
//! does what it is told. A checkpoint that was not received whole counts for nothing, and the next start removes it. What is not modelled: a cut within such a turn, a directory that was not flushed, a
//! disk that gives a file back changed, full disks. The store's own tests, and the chaos runs on ext4, have those.

pub mod agents;
pub mod apart;
pub mod applied;
pub mod bugs;
pub mod clients;
pub mod clock;
pub mod comparing;
pub mod deeds;
pub mod dice;
pub mod disk;
pub mod fence;
pub mod homes;
pub mod kept;
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
