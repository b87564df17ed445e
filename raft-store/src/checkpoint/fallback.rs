//! How far the log may be forgotten: only up to the older of the two checkpoints that are kept.
//!
//! When the newest one turns out damaged, the older one and the log from there on make the facts again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::checkpoint::directory::index_of;
use crate::health::lock;

/// Shared by whoever makes checkpoints and whoever purges the log.
#[derive(Clone)]
pub(crate) struct Fallback {
    kept: Arc<Mutex<Kept>>,
    /// Whether anything is kept for the older one.
    in_force: bool,
}

#[derive(Clone, Copy, Default)]
enum Kept {
    /// There is no checkpoint: nothing here stands in for the log.
    #[default]
    None,
    /// There is one. If it is damaged, only the whole log makes the facts again.
    One,
    /// The older one ends here.
    Older(u64),
}

impl Fallback {
    pub(crate) fn new(in_force: bool) -> Fallback {
        Fallback { kept: Arc::default(), in_force }
    }

    /// Notes what is kept, newest first.
    pub(super) fn set(&self, newest_first: &[PathBuf]) {
        *lock(&self.kept) = match newest_first {
            [] => Kept::None,
            [_] => Kept::One,
            [.., oldest] => index_of(oldest).map_or(Kept::One, Kept::Older),
        };
    }

    /// The highest index up to which the log may be purged; `None`: not at all for now.
    pub(crate) fn allows(&self, upto: u64) -> Option<u64> {
        match *lock(&self.kept) {
            _ if !self.in_force => Some(upto),
            Kept::None => Some(upto),
            Kept::One => None,
            Kept::Older(older) => Some(upto.min(older)),
        }
    }
}
