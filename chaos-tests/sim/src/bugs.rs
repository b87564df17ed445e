//! A panic anywhere is a violation: the product's process would end, and a runtime swallows what its tasks do.

use std::panic;
use std::sync::{Mutex, PoisonError};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on panics are noted, and told as ever.
pub fn watch() {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(panicked.to_string());
        told(panicked);
    }));
}

/// What was seen since this was asked last.
pub fn seen() -> Vec<String> {
    std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}
