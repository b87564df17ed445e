//! The clocks this member was last told to use, and the longest lease the group may still count on from it.
//!
//! Kept in a file of its own, because both are needed before the facts can be read, and because facts may
//! go back a little when a process dies before it flushed them; a promise may not. It is raised before a
//! longer lease is announced, and lowered only after the leader has applied a shorter one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::timers::Timers;
use super::{private_file, summed_file};
use crate::capabilities::managers::model::LEASE_MAX_MS;

const FILE: &str = "clocks.json";

/// The promise of this member.
pub(crate) struct Promise {
    path: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    wanted: Timers,
    lease_ms: u64,
}

impl Promise {
    /// Reads the promise; a missing file promises nothing, an unreadable one is a failure. Whether it may be missing
    /// is for the caller to know.
    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let kept = match summed_file::read(&path) {
            Ok(text) => {
                private_file::settle(&path)?;
                parse(&text).map_err(|cause| damaged(&path, &cause))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Kept { wanted: Timers::default(), lease_ms: 0 }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged(&path, "its checksum does not fit"));
            }
            Err(error) => return Err(error),
        };
        Ok(Promise { path, kept: Mutex::new(kept) })
    }

    /// The timers to run with from this start on.
    pub(crate) fn in_force(&self) -> Timers {
        let kept = *self.lock();
        kept.wanted.in_force(kept.lease_ms)
    }

    /// Remembers for the next start which timers the group wants.
    pub(crate) fn want(&self, wanted: Timers) -> io::Result<()> {
        self.store(|kept| kept.wanted = wanted)
    }

    /// Call before announcing `lease_ms`: a longer promise must be on the disk first.
    pub(crate) fn before_announcing(&self, lease_ms: u64) -> io::Result<()> {
        self.store(|kept| kept.lease_ms = kept.lease_ms.max(lease_ms))
    }

    /// Whether a start runs with the longest lease there is though it wants a shorter one.
    pub(crate) fn is_assumed(&self) -> bool {
        let kept = *self.lock();
        kept.lease_ms == LEASE_MAX_MS && kept.wanted.lease_ms() < LEASE_MAX_MS
    }

    /// Whether a longer lease is promised than this one.
    pub(crate) fn exceeds(&self, lease_ms: u64) -> bool {
        self.lock().lease_ms > lease_ms
    }

    /// Call when the leader has applied the announcement of `lease_ms`: the promise is exactly that now.
    pub(crate) fn announced(&self, lease_ms: u64) -> io::Result<()> {
        self.store(|kept| kept.lease_ms = lease_ms)
    }

    fn store(&self, change: impl FnOnce(&mut Kept)) -> io::Result<()> {
        let mut held = self.lock();
        let mut changed = *held;
        change(&mut changed);
        if changed != *held {
            let text = serde_json::to_string(&changed).map_err(io::Error::other)?;
            summed_file::write(&self.path, &text)?;
            *held = changed;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(text: &str) -> Result<Kept, String> {
    let kept: Kept = serde_json::from_str(text).map_err(|error| error.to_string())?;
    kept.wanted.checked().map_err(|failure| failure.to_string())?;
    Ok(kept)
}

fn damaged(path: &Path, cause: &str) -> io::Error {
    io::Error::other(format!(
        "{} is damaged ({cause}). Remove it: this Manager then takes it that it promised the longest lease there is, 60 \
         seconds, for which it neither votes nor stands for election. Or let the host in anew with `km join --replace`",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_raised_before_and_lowered_after_the_announcement() {
        let dir = tempfile::tempdir().unwrap();
        let lease = || Promise::load(dir.path()).unwrap().lock().lease_ms;
        let promise = Promise::load(dir.path()).unwrap();
        assert_eq!(lease(), 0);

        promise.before_announcing(1000).unwrap();
        promise.announced(1000).unwrap();
        promise.before_announcing(400).unwrap();
        assert_eq!(lease(), 1000);
        promise.announced(400).unwrap();
        assert_eq!(lease(), 400);
    }

    #[test]
    fn wanted_timers_are_used_from_the_next_start_but_never_a_lease_below_the_promise() {
        let dir = tempfile::tempdir().unwrap();
        let short = Timers { heartbeat_ms: 50, election_min_ms: 200, election_max_ms: 400 };
        let promise = Promise::load(dir.path()).unwrap();
        assert_eq!(promise.in_force(), Timers::default());
        promise.before_announcing(1000).unwrap();
        promise.want(short).unwrap();

        let again = Promise::load(dir.path()).unwrap();
        assert_eq!(again.in_force(), Timers { election_max_ms: 1000, ..short });
        again.announced(400).unwrap();
        assert_eq!(Promise::load(dir.path()).unwrap().in_force(), short);
    }

    #[test]
    fn a_damaged_promise_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "soon").unwrap();
        let failure = Promise::load(dir.path()).err().unwrap().to_string();
        assert!(failure.contains("60 seconds") && failure.contains("--replace"), "{failure}");
    }
}
