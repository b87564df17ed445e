//! How many requests may be under way here at a time. Beyond it the answer is 503 at once, not a queue that
//! nobody sees.
//!
//! Calls that wait for the Active are counted apart: while they are held through an election, looking at this
//! Manager must stay possible.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::metrics::Class;

/// Most calls under way that need the Active.
const FORWARDED_MAX: usize = 1_024;
/// Most other requests under way: looks at this Manager, pages, files.
const HERE_MAX: usize = 1_024;

/// The requests under way.
pub(crate) struct Crowd {
    pub(super) forwarded: Semaphore,
    pub(super) here: Semaphore,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { forwarded: Semaphore::new(FORWARDED_MAX), here: Semaphore::new(HERE_MAX) }
    }
}

impl Crowd {
    /// A place for one request until it is answered; `None` when there is none.
    pub(crate) fn enter(&self, class: Class) -> Option<SemaphorePermit<'_>> {
        let places = match class {
            Class::Forwarded => &self.forwarded,
            Class::Local | Class::Page => &self.here,
        };
        places.try_acquire().ok()
    }
}
