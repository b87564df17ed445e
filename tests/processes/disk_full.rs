//! A full disk, on a real small file system: changes are refused, nothing acknowledged is lost, service resumes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::alone::Alone;
use super::support::until;

/// Room for the segments set aside at the start and a little more.
const SIZE: &str = "200m";

/// A file system of its own in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={SIZE},mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(at).status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test mounts a small file system and must run as root (or: sudo make test)"
        );
        SmallDisk(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Left mounted it would only be in the way of nobody; the test has told its result.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

// "Disk full" of the issue: refused with a reason, nothing acknowledged lost, service resumes.
#[test]
fn a_full_disk_refuses_changes_keeps_what_was_acknowledged_and_resumes_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&dir.path().join("disk"));
    let manager = Alone::founded(dir.path(), &disk.0.join("data"));
    let ballast = disk.0.join("ballast");

    assert_eq!(manager.set("before", "1").code, 0);
    fill(&ballast);
    let (mut acknowledged, mut refused) = (0, None);
    for number in 0..MORE_THAN_FIT {
        let told = manager.set(&format!("p{number}"), &noise());
        if told.code != 0 {
            refused = Some(told);
            break;
        }
        acknowledged += 1;
    }
    let refused = refused.expect("a full disk takes no changes for ever");
    assert!(refused.err.contains("disk"), "{}", refused.err);
    assert_eq!(manager.custom(), acknowledged + 1);

    std::fs::remove_file(&ballast).unwrap();
    until("changes to be taken again", || manager.set("after", "1").code == 0);
    assert_eq!(manager.custom(), acknowledged + 2);
    let manager = manager.restarted();
    until("it to answer", || manager.km(["status"]).code == 0);
    assert_eq!(manager.custom(), acknowledged + 2);
}

/// More changes than the room set aside in advance can take.
const MORE_THAN_FIT: usize = 2_000;

/// A long value in which nothing repeats itself: history that does is packed and takes hardly any room.
fn noise() -> String {
    (0..250).map(|_| format!("{:016x}", rand::random::<u64>())).collect()
}

/// Fills the file system to the last block.
fn fill(ballast: &Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    let block = vec![0_u8; 1 << 16];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
}
