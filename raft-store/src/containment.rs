//! The one window in which a panic is not a bug of this program: inside sled, on a damaged history.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be caught and taken for damage. A hook that ends the process on a panic
/// must ask this first.
pub fn panic_is_contained() -> bool {
    CONTAINED.get()
}

/// Runs `work`; `None` when it panicked.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CONTAINED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_inside_and_nowhere_else() {
        assert!(!panic_is_contained());
        assert_eq!(contained(panic_is_contained), Some(true));
        assert_eq!(contained(|| panic!("as sled does on damage")), None::<()>);
        assert!(!panic_is_contained());
    }
}
