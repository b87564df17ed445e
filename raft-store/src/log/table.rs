//! What the log holds, in memory: every entry's id and place, and the newest entries themselves.
//!
//! Entries are here the moment `append` returns; their place on the disk follows when they are written.
//! An entry without a place is never dropped from memory. Does no I/O.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::watch;

use crate::stored::{Entry, LogId, Vote};

/// Where the frame of one entry is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: Arc<File>,
    pub offset: u64,
    pub bytes: u32,
}

/// What is kept of every entry.
#[derive(Clone, Debug)]
struct Slot {
    id: LogId,
    place: Option<Place>,
    /// What the entry costs while it is in memory.
    cost: u32,
}

/// An entry as a reader finds it.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Entry(Entry),
    At(LogId, Place),
}

/// The log in memory. Holds the entries after `floor`, in order, without a hole.
#[derive(Debug)]
pub(crate) struct Table {
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    /// The entry before the first one held. Equal to `purged`, except while a log is being read whose
    /// oldest segments are already deleted.
    floor: Option<LogId>,
    slots: VecDeque<Slot>,
    /// The newest entries: those of as many slots at the end.
    cached: VecDeque<Entry>,
    cached_bytes: usize,
    cache_max_bytes: usize,
    /// The index of the last entry that is on the disk.
    flushed: watch::Sender<Option<u64>>,
}

/// Fixed part of what an entry costs in memory, beside its payload.
const ENTRY_COST_BYTES: usize = 64;

impl Table {
    pub(crate) fn new(cache_max_bytes: usize) -> Table {
        Table {
            vote: None,
            committed: None,
            purged: None,
            floor: None,
            slots: VecDeque::new(),
            cached: VecDeque::new(),
            cached_bytes: 0,
            cache_max_bytes,
            flushed: watch::Sender::new(None),
        }
    }

    /// Starts from what a segment's head says of the segments before it.
    pub(crate) fn begin_after(&mut self, last: Option<LogId>) {
        assert!(self.slots.is_empty(), "a log is begun once");
        self.floor = last;
    }

