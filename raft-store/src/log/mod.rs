//! The Raft log: votes and entries, in order, on the disk before anybody is told so.
//!
//! ```text
//!   append, vote, truncate, purge ──→ queue ──→ writer: one write, one fdatasync ──→ callbacks
//!         │                                        │
//!         └──→ table (memory) ←── where it is ─────┘        log/  00000001-00000000000000000000.log
//!                 ↑                                               00000002-00000000000000081234.log
//!              readers ←── older entries ──── segments            spare-1   mark
//! ```
//!
//! **One stream.** Everything is a record of one append-only stream, cut into segment files: entries, votes,
//! cuts and purges. So "strictly ordered" is true by construction, one flush serves a vote and the entries
//! around it, and no second file can disagree with the first.
//!
//! **A cut is a record**, never an overwrite. Reading the stream back repeats it, so an entry that was cut off
//! cannot come back, and what follows the cut cannot be there without it. For the same reason the segments are
//! numbered, and the index in their name is only for people: after a cut an index can occur twice.
//!
//! **Each segment begins with a head** that repeats the vote, the commit, the purge and the last entry so far.
//! Therefore a segment whose entries are all purged can be deleted whole, and nothing else ever is.
//!
//! **Groups.** What one flush covers is framed as one group, all or nothing, numbered and salted with the disk.
//! A group proves that the one before it was flushed; the mark proves it for the last one. See `recovery`.

mod group;
mod mark;
mod open;
mod platter;
mod reader;
mod record;
mod recovery;
mod segment;
mod spare;
mod store;
mod table;
mod writer;

#[cfg(test)]
pub(crate) mod frozen;
#[cfg(test)]
mod tests;

pub(crate) use self::mark::NAME as MARK;
pub(crate) use self::open::{LogThreads, Looked, check, create, open, release_ballast};
pub(crate) use self::platter::open_on;
pub use self::platter::{Kept, Platter, Record};
pub use self::reader::LogReader;
pub use self::store::LogStore;

/// Directory of the log inside the store's.
pub(crate) const DIR: &str = "log";
