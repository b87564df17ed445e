//! Somebody who brings letters for tests, or does not.

use std::sync::{Mutex, MutexGuard};

use futures::future::BoxFuture;

use super::Post;
use crate::capabilities::alerts::model::{Letter, Way};

/// Keeps what it was to bring.
#[derive(Default)]
pub(crate) struct FakePost {
    inside: Mutex<Inside>,
}

/// What a test sets up and looks at.
#[derive(Default)]
pub(crate) struct Inside {
    /// Why nothing arrives; `None`: everything does.
    pub(crate) closed: Option<String>,
    /// What arrived: the channel, the letter's number and its word.
    pub(crate) brought: Vec<(String, u64, &'static str)>,
}

impl FakePost {
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }
}

impl Post for FakePost {
    fn bring<'a>(
        &'a self,
        channel: &'a str,
        _way: &'a Way,
        letter: &'a Letter,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let mut inside = self.inside();
            if let Some(because) = &inside.closed {
                return Err(because.clone());
            }
            inside.brought.push((channel.to_owned(), letter.id.0, letter.word.as_str()));
            Ok("it was taken".to_owned())
        })
    }
}
