//! The longest election lease the group may count on from this member, kept in a file of its own.
//!
//! Facts can go back a little when a process dies before it flushed them; a promise may not. The file is
//! raised before a longer lease is announced, and lowered only after a shorter one has been applied here.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use super::private_file;

const FILE: &str = "lease";

/// The promised lease of this member.
pub(crate) struct Promise {
    path: PathBuf,
    lease_ms: Mutex<u64>,
}

impl Promise {
    /// Reads the promise; a missing file promises nothing, an unreadable one is a failure.
    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let lease_ms = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Promise { path, lease_ms: Mutex::new(lease_ms) })
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        *self.lease_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Call before announcing `lease_ms`: a longer promise must be on the disk first.
    pub(crate) fn before_announcing(&self, lease_ms: u64) -> io::Result<()> {
        if lease_ms > self.lease_ms() { self.store(lease_ms) } else { Ok(()) }
    }

    /// Call when the announcement of `lease_ms` has been applied here: the promise is exactly that now.
    pub(crate) fn announced(&self, lease_ms: u64) -> io::Result<()> {
        if lease_ms == self.lease_ms() { Ok(()) } else { self.store(lease_ms) }
    }

    fn store(&self, lease_ms: u64) -> io::Result<()> {
        let mut held = self.lease_ms.lock().unwrap_or_else(PoisonError::into_inner);
        private_file::write(&self.path, lease_ms.to_string().as_bytes())?;
        *held = lease_ms;
        Ok(())
    }
}

fn parse(text: &str, path: &Path) -> io::Result<u64> {
    text.trim().parse().map_err(|_| {
        io::Error::other(format!(
            "{} must hold a number of milliseconds. Write 60000 into it if it is damaged: no lease is longer",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_raised_before_and_lowered_after_the_announcement() {
        let dir = tempfile::tempdir().unwrap();
        let promise = Promise::load(dir.path()).unwrap();
        assert_eq!(promise.lease_ms(), 0);

        promise.before_announcing(1000).unwrap();
        promise.announced(1000).unwrap();
        promise.before_announcing(400).unwrap();
        assert_eq!(Promise::load(dir.path()).unwrap().lease_ms(), 1000);
        promise.announced(400).unwrap();
        assert_eq!(Promise::load(dir.path()).unwrap().lease_ms(), 400);
    }

    #[test]
    fn a_damaged_promise_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "soon").unwrap();
        let failure = Promise::load(dir.path()).err().unwrap().to_string();
        assert!(failure.contains("60000"), "{failure}");
    }
}
