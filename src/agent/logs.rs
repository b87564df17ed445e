//! Log lines of a unit or a file: those of a time range, and of those the last so many bytes.
//!
//! A line's time is the first one it tells, in the form of RFC 3339 or nearly so; a line without one belongs to the
//! line before. They are read twice: first to know how many bytes there are, then to hand the last ones over. So
//! nothing is kept in memory, however long the log is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::base::Timestamp;
use crate::remote::LogAsk;

/// Longest line that is looked at as one; what is longer is cut into several.
const LINE_MAX_BYTES: u64 = 64 << 10;
/// Bytes handed over at a time.
const PIECE_BYTES: usize = 64 << 10;
/// How far into a line its time may stand: behind a `{"timestamp":"`, for example.
const TIME_WITHIN: usize = 64;

/// Which lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) bytes_max: u64,
}

impl From<&LogAsk> for Range {
    fn from(ask: &LogAsk) -> Self {
        Self { since: ask.since, until: ask.until, bytes_max: ask.bytes_max }
    }
}

/// Sends the lines of some files, the oldest first, until the receiver is gone.
pub(super) fn send(
    files: &[PathBuf],
    range: Range,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    // Opened once: a log that is turned meanwhile is read as it was.
    let opened: io::Result<Vec<(PathBuf, u64)>> =
        files.iter().map(|path| Ok((path.clone(), std::fs::metadata(path)?.len()))).collect();
    let opened = opened?;
    let mut all = 0_u64;
    each_line(&opened, range, |line| {
        all += line.len() as u64;
        true
    })?;
    let mut before = all.saturating_sub(range.bytes_max);
    let mut piece = Vec::new();
    let mut gone = false;
    each_line(&opened, range, |line| {
        if before > 0 {
            // A line of which the beginning is too much is left out as a whole.
            before = before.saturating_sub(line.len() as u64);
            return true;
        }
        piece.extend_from_slice(line);
        if piece.len() >= PIECE_BYTES {
            let full = Bytes::from(std::mem::take(&mut piece));
            gone = pieces.blocking_send(Ok(full)).is_err();
        }
        !gone
    })?;
    if !piece.is_empty() && !gone {
        // The receiver may be gone; then nobody wants them.
        let _ = pieces.blocking_send(Ok(piece.into()));
    }
    Ok(())
}

/// Calls for each line of the range, until told to stop.
fn each_line(
    files: &[(PathBuf, u64)],
    range: Range,
    mut then: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let mut inside = range.since.is_none();
    let mut line = Vec::new();
    for (path, length) in files {
        let mut reader = BufReader::new(File::open(path)?.take(*length));
        loop {
            line.clear();
            (&mut reader).take(LINE_MAX_BYTES).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                break;
            }
            if let Some(time) = time_of(&line) {
                inside = range.since.is_none_or(|since| time >= since)
                    && range.until.is_none_or(|until| time < until);
            }
            if inside && !then(&line) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The time a line tells, as `2026-11-28T00:59:13.123Z`, with a blank for the T, or with an offset.
fn time_of(line: &[u8]) -> Option<Timestamp> {
    let head = &line[..line.len().min(TIME_WITHIN)];
    let date = |at: usize| {
        let text = head.get(at..at + 11)?;
        let digits = |range: std::ops::Range<usize>| text[range].iter().all(u8::is_ascii_digit);
        let separated =
            text[4] == b'-' && text[7] == b'-' && (text[10] == b'T' || text[10] == b' ');
        (separated && digits(0..4) && digits(5..7) && digits(8..10)).then_some(at)
    };
    let begin = (0..head.len().saturating_sub(10)).find_map(date)?;
    let rest = &head[begin + 11..];
    let end = rest.iter().position(|byte| !(byte.is_ascii_digit() || b":.,+-Z".contains(byte)));
    let rest = &rest[..end.unwrap_or(rest.len())];
    let text = std::str::from_utf8(&head[begin..begin + 10]).ok()?;
    let clock = std::str::from_utf8(rest).ok()?.replace(',', ".");
    let zoned = clock.ends_with('Z') || clock.contains(['+', '-']);
    let whole = format!("{text}T{clock}{}", if zoned { "" } else { "Z" });
    let time: jiff::Timestamp = whole.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: &str = "no time yet\n\
        2026-11-28T01:00:00.000Z  INFO first\n  more of the first\n\
        2026-11-28 02:00:00,500 WARN second\n\
        {\"timestamp\":\"2026-11-28T03:00:00+00:00\",\"message\":\"third\"}\n";

    fn lines(texts: &[&str], since: Option<&str>, until: Option<&str>, bytes_max: u64) -> String {
        let dir = tempfile::tempdir().unwrap();
        let write = |(number, text): (usize, &&str)| {
            let path = dir.path().join(number.to_string());
            std::fs::write(&path, text).unwrap();
            path
        };
        let files: Vec<_> = texts.iter().enumerate().map(write).collect();
        let at = |text: &str| {
            let time: jiff::Timestamp = text.parse().unwrap();
            Timestamp(u64::try_from(time.as_millisecond()).unwrap())
        };
        let range = Range { since: since.map(at), until: until.map(at), bytes_max };
        let (pieces, mut told) = mpsc::channel(100);
        send(&files, range, &pieces).unwrap();
        drop(pieces);
        let mut all = String::new();
        while let Some(piece) = told.blocking_recv() {
            all.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        all
    }

    #[test]
    fn a_range_of_time_is_cut_at_its_lines() {
        let whole = lines(&[LOG], None, None, 1 << 20);
        assert_eq!(whole, LOG);
        let since = Some("2026-11-28T01:00:00Z");
        let told = lines(&[LOG], since, Some("2026-11-28T02:30:00Z"), 1 << 20);
        assert!(told.starts_with("2026-11-28T01") && told.contains("more of the first"));
        assert!(told.contains("second") && !told.contains("third"));
        assert_eq!(lines(&[LOG], Some("2026-11-28T04:00:00Z"), None, 1 << 20), "");
    }

    #[test]
    fn of_too_many_bytes_the_last_whole_lines_come_over_all_files() {
        assert_eq!(lines(&["a1\na2\n", "b1\nb2\n"], None, None, 7), "b1\nb2\n");
        assert_eq!(lines(&["a1\na2\n", "b1\nb2\n"], None, None, 9), "a2\nb1\nb2\n");
        assert_eq!(lines(&["a1\n"], None, None, 0), "");
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let long = "x".repeat(200_000);
        assert_eq!(lines(&[&long], None, None, 1 << 20).len(), 200_000);
        assert!(lines(&[&long], None, None, 100_000).len() <= 100_000);
    }

    proptest! {
        #[test]
        fn any_line_has_a_time_or_none_and_never_a_panic(line in proptest::collection::vec(any::<u8>(), 0..90)) {
            let _ = time_of(&line); // either answer will do
        }
    }
}