    /// The last entry, or what is before the first one.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.slots.back().map(|slot| slot.id).or(self.floor)
    }

    /// The entry before the first one held.
    pub(crate) fn floor(&self) -> Option<LogId> {
        self.floor
    }

    /// The index of the first entry held.
    pub(crate) fn first_index(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.id.index)
    }

    /// The index that the next entry must have; `None` when a first entry may have any.
    pub(crate) fn next_index(&self) -> Option<u64> {
        self.last().map(|last| last.index + 1)
    }

    /// The entry with this index, if it is held.
    pub(crate) fn id_at(&self, index: u64) -> Option<LogId> {
        self.position(index).map(|at| self.slots[at].id)
    }

    /// Whether this very entry is in the log, or was before it was purged.
    pub(crate) fn has_had(&self, id: &LogId) -> bool {
        let purged = self.purged.is_some_and(|purged| id.index <= purged.index);
        purged || self.position(id.index).is_some_and(|at| self.slots[at].id == *id)
    }

    /// Adds the next entry. The caller has checked that it is the next one.
    pub(crate) fn push(&mut self, entry: Entry, payload_bytes: usize) {
        let cost = payload_bytes + ENTRY_COST_BYTES;
        self.cached_bytes += cost;
        self.slots.push_back(Slot { id: entry.log_id, place: None, cost: cost as u32 });
        self.cached.push_back(entry);
    }

    /// Adds the next entry, which has its place already.
    pub(crate) fn push_placed(&mut self, entry: Entry, payload_bytes: usize, place: Place) {
        self.push(entry, payload_bytes);
        self.slots.back_mut().expect("just pushed").place = Some(place);
        self.evict();
    }

    /// Says where an entry was written. An entry that was cut off meanwhile is passed over.
    pub(crate) fn placed(&mut self, id: &LogId, place: Place) {
        let Some(at) = self.position(id.index) else { return };
        if self.slots[at].id == *id {
            self.slots[at].place = Some(place);
        }
    }

    /// Says that an entry and all before it are on the disk. One that was cut off meanwhile is passed over.
    pub(crate) fn flushed(&mut self, id: &LogId) {
        if self.last() == Some(*id) || self.id_at(id.index) == Some(*id) {
            self.flushed.send_replace(Some(id.index));
        }
    }

    /// Tells the index of the last entry that is on the disk, whenever that changes.
    pub(crate) fn on_disk(&self) -> watch::Receiver<Option<u64>> {
        self.flushed.subscribe()
    }

    /// Drops the oldest entries from memory while they cost too much and can be read from the disk.
    pub(crate) fn evict(&mut self) {
        while self.cached_bytes > self.cache_max_bytes
            && let Some(oldest) = self.slots.get(self.uncached())
            && oldest.place.is_some()
        {
            self.cached_bytes -= oldest.cost as usize;
            self.cached.pop_front();
        }
    }

    /// Cuts off what comes after `after`; `None` cuts off all.
    pub(crate) fn truncate(&mut self, after: Option<LogId>) {
        let kept = after.map(|id| id.index);
        // What follows takes the place of what was flushed, and is not.
        self.flushed.send_modify(|flushed| *flushed = (*flushed).min(kept));
        while let Some(slot) = self.slots.back() {
            if after.is_some_and(|after| slot.id.index <= after.index) {
                return;
            }
            let cost = slot.cost as usize;
            self.slots.pop_back();
            if self.cached.pop_back().is_some() {
                self.cached_bytes -= cost;
            }
        }
        if after.map(|id| id.index) < self.floor.map(|id| id.index) {
            self.floor = after;
        }
    }

    /// Planted: cuts off the last entry; what is left at the end.
    pub(crate) fn lose_last(&mut self) -> Option<LogId> {
        let before = self.last().and_then(|last| self.id_at(last.index.checked_sub(1)?));
        if before.is_some() {
            self.truncate(before);
            self.committed = self.committed.min(before);
        }
        self.last()
    }

    /// Drops everything up to `upto`, which may lie beyond the last entry.
    pub(crate) fn purge(&mut self, upto: LogId) {
        while let Some(slot) = self.slots.front()
            && slot.id.index <= upto.index
        {
            if self.uncached() == 0 {
                self.cached_bytes -= slot.cost as usize;
                self.cached.pop_front();
            }
            self.slots.pop_front();
        }
        if self.purged.is_none_or(|purged| purged.index < upto.index) {
            self.purged = Some(upto);
        }
        if self.floor.is_none_or(|floor| floor.index < upto.index) {
            self.floor = Some(upto);
        }
    }

    /// The entries held in `wanted`, in order, at most `max_bytes` of them but at least one.
    pub(crate) fn find(&self, wanted: Range<u64>, max_bytes: usize) -> Vec<Found> {
        let Some(first) = self.slots.front().map(|slot| slot.id.index) else { return Vec::new() };
        let from = wanted.start.max(first) - first;
        let upto = wanted.end.saturating_sub(first).min(self.slots.len() as u64);
        let mut bytes = 0;
        let mut found = Vec::new();
        for (at, slot) in self.slots.iter().enumerate().take(upto as usize).skip(from as usize) {
            if bytes > max_bytes {
                break;
            }
            bytes += slot.cost as usize;
            found.push(self.found(at, slot));
        }
        found
    }

    fn found(&self, at: usize, slot: &Slot) -> Found {
        match at.checked_sub(self.uncached()) {
            Some(cached) => Found::Entry(self.cached[cached].clone()),
            None => {
                let place = slot.place.clone();
                Found::At(slot.id, place.expect("an entry leaves memory only when it has a place"))
            }
        }
    }

    /// How many slots at the front are without their entry.
    fn uncached(&self) -> usize {
        self.slots.len() - self.cached.len()
    }

    fn position(&self, index: u64) -> Option<usize> {
        let first = self.slots.front()?.id.index;
        let at = usize::try_from(index.checked_sub(first)?).ok()?;
        (at < self.slots.len()).then_some(at)
    }
}
