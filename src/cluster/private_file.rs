//! Files that only this process's user may read, replaced whole or not at all.
//!
//! Knows nothing of what is inside them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Owner may read and write, nobody else anything.
const PRIVATE: u32 = 0o600;

/// Puts `bytes` at `path` so that after a power cut there is either the old file or the new one.
///
/// The temporary file is created with its final mode: there is no moment at which a secret is readable
/// by others. Both the file and its directory are synced before this returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    remove_leftover(&temporary)?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    settle(path)
}

/// Makes sure that the file that is at `path` is there after a power cut. For whoever finds it and did not write it: whose process
/// was killed between putting it there and syncing its directory left that undone. Costs next to nothing when it is done.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::other("a private file needs a directory"))?;
    File::open(dir)?.sync_all()
}

/// A crash between create and rename leaves the temporary file behind; it was never in use.
fn remove_leftover(temporary: &Path) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_for_its_owner_alone_and_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        fs::write(dir.path().join("node.new"), "half written").unwrap();

        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
