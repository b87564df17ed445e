//! Looking over a stopped member's directory without changing it: every file, every damage, what it means.

use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::{self, Unusable};
use crate::error::{Doing, OpenError};
use crate::format::{self, DirLock};
use crate::log::{self, Looked};
use crate::state::{self, Shelves, Shelving};

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
    /// Whether the next start makes it good by itself, from what is intact.
    pub heals: bool,
}

impl CheckReport {
    fn lost(&mut self, file: &Path, offset: u64, meaning: String) {
        self.findings.push(Finding { file: file.to_owned(), offset, meaning, heals: false });
    }

    fn derived(&mut self, file: &Path, offset: u64, meaning: String) {
        self.findings.push(Finding { file: file.to_owned(), offset, meaning, heals: true });
    }
}

/// Looks over every file of the store in `dir`, which no process may have open.
pub fn check(dir: &Path) -> Result<CheckReport, OpenError> {
    if !dir.join(format::HEADER).exists() {
        return Err(OpenError::NotFormatted { dir: dir.to_owned() });
    }
    let _lock = DirLock::take(dir)?;
    let mut report = CheckReport::default();
    let log = check_log(dir, &mut report)?;
    let checkpoint = check_checkpoints(&dir.join(checkpoint::DIR), &log, &mut report)?;
    check_history(dir, &log, checkpoint, &mut report)?;
    Ok(report)
}

/// The log can only be judged when it is known whose disk it is.
fn check_log(dir: &Path, report: &mut CheckReport) -> Result<Looked, OpenError> {
    let disk_id = match format::identity(dir) {
        Ok(Some(identity)) => identity.disk_id,
        Ok(None) => return Err(OpenError::NotFormatted { dir: dir.to_owned() }),
        Err(OpenError::Header { file, malformed }) => {
            report.lost(&file, 0, format!("{malformed}: nobody can tell whose data this is"));
            return Ok(Looked::default());
        }
        Err(error) => return Err(error),
    };
    let log_dir = dir.join(log::DIR);
    let looked = log::check(&log_dir, &disk_id).doing("read", &log_dir)?;
    for damage in &looked.log {
        report.lost(&damage.file, damage.offset, format!("log: {}", damage.reason));
    }
    // Without a log there is nothing to make a mark from; that was said already.
    for damage in looked.mark.iter().filter(|mark| looked.log.iter().all(|it| it.file != mark.file))
    {
        report.derived(&damage.file, damage.offset, format!("log: {}", damage.reason));
    }
    Ok(looked)
}

/// Gives where the newest intact checkpoint ends.
fn check_checkpoints(
    dir: &Path,
    log: &Looked,
    report: &mut CheckReport,
) -> Result<Option<u64>, OpenError> {
    let paths = if dir.is_dir() { checkpoint::list(dir).doing("read", dir)? } else { Vec::new() };
    let mut newest = None;
    let mut damaged = Vec::new();
    for path in paths {
        match checkpoint::verify(&path) {
            Ok(head) => newest = newest.max(head.log_id.map(|id| id.index)),
            Err(Unusable::Damaged { offset, malformed }) => damaged.push((path, offset, malformed)),
            Err(Unusable::Io(source)) => {
                return Err(OpenError::Io { doing: "read", file: path, source });
            }
        }
    }
    let is_made_good = log.purged <= newest;
    for (path, offset, malformed) in &damaged {
        let meaning = format!("checkpoint: {malformed}; ");
        match is_made_good {
            true => report.derived(path, *offset, meaning + "it is put aside at the next start"),
            false => report.lost(path, *offset, meaning + "no other one stands in for it"),
        }
    }
    if let (Some(purged), false) = (log.purged, is_made_good || !damaged.is_empty()) {
        let meaning = format!("checkpoint: none holds what the log no longer has, up to {purged}");
        report.lost(dir, 0, meaning);
    }
    Ok(newest)
}

/// The history follows from checkpoint and log, so nothing about it is lost for good.
fn check_history(
    dir: &Path,
    log: &Looked,
    checkpoint: Option<u64>,
    report: &mut CheckReport,
) -> Result<(), OpenError> {
    let history = dir.join(state::HISTORY_DIR);
    if let Some(note) = state::suspicion(dir) {
        report.derived(&history, 0, anew(&format!("an earlier run doubted it: {note}")));
    }
    if !history.is_dir() {
        // It is made together with the first segment of the log.
        if log.is_used {
            report.derived(&history, 0, anew("it is missing"));
        }
        return Ok(());
    }
    for name in ["db", "conf"].into_iter().filter(|name| !history.join(name).exists()) {
        report.derived(&history.join(name), 0, anew("it is missing"));
    }
    let copy = dir.join(COPY);
    let looked = look_at_copy(&history, &copy, checkpoint);
    if copy.exists() {
        std::fs::remove_dir_all(&copy).doing("remove", &copy)?;
    }
    for Wrong { name, offset, what } in looked.doing("copy for a look", &history)? {
        report.derived(&history.join(name), offset, anew(&what));
    }
    Ok(())
}

fn anew(what: &str) -> String {
    format!("history: {what}; it is made anew at the next start")
}

/// Something wrong with a file of the history.
struct Wrong {
    name: &'static str,
    offset: u64,
    what: String,
}

fn look_at_copy(history: &Path, copy: &Path, checkpoint: Option<u64>) -> io::Result<Vec<Wrong>> {
    if copy.exists() {
        std::fs::remove_dir_all(copy)?;
    }
    copy_dir(history, copy)?;
    let there = |name: &str| history.join(name).exists();
    let mut wrong = Vec::new();
    // Where its settings are missing, sled writes them; that tells what they have to be.
    let settings = copy.join("conf");
    let found = there("conf").then(|| std::fs::read(&settings)).transpose()?;
    if found.is_some() {
        std::fs::remove_file(&settings)?;
    }
    if let Err(what) = judge_copy(copy, checkpoint)
        && there("db")
    {
        wrong.push(Wrong { name: "db", offset: 0, what });
    }
    if let Some(found) = found {
        let right = std::fs::read(&settings)?;
        let same = found.iter().zip(&right).take_while(|(found, right)| found == right).count();
        if found != right {
            let what = "it does not hold the settings of a history".to_owned();
            wrong.push(Wrong { name: "conf", offset: same as u64, what });
        }
    }
    Ok(wrong)
}

fn judge_copy(copy: &Path, checkpoint: Option<u64>) -> Result<(), String> {
    let shelves = Shelves::open(copy, u64::MAX).map_err(|error| error.to_string())?;
    shelves.verify().map_err(|error| error.to_string())?;
    let progress = shelves.progress().map_err(|error| error.to_string())?;
    match checkpoint {
        Some(index) if progress < checkpoint => {
            let ends = progress.map_or("nowhere".to_owned(), |progress| format!("at {progress}"));
            Err(format!("it ends {ends}, before the newest checkpoint, which ends at {index}"))
        }
        _ => Ok(()),
    }
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
