//! Files on this host: put whole or not at all, read with their checksum, below the configured roots only.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::No;
use crate::remote::act::FILE_MAX_BYTES;
use crate::remote::{FileStamp, RemotePath};

/// What may be written and read.
pub(super) struct Files<'a> {
    pub(super) roots: &'a [PathBuf],
    /// Where it is noted what is on its way.
    pub(super) puts: PathBuf,
}

/// A file on its way. Dropped before its end, nothing of it stays.
pub(super) struct Arriving {
    target: PathBuf,
    temporary: PathBuf,
    note: PathBuf,
    /// Held as long as this process may still finish the file.
    _noted: File,
    file: File,
    mode: u32,
    announced: u64,
    length: u64,
    digest: Context,
    made: Vec<PathBuf>,
}

impl Files<'_> {
    /// Where a path leads, if that is below a root whatever links stand in the way.
    pub(super) fn existing(&self, path: &RemotePath) -> Result<PathBuf, No> {
        let found = fs::canonicalize(path.as_str()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => No::Refused(format!("there is no {path}")),
            _ => failed(&error),
        })?;
        self.below_a_root(&found, path)?;
        match fs::metadata(&found).map_err(|error| failed(&error))?.is_file() {
            true => Ok(found),
            false => Err(No::Refused(format!("{path} is not a file"))),
        }
    }

    /// Begins to take a file in.
    pub(super) fn begin(&self, path: &RemotePath, mode: u32, length: u64) -> Result<Arriving, No> {
        if length > FILE_MAX_BYTES {
            return Err(No::Refused(format!("{length} bytes are too many for one file")));
        }
        let wanted = Path::new(path.as_str());
        let (Some(parent), Some(name)) = (wanted.parent(), wanted.file_name()) else {
            return Err(No::Refused(format!("{path} names no file")));
        };
        let (parent, made) = self.make_folder(parent, path)?;
        let undo = |error: io::Error| {
            unmake(&made);
            failed(&error)
        };
        let target = parent.join(name);
        if target.is_dir() {
            unmake(&made);
            return Err(No::Refused(format!("{path} is a folder")));
        }
        let number = Uuid::new_v4();
        let temporary = parent.join(format!(".km-put-{number}"));
        let note = self.puts.join(number.to_string());
        let noted = take_note(&note, &temporary).map_err(undo)?;
        let opened = File::options().write(true).create_new(true).mode(0o600).open(&temporary);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                let _ = fs::remove_file(&note);
                return Err(undo(error));
            }
        };
        Ok(Arriving {
            target,
            temporary,
            note,
            _noted: noted,
            file,
            mode: mode & 0o777,
            announced: length,
            length: 0,
            digest: Context::new(&SHA256),
            made,
        })
    }

    /// The folder a file goes into; what is missing of it below a root is made.
    fn make_folder(&self, parent: &Path, path: &RemotePath) -> Result<(PathBuf, Vec<PathBuf>), No> {
        let there = parent.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let real = fs::canonicalize(there).map_err(|error| failed(&error))?;
        let missing = parent.strip_prefix(there).expect("one of its own ancestors");
        self.below_a_root(&real.join(missing).join("x"), path)?;
        let mut folder = real;
        let mut made = Vec::new();
        for part in missing.components() {
            folder.push(part);
            if let Err(error) = fs::create_dir(&folder) {
                unmake(&made);
                return Err(failed(&error));
            }
            made.push(folder.clone());
        }
        Ok((folder, made))
    }

    fn below_a_root(&self, real: &Path, path: &RemotePath) -> Result<(), No> {
        let root = |root: &PathBuf| fs::canonicalize(root).unwrap_or_else(|_| root.clone());
        if self.roots.iter().map(root).any(|root| real.starts_with(&root) && real != root) {
            return Ok(());
        }
        Err(No::Refused(format!(
            "{path} is not below one of files.roots in the configuration of this host's agent"
        )))
    }
}

impl Arriving {
    /// Adds the next bytes.
    pub(super) fn add(&mut self, piece: &[u8]) -> Result<(), No> {
        self.length += piece.len() as u64;
        if self.length > self.announced {
            return Err(No::Refused("more bytes than were announced".into()));
        }
        self.digest.update(piece);
        self.file.write_all(piece).map_err(|error| failed(&error))
    }

    /// Puts it in place, if it is what was sent. After that it is on the disk.
    pub(super) fn finish(self, sent: FileStamp) -> Result<FileStamp, No> {
        let stamp = FileStamp { length: self.length, sha256: sum(self.digest.clone()) };
        if stamp != sent || self.length != self.announced {
            return Err(No::Refused("the checksum does not fit what arrived".into()));
        }
        let place = || {
            self.file.set_permissions(fs::Permissions::from_mode(self.mode))?;
            self.file.sync_all()?;
            fs::rename(&self.temporary, &self.target)?;
            let folders = self.made.iter().filter_map(|made| made.parent());
            for folder in self.target.parent().into_iter().chain(folders) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        place().map_err(|error: io::Error| failed(&error))?;
        Ok(stamp)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // In place already, it is not there under this name; and folders that hold it are not removed.
        let _ = fs::remove_file(&self.temporary);
        let _ = fs::remove_file(&self.note);
        unmake(&self.made);
    }
}

/// Removes what processes left behind that ended in the middle of a file.
pub(super) fn sweep(puts: &Path) {
    let Ok(entries) = fs::read_dir(puts) else { return };
    for note in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Ok(file) = File::open(&note) else { continue };
        let left = file.try_lock().is_ok();
        if let (true, Ok(temporary)) = (left, fs::read_to_string(&note)) {
            let temporary = Path::new(&temporary);
            let ours = temporary.file_name().and_then(|name| name.to_str());
            if ours.is_some_and(|name| name.starts_with(".km-put-")) {
                // Not there any more is what is wanted.
                let _ = fs::remove_file(temporary);
            }
            let _ = fs::remove_file(&note);
        }
    }
}

