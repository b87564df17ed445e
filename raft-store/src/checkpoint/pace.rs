//! How fast a checkpoint is written: it is nobody's hurry, and everybody's disk.
//!
//! Written at full speed, its bytes pile up in front of the log's next flush, and its work takes a processor from
//! whoever waits for an answer. So after every piece it makes the piece durable and rests for longer than that took.

use std::fs::File;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes between two rests. A checkpoint of less is written at once.
const PIECE_BYTES: usize = 1 << 20;
/// How much longer than the work a rest is.
const REST_FACTOR: u32 = 3;
/// Longest rest: on a slow disk a checkpoint must come to its end, too.
const REST_MOST: Duration = Duration::from_millis(50);

/// The pace of one checkpoint.
pub(super) struct Pace {
    written_bytes: usize,
    working_since: Instant,
}

impl Pace {
    pub(super) fn begin() -> Pace {
        Pace { written_bytes: 0, working_since: Instant::now() }
    }

    /// Counts what was just written, and rests when a piece is complete.
    pub(super) fn keep(&mut self, bytes: usize, file: &File) -> io::Result<()> {
        self.written_bytes += bytes;
        if self.written_bytes < PIECE_BYTES {
            return Ok(());
        }
        file.sync_data()?;
        thread::sleep(rest_after(self.working_since.elapsed()));
        *self = Pace::begin();
        Ok(())
    }
}

fn rest_after(work: Duration) -> Duration {
    (work * REST_FACTOR).min(REST_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_takes_a_quarter_of_the_time_and_always_goes_on() {
        assert_eq!(rest_after(Duration::from_millis(4)), Duration::from_millis(12));
        assert_eq!(rest_after(Duration::from_secs(9)), REST_MOST);
    }
}
