//! The state machine as the store sees it: bytes in, bytes out.
//!
//! The law of [`Machine::apply`]: given the same committed entries in the same order, every member ends
//! with byte-equal facts and gives byte-equal answers and rows. No clock, no randomness, no I/O. An entry
//! the machine does not understand must stop the process: skipping it would let members drift apart.

use std::io;

use bytes::Bytes;

/// Facts kept in memory, changed only by committed entries.
///
/// All methods take `&self`: the machine guards its own facts, because readers share them with the store.
pub trait Machine: Send + Sync + 'static {
    /// Applies a run of committed entries in log order and returns one [`Applied`] for each of them.
    fn apply(&self, entries: &[Committed]) -> Vec<Applied>;

    /// Takes an image of the facts as they are now. Called between two `apply` calls, so it must be
    /// quick: clone what is cheap to clone and leave the encoding to [`Frozen::write`].
    fn freeze(&self) -> Box<dyn Frozen>;

    /// Replaces all facts by an image written earlier by [`Frozen::write`], here or at another member.
    fn restore(&self, image: &[u8]) -> io::Result<()>;
}

/// One committed entry, in log order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Log index, which is the product's revision.
    pub index: u64,
    /// Term of the leader that wrote the entry.
    pub term: u64,
    /// Node id of the leader that wrote the entry.
    pub leader: u64,
    /// The proposer's bytes; `None` for Raft's own entries (blank, membership).
    pub payload: Option<Bytes>,
}

/// What applying one entry brought about.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The answer for the proposer.
    pub answer: Bytes,
    /// History rows to keep beside the facts.
    pub rows: Vec<Row>,
}

/// One immutable line of history: it belongs to the entry that made it and never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which table, by number. A number is never given to another meaning.
    pub table: u8,
    /// Key inside the table. Rows of one key are read newest first. At most 512 bytes.
    pub key: Vec<u8>,
    /// The bytes kept. At most 16 KiB, far below the size at which sled would write an unsynced blob.
    pub value: Vec<u8>,
}

/// An image of the facts, encoded off the apply path.
pub trait Frozen: Send {
    /// Writes the image. The bytes must be equal on every member that froze at the same index.
    fn write(self: Box<Self>, out: &mut dyn io::Write) -> io::Result<()>;
}
