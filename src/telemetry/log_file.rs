//! The log in files of the data directory: bounded parts, the oldest removed when a new one begins.
//!
//! Beside standard error, which belongs to whoever started the process, so that the log of a Manager can be had from
//! any other, whatever started it. What cannot be written here is dropped: it is on standard error all the same,
//! and a full disk is told by the store.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use crate::cluster::shelf::{INDEX, SETTINGS, list, part_name, part_number};

/// Most bytes of one line; the rest of a longer one is cut off.
const LINE_MAX: usize = 64 << 10;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a part, from which on the next one begins.
    pub part_bytes: u64,
    /// Parts.
    pub parts: usize,
}

/// Writes the log's lines. Clones write the same log.
#[derive(Clone)]
pub struct LogFile(Arc<Mutex<Log>>);

struct Log {
    folder: PathBuf,
    bounds: Bounds,
    number: u64,
    /// The part being written, and the bytes in it; none after a failure, until the next line.
    part: Option<(File, u64)>,
}

impl LogFile {
    /// Goes on with the log in a folder, which is made when it is not there.
    pub fn open(folder: &Path, bounds: Bounds, settings: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(SETTINGS), settings)?;
        let newest = list(folder)?.iter().filter_map(|file| part_number(&file.name)).max();
        let mut log =
            Log { folder: folder.into(), bounds, number: newest.unwrap_or(0), part: None };
        if newest.is_none() {
            log.begin_part()?;
        }
        log.ready()?;
        log.write_index()?;
        Ok(Self(Arc::new(Mutex::new(log))))
    }
}

impl Log {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let full = self.ready()?.1 >= self.bounds.part_bytes;
        if full {
            self.begin_part()?;
        }
        let (file, written) = self.ready()?;
        let cut = line.len() > LINE_MAX;
        let line = if cut { &line[..LINE_MAX] } else { line };
        file.write_all(line)?;
        if cut {
            file.write_all("…\n".as_bytes())?;
        }
        *written += line.len() as u64;
        Ok(())
    }

    fn ready(&mut self) -> io::Result<&mut (File, u64)> {
        if self.part.is_none() {
            let path = self.folder.join(part_name(self.number));
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            let written = file.metadata()?.len();
            self.part = Some((file, written));
        }
        Ok(self.part.as_mut().expect("it was opened just now"))
    }

    fn begin_part(&mut self) -> io::Result<()> {
        self.part = None;
        self.number += 1;
        self.ready()?;
        for file in list(&self.folder)? {
            let Some(number) = part_number(&file.name) else { continue };
            if number + self.bounds.parts as u64 <= self.number {
                std::fs::remove_file(self.folder.join(&file.name))?;
            }
        }
        self.write_index()
    }

    /// For who reads files over a way that cannot list folders. Replaced as a whole: it is read at any time.
    fn write_index(&self) -> io::Result<()> {
        let names: String = list(&self.folder)?.into_iter().map(|file| file.name + "\n").collect();
        let fresh = self.folder.join("index.new");
        std::fs::write(&fresh, names)?;
        std::fs::rename(fresh, self.folder.join(INDEX))
    }
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.write(line).is_err() {
            log.part = None;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = &'a LogFile;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds(part_bytes: u64, parts: usize) -> Bounds {
        Bounds { part_bytes, parts }
    }

    fn tell(log: &LogFile, line: &str) {
        let mut writer = log;
        writer.write_all(line.as_bytes()).unwrap();
    }

    fn names(dir: &Path) -> Vec<String> {
        list(dir)
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .filter(|name| name != SETTINGS)
            .collect()
    }

    #[test]
    fn a_restart_goes_on_with_the_part_and_the_index_names_them_all() {
        let dir = tempfile::tempdir().unwrap();
        tell(&LogFile::open(dir.path(), bounds(10, 3), "a = 1\n").unwrap(), "first\n");
        let log = LogFile::open(dir.path(), bounds(10, 3), "a = 2\n").unwrap();
        tell(&log, "second\n");
        tell(&log, "third\n");
        assert_eq!(names(dir.path()), ["km-000001.log", "km-000002.log"]);
        let text = std::fs::read_to_string(dir.path().join("km-000001.log")).unwrap();
        assert_eq!(text, "first\nsecond\n");
        let index = std::fs::read_to_string(dir.path().join(INDEX)).unwrap();
        assert_eq!(index, "km-000001.log\nkm-000002.log\nsettings.toml\n");
        assert_eq!(std::fs::read_to_string(dir.path().join(SETTINGS)).unwrap(), "a = 2\n");
    }

    #[test]
    fn what_cannot_be_written_is_no_failure_and_is_taken_up_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        let log = LogFile::open(&folder, bounds(1, 3), "").unwrap();
        tell(&log, "kept\n");
        std::fs::remove_dir_all(&folder).unwrap();
        tell(&log, "lost\n");
        std::fs::create_dir(&folder).unwrap();
        tell(&log, "kept again\n");
        assert_eq!(names(&folder).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_never_takes_more_than_its_bounds(
            lines in prop::collection::vec(1..200_usize, 1..80),
            parts in 1..5_usize,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let log = LogFile::open(dir.path(), bounds(300, parts), "").unwrap();
            for length in lines {
                tell(&log, &format!("{}\n", "x".repeat(length)));
                let kept = list(dir.path()).unwrap();
                let kept: Vec<_> = kept.iter().filter(|file| file.name != SETTINGS).collect();
                prop_assert!(kept.len() <= parts);
                prop_assert!(kept.iter().all(|file| file.length <= 300 + 201));
            }
        }
    }
}
