//! Whoever writes the history is not waited for without end.
//!
//! sled was seen to wait in its own flush for ever, a few times in thousands of power cuts. A thread cannot be taken out
//! of that, and what it holds back is much: once the queue is full nothing is applied any more, by a member that goes on
//! leading. So it is looked on from outside, and the process is to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

/// Pause between two looks.
const LOOK_PERIOD: Duration = Duration::from_secs(5);
/// Looks in a row that may find the same act under way: two minutes. Looks are counted and not time, which goes on while
/// the process stands still.
const LOOKS: u32 = 24;

/// What is looked on. Dropped, the looking ends.
pub(super) struct Patience {
    /// Acts begun and ended; odd while one is under way.
    acts: Arc<AtomicU64>,
    _looking: Option<SyncSender<()>>,
}

impl Patience {
    /// Waits for ever: for what is written into memory.
    pub(super) fn without_end() -> Self {
        Self { acts: Arc::default(), _looking: None }
    }

    /// Looks on; `lost` is called once, from a thread of its own, when an act does not end.
    pub(super) fn new(lost: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        Self::looking_every(LOOK_PERIOD, lost)
    }

    fn looking_every(period: Duration, lost: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let acts = Arc::new(AtomicU64::new(0));
        let (looking, ended) = mpsc::sync_channel::<()>(0);
        let seen = acts.clone();
        thread::Builder::new().name("raft-patience".to_owned()).spawn(move || {
            let (mut last, mut times) = (0, 0);
            while times < LOOKS {
                if ended.recv_timeout(period) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let now = seen.load(Ordering::Acquire);
                let is_the_same_act = now == last && now % 2 == 1;
                times = if is_the_same_act { times + 1 } else { 0 };
                last = now;
            }
            lost();
        })?;
        Ok(Self { acts, _looking: Some(looking) })
    }

    /// Does what is to end.
    pub(super) fn with<T>(&self, act: impl FnOnce() -> T) -> T {
        self.acts.fetch_add(1, Ordering::AcqRel);
        let done = act();
        self.acts.fetch_add(1, Ordering::AcqRel);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(1);

    fn patience() -> (Patience, mpsc::Receiver<()>) {
        let (told, lost) = mpsc::channel();
        let patience = Patience::looking_every(PERIOD, move || {
            let _ = told.send(());
        });
        (patience.expect("a thread"), lost)
    }

    #[test]
    fn an_act_that_does_not_end_is_told() {
        let (patience, lost) = patience();
        patience.with(|| assert_eq!(lost.recv(), Ok(())));
    }

    #[test]
    fn many_acts_are_not_taken_for_one() {
        let (patience, lost) = patience();
        for _ in 0..LOOKS * 10 {
            patience.with(|| ());
            thread::sleep(PERIOD);
        }
        drop(patience);
        assert_eq!(lost.recv(), Err(mpsc::RecvError), "nobody was lost, and the looking ended");
    }
}
