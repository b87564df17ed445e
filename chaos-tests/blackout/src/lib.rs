//! A real ext4 on a loop device, whose power can be cut: the kernel's own semantics, not a model of them.
//!
//! Shared by the tests of the store alone and of whole Managers. Knows neither.

#![expect(clippy::disallowed_methods, reason = "mkfs, mount and umount are waited for at once")]

mod shutdown;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::shutdown::shutdown;

/// How long whoever still has a file open may take to let go of it.
const BUSY: Duration = Duration::from_secs(30);

/// An ext4 file system of its own; unmounted when dropped.
#[derive(Debug)]
pub struct Ext4 {
    dir: PathBuf,
    mounted: bool,
    /// Marked as damaged, by an error that the kernel found.
    in_error: bool,
}

impl Ext4 {
    /// Makes and mounts one of so many bytes, with its image in a folder that lasts longer than it; the error says
    /// what is missing.
    pub fn new(dir: &Path, bytes: u64) -> Result<Self, String> {
        Self::labelled(dir, bytes, "")
    }

    /// The same, with a label of 16 bytes at most: it tells whose the file system is as long as it is mounted, whatever
    /// was removed in it and around it meanwhile.
    pub fn labelled(dir: &Path, bytes: u64, label: &str) -> Result<Self, String> {
        let missing = |what: &str, error: io::Error| {
            format!("{what} (needs root, mkfs.ext4 and loop devices): {error}")
        };
        let mut ext4 = Self { dir: dir.to_owned(), mounted: false, in_error: false };
        let made = File::create(ext4.image()).and_then(|image| image.set_len(bytes));
        made.map_err(|error| missing("no image", error))?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-L", label]).arg(ext4.image()))
            .map_err(|error| missing("mkfs.ext4 failed", error))?;
        std::fs::create_dir(ext4.path()).map_err(|error| missing("no mount point", error))?;
        ext4.mount().map_err(|error| missing("a loop device cannot be mounted", error))?;
        Ok(ext4)
    }

    fn image(&self) -> PathBuf {
        self.dir.join("image")
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.join("mounted")
    }

    fn mount(&mut self) -> io::Result<()> {
        run(Command::new("mount")
            .args(["-t", "ext4", "-o", "loop"])
            .arg(self.image())
            .arg(self.path()))?;
        self.mounted = true;
        Ok(())
    }

    /// Cuts the power: from now on everything fails.
    pub fn cut(&self) -> io::Result<()> {
        shutdown(&self.path())
    }

    /// From now on nothing more can be written, as after an error that the kernel found; what was flushed can be read.
    pub fn stop_writing(&mut self) -> io::Result<()> {
        self.in_error = true;
        run(Command::new("mount").args(["-o", "remount,abort"]).arg(self.path()))
    }

    /// Brings the power back: the journal is replayed, as after any power cut. On a busy machine a mount can come
    /// before the kernel has let go of the dark file system, and be given that once more: then again.
    pub fn repower(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + BUSY;
        loop {
            self.unmount()?;
            self.check()?;
            self.mount()?;
            match File::create(self.path().join("alive")) {
                Ok(_) => {
                    self.in_error = false;
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// What a host does at its start with a file system that is marked as damaged. Unchecked, the kernel forgets at every
    /// later start which files were removed while they were open, and their room is lost for good.
    fn check(&self) -> io::Result<()> {
        if !self.in_error {
            return Ok(());
        }
        let status = Command::new("e2fsck").args(["-p"]).arg(self.image()).output()?.status;
        match status.code() {
            // Nothing to correct; corrected.
            Some(0 | 1) => Ok(()),
            _ => Err(io::Error::other(format!("e2fsck ended with {status}"))),
        }
    }

    fn unmount(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + BUSY;
        while self.mounted {
            match run(Command::new("umount").arg(self.path())) {
                Ok(()) => self.mounted = false,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(())
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        if self.mounted {
            let path: &Path = &self.path();
            // Busy or gone: either way the test has told its result.
            let _ = run(Command::new("umount").arg("-l").arg(path));
        }
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
