//! A Manager's own log files as others may read them: a list, and one piece after the other.
//!
//! ```text
//!   DIR/logs/   km-000001.log  km-000002.log …   what it told, the highest number is being written
//!               index                            the names of these files, oldest first, one a line
//!               settings.toml                    the settings in force at the last start
//! ```
//!
//! Names are never given twice, so a file that is asked for in pieces cannot become another one meanwhile; it can
//! only be gone. A piece is a question of its own: whoever reads keeps nothing open here, and whoever stops reading
//! leaves nothing behind. What is read is not redacted; whoever shows it does that.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use super::Group;
use super::frames::Kind;
use super::network::AskFailure;
use super::wire::{self, LogFileV1, LogFilesV1, LogPieceV1, LogReadV1};
use crate::base::{ManagerId, Timestamp};

/// Most bytes of one piece.
pub const PIECE_MAX: usize = 256 << 10;
/// Most files that are listed; a Manager keeps fewer.
const FILES_MAX: usize = 256;
/// The list of the files, for who can read files and no folders.
pub const INDEX: &str = "index";
/// The settings in force at the last start.
pub const SETTINGS: &str = "settings.toml";
/// Longest time a peer may take for one answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// One file of a Manager's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its name, without a folder.
    pub name: String,
    /// Bytes in it, when it was listed.
    pub length: u64,
    /// When it was last written.
    pub written_at: Timestamp,
}

/// Why a log could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFailure {
    /// The Manager does not answer.
    #[error("it does not answer: {0}")]
    NotReached(String),
    /// It answers, and could not read it: a file that was removed meanwhile, a disk that fails.
    #[error("{0}")]
    Failed(String),
}

/// Where a data directory's logs are.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// The name of a log's part.
pub fn part_name(number: u64) -> String {
    format!("km-{number:06}.log")
}

/// The number of a log's part; `None` when it is no such name.
pub fn part_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("km-")?.strip_suffix(".log")?;
    let plain = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// The files in a folder of logs, the oldest first, the settings last. None when there is no such folder.
pub fn list(folder: &Path) -> io::Result<Vec<LogFile>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue }; // not one of ours
        if !is_shown(&name) {
            continue;
        }
        let metadata = entry.metadata()?;
        let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written_at = Timestamp(u64::try_from(written.as_millis()).unwrap_or(u64::MAX));
        found.push(LogFile { name, length: metadata.len(), written_at });
    }
    found.sort_by_key(|file| part_number(&file.name).unwrap_or(u64::MAX));
    let surplus = found.len().saturating_sub(FILES_MAX);
    Ok(found.split_off(surplus))
}

/// Up to [`PIECE_MAX`] bytes of a file from an offset; empty at its end.
pub fn piece(folder: &Path, name: &str, offset: u64) -> io::Result<Vec<u8>> {
    if !is_shown(name) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "that is no file of a log"));
    }
    let file = File::open(folder.join(name))?;
    let mut bytes = vec![0; PIECE_MAX];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Only these are ever read for somebody else: not a path, not another file that happens to lie there.
fn is_shown(name: &str) -> bool {
    name == SETTINGS || part_number(name).is_some()
}

impl Group {
    /// The log files of a Manager, asked of itself.
    pub async fn log_files(&self, of: ManagerId) -> Result<Vec<LogFile>, LogFailure> {
        if of == self.here() {
            return self.own_log_files().await.map_err(LogFailure::Failed);
        }
        let peer = self.core.peers.get(of.0);
        let told: LogFilesV1 = peer
            .ask_aside(Kind::LogList, Bytes::new(), Kind::LogFiles, DEADLINE)
            .await
            .map_err(failure)?;
        let file = |file: LogFileV1| LogFile {
            name: file.name,
            length: file.length,
            written_at: Timestamp(file.written_at_ms),
        };
        Ok(told
            .files
            .into_iter()
            .take(FILES_MAX)
            .filter(|file| is_shown(&file.name))
            .map(file)
            .collect())
    }

    /// A piece of a Manager's log file, asked of itself.
    pub async fn log_piece(
        &self,
        of: ManagerId,
        name: &str,
        offset: u64,
    ) -> Result<Bytes, LogFailure> {
        if of == self.here() {
            let read = self.own_log_piece(name.to_owned(), offset).await;
            return Ok(read.map_err(LogFailure::Failed)?.into());
        }
        let ask = wire::encode(&LogReadV1 { name: name.to_owned(), offset });
        let peer = self.core.peers.get(of.0);
        let told: LogPieceV1 =
            peer.ask_aside(Kind::LogRead, ask, Kind::LogPiece, DEADLINE).await.map_err(failure)?;
        Ok(told.bytes.into())
    }

    /// What is answered to a peer that asks for the list.
    pub(super) async fn list_logs(&self) -> Result<LogFilesV1, String> {
        let file = |file: LogFile| LogFileV1 {
            name: file.name,
            length: file.length,
            written_at_ms: file.written_at.0,
        };
        let files = self.own_log_files().await?.into_iter().map(file).collect();
        Ok(LogFilesV1 { files })
    }

    /// What is answered to a peer that asks for a piece.
    pub(super) async fn read_log(&self, ask: LogReadV1) -> Result<LogPieceV1, String> {
        Ok(LogPieceV1 { bytes: self.own_log_piece(ask.name, ask.offset).await? })
    }

    async fn own_log_files(&self) -> Result<Vec<LogFile>, String> {
        let folder = folder(self.core.home.dir());
        off_the_loop(move || list(&folder)).await
    }

    async fn own_log_piece(&self, name: String, offset: u64) -> Result<Vec<u8>, String> {
        let folder = folder(self.core.home.dir());
        off_the_loop(move || piece(&folder, &name, offset)).await
    }
}

async fn off_the_loop<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let read = raft_store::aside(read).await;
    read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn failure(failure: AskFailure) -> LogFailure {
    match failure {
        AskFailure::Call(call) => LogFailure::NotReached(call.to_string()),
        AskFailure::Failed(because) => LogFailure::Failed(because),
        AskFailure::Nonsense => LogFailure::Failed(failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_logs_own_files_are_listed_and_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(list(&dir.path().join("none")).unwrap(), []);
        for name in
            ["km-000002.log", "km-000010.log", "km-1.log", "index", "group.key", "settings.toml"]
        {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let names: Vec<_> = list(dir.path()).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["km-000002.log", "km-000010.log", "settings.toml"]);
        assert_eq!(piece(dir.path(), "km-000002.log", 3).unwrap(), b"000002.log");
        assert_eq!(piece(dir.path(), "km-000002.log", 99).unwrap(), b"");
        for bad in ["group.key", "../km-000002.log", "/etc/passwd", "km-x.log", "", "km-+00001.log"]
        {
            piece(dir.path(), bad, 0).unwrap_err();
        }
        assert_eq!(
            piece(dir.path(), "km-000003.log", 0).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_long_file_is_read_in_pieces_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let text: Vec<u8> = (0..PIECE_MAX * 2 + 7).map(|at| (at % 251) as u8).collect();
        std::fs::write(dir.path().join(part_name(1)), &text).unwrap();
        let mut read = Vec::new();
        loop {
            let piece = piece(dir.path(), &part_name(1), read.len() as u64).unwrap();
            assert!(piece.len() <= PIECE_MAX);
            if piece.is_empty() {
                break;
            }
            read.extend(piece);
        }
        assert_eq!(read, text);
    }
}
