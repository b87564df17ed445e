//! What the proxies saw and did, so that a fault can be told from one that did not bite.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Of one host.
#[derive(Debug, Default)]
pub(super) struct OfHost {
    /// Connections and pieces that were not let in to it.
    pub kept_out: AtomicU64,
    /// Bytes that were let in to it.
    pub came_in: AtomicU64,
    /// Pieces of its own that had to wait because its link is slow.
    pub held_up: AtomicU64,
    /// Pieces of its own that were late.
    pub late: AtomicU64,
}

/// Of all, since they were there.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub hosts: Vec<OfHost>,
    pub connections: AtomicU64,
    pub bytes: AtomicU64,
    pub kept_out: AtomicU64,
    pub reset: AtomicU64,
    pub strangers: AtomicU64,
}

/// The same, to be written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Connections that were carried.
    pub connections: u64,
    /// Bytes that were handed on.
    pub bytes: u64,
    /// Connections and pieces that were not let in at first.
    pub kept_out: u64,
    /// Connections that were reset because a fault wanted it.
    pub reset: u64,
    /// Connections of which nobody knows who opened them. They were closed.
    pub strangers: u64,
}

impl Counts {
    pub(super) fn of(hosts: usize) -> Self {
        Self { hosts: (0..hosts).map(|_| OfHost::default()).collect(), ..Self::default() }
    }

    /// Something did not come in to a host.
    pub(super) fn keep_out(&self, place: usize) {
        add(&self.hosts[place].kept_out, 1);
        add(&self.kept_out, 1);
    }

    /// So many bytes came in to a host.
    pub(super) fn let_in(&self, place: usize, bytes: usize) {
        add(&self.hosts[place].came_in, bytes as u64);
        add(&self.bytes, bytes as u64);
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            connections: read(&self.connections),
            bytes: read(&self.bytes),
            kept_out: read(&self.kept_out),
            reset: read(&self.reset),
            strangers: read(&self.strangers),
        }
    }
}

pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

pub(super) fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

pub(super) fn clear(count: &AtomicU64) {
    count.store(0, Ordering::Relaxed);
}
