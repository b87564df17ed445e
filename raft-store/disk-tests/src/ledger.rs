//! The smallest machine whose facts can be judged: it keeps every entry, by index.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use raft_store::{Applied, Committed, Frozen, Machine, Row};

/// The one table of rows: one for each entry.
pub(crate) const TABLE: u8 = 1;

/// Entries by index.
pub(crate) type Pages = BTreeMap<u64, Vec<u8>>;

#[derive(Default)]
pub(crate) struct Ledger(Mutex<Pages>);

impl Ledger {
    pub(crate) fn pages(&self) -> Pages {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for Ledger {
    fn apply(&self, entries: &[Committed]) -> Vec<Applied> {
        let mut pages = self.lock();
        let keep = |entry: &Committed| {
            let Some(payload) = &entry.payload else { return Applied::default() };
            pages.insert(entry.index, payload.to_vec());
            let key = vec![payload.first().copied().unwrap_or_default()];
            let row = Row { table: TABLE, key, value: payload.to_vec() };
            Applied { answer: Bytes::new(), rows: vec![row] }
        };
        entries.iter().map(keep).collect()
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Copied(self.pages()))
    }

    fn restore(&self, image: &[u8]) -> io::Result<()> {
        let (pages, _) = bincode::decode_from_slice(image, bincode::config::standard())
            .map_err(io::Error::other)?;
        *self.lock() = pages;
        Ok(())
    }
}

struct Copied(Pages);

impl Frozen for Copied {
    fn write(self: Box<Self>, out: &mut dyn io::Write) -> io::Result<()> {
        let image = bincode::encode_to_vec(self.0, bincode::config::standard())
            .map_err(io::Error::other)?;
        out.write_all(&image)
    }
}
