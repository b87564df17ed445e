//! Looking over a stopped member's directory without changing it: every file, every damage, what it means.

use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::{self, Unusable};
use crate::error::{Doing, OpenError};
use crate::format::{self, DirLock};
use crate::log;
use crate::state::{self, Shelves};

/// The history is looked at in a copy, because sled writes when it opens.
const COPY: &str = "history.check";

/// What was found in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// All damages; none when everything is intact.
    pub findings: Vec<Finding>,
}

/// One damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The damaged file.
    pub file: PathBuf,
    /// Where in it; 0 when the whole file is meant.
    pub offset: u64,
    /// What is wrong there, and what it means for this member.
    pub meaning: String,
}

impl CheckReport {
    fn add(&mut self, file: &Path, offset: u64, meaning: String) {
        self.findings.push(Finding { file: file.to_owned(), offset, meaning });
    }
}

/// Looks over every file of the store in `dir`, which no process may have open.
pub fn check(dir: &Path) -> Result<CheckReport, OpenError> {
    if !dir.join(format::HEADER).exists() {
        return Err(OpenError::NotFormatted { dir: dir.to_owned() });
    }
    let _lock = DirLock::take(dir)?;
    let mut report = CheckReport::default();
    check_log(dir, &mut report)?;
    check_checkpoints(&dir.join(checkpoint::DIR), &mut report)?;
    check_history(dir, &mut report)?;
    Ok(report)
}

/// The log can only be judged when it is known whose disk it is.
fn check_log(dir: &Path, report: &mut CheckReport) -> Result<(), OpenError> {
    let disk_id = match format::identity(dir) {
        Ok(Some(identity)) => identity.disk_id,
        Ok(None) => return Err(OpenError::NotFormatted { dir: dir.to_owned() }),
        Err(OpenError::Header { file, malformed }) => {
            report.add(&file, 0, format!("{malformed}: nobody can tell whose data this is"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let log_dir = dir.join(log::DIR);
    for damage in log::check(&log_dir, &disk_id).doing("read", &log_dir)? {
        report.add(&damage.file, damage.offset, format!("log: {}", damage.reason));
    }
    Ok(())
}

fn check_checkpoints(dir: &Path, report: &mut CheckReport) -> Result<(), OpenError> {
    if !dir.is_dir() {
        return Ok(());
    }
    for path in checkpoint::list(dir).doing("read", dir)? {
        match checkpoint::verify(&path) {
            Ok(_head) => {}
            Err(Unusable::Damaged { offset, malformed }) => {
                let meaning = format!("checkpoint: {malformed}; it is put aside at the next start");
                report.add(&path, offset, meaning);
            }
            Err(Unusable::Io(source)) => {
                return Err(OpenError::Io { doing: "read", file: path, source });
            }
        }
    }
    Ok(())
}

fn check_history(dir: &Path, report: &mut CheckReport) -> Result<(), OpenError> {
    let history = dir.join(state::HISTORY_DIR);
    if !history.is_dir() {
        return Ok(());
    }
    let copy = dir.join(COPY);
    copy_dir(&history, &copy).doing("copy for a look", &history)?;
    let looked = Shelves::open(&copy, u64::MAX).and_then(|shelves| shelves.verify());
    std::fs::remove_dir_all(&copy).doing("remove", &copy)?;
    if let Err(error) = looked {
        let meaning = format!("{error}; it is put aside and made anew at the next start");
        report.add(&history.join("db"), 0, meaning);
    }
    Ok(())
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for item in std::fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        match item.file_type()?.is_dir() {
            true => copy_dir(&item.path(), &target)?,
            false => drop(std::fs::copy(item.path(), target)?),
        }
    }
    Ok(())
}