/// The checksum of what was digested.
pub(super) fn sum(digest: Context) -> [u8; 32] {
    digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Locked before it says anything, so that nobody sweeps what is being written.
fn take_note(note: &Path, temporary: &Path) -> io::Result<File> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(note)?;
    file.lock()?;
    file.write_all(temporary.as_os_str().as_encoded_bytes())?;
    file.sync_all()?;
    Ok(file)
}

/// Removes folders that were made for a file that did not come; one that holds something stays.
fn unmake(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

fn failed(error: &io::Error) -> No {
    No::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        dir: tempfile::TempDir,
        roots: Vec<PathBuf>,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let roots = vec![dir.path().join("root")];
            fs::create_dir(&roots[0]).unwrap();
            fs::create_dir(dir.path().join("puts")).unwrap();
            Self { dir, roots }
        }

        fn files(&self) -> Files<'_> {
            Files { roots: &self.roots, puts: self.dir.path().join("puts") }
        }

        fn path(&self, name: &str) -> RemotePath {
            format!("{}/{name}", self.roots[0].display()).parse().unwrap()
        }

        /// Everything below the folder, but not the folder's own parts.
        fn all(&self) -> usize {
            let count = |dir: &Path| fs::read_dir(dir).unwrap().count();
            count(&self.roots[0]) + count(&self.dir.path().join("puts"))
        }
    }

    fn stamp(bytes: &[u8]) -> FileStamp {
        let mut digest = Context::new(&SHA256);
        digest.update(bytes);
        FileStamp { length: bytes.len() as u64, sha256: sum(digest) }
    }

    #[test]
    fn a_file_is_put_whole_with_its_mode_and_its_folders() {
        let place = Place::new();
        let path = place.path("a/b/script.sh");
        let mut arriving = place.files().begin(&path, 0o100_750, 5).unwrap();
        arriving.add(b"he").unwrap();
        arriving.add(b"llo").unwrap();
        assert_eq!(arriving.finish(stamp(b"hello")).unwrap(), stamp(b"hello"));
        assert_eq!(fs::read(path.as_str()).unwrap(), b"hello");
        assert_eq!(fs::metadata(path.as_str()).unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(place.all(), 1);
        assert_eq!(place.files().existing(&path).unwrap(), Path::new(path.as_str()));
    }

    #[test]
    fn half_a_file_leaves_nothing_and_the_old_one_stays() {
        let place = Place::new();
        let (files, new, old) = (place.files(), place.path("a/new"), place.path("old"));
        fs::write(old.as_str(), "old").unwrap();
        for path in [&new, &old] {
            let mut cut = files.begin(path, 0o644, 5).unwrap();
            cut.add(b"hel").unwrap();
            drop(cut);
            let mut wrong = files.begin(path, 0o644, 5).unwrap();
            wrong.add(b"hellO").unwrap();
            assert!(wrong.finish(stamp(b"hello")).is_err());
            let mut short = files.begin(path, 0o644, 5).unwrap();
            short.add(b"hel").unwrap();
            assert!(short.finish(stamp(b"hel")).is_err());
            let mut long = files.begin(path, 0o644, 2).unwrap();
            assert!(long.add(b"hel").is_err());
        }
        assert_eq!(fs::read(old.as_str()).unwrap(), b"old");
        assert_eq!(place.all(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_on_its_way_is_not() {
        let place = Place::new();
        let puts = place.dir.path().join("puts");
        let left = place.roots[0].join(".km-put-dead");
        fs::write(&left, "half").unwrap();
        fs::write(puts.join("dead"), left.to_str().unwrap()).unwrap();
        let mut going = place.files().begin(&place.path("a"), 0o644, 1).unwrap();
        sweep(&puts);
        assert!(!left.exists() && !puts.join("dead").exists());
        going.add(b"x").unwrap();
        going.finish(stamp(b"x")).unwrap();
    }

    #[test]
    fn nothing_outside_the_roots_is_written_or_read() {
        let place = Place::new();
        let outside = place.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(&outside, place.roots[0].join("link")).unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), place.roots[0].join("file")).unwrap();
        let direct: RemotePath = outside.join("secret").to_str().unwrap().parse().unwrap();
        let root: RemotePath = place.roots[0].to_str().unwrap().parse().unwrap();
        for path in [direct, place.path("link/secret"), place.path("file"), root] {
            assert!(matches!(place.files().existing(&path), Err(No::Refused(_))), "{path}");
        }
        assert!(place.files().begin(&place.path("link/new"), 0o644, 1).is_err());
        // A link in the place of a file is replaced, and what it led to stays.
        let mut arriving = place.files().begin(&place.path("file"), 0o644, 1).unwrap();
        arriving.add(b"x").unwrap();
        arriving.finish(stamp(b"x")).unwrap();
        assert_eq!(fs::read(outside.join("secret")).unwrap(), b"s");
        assert_eq!(fs::read(place.roots[0].join("file")).unwrap(), b"x");
    }
}
