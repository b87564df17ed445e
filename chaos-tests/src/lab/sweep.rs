//! What runs left that were killed, or ended with their terminal: found by the names they gave, and removed when none of
//! those processes is there any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fake_clock;
use super::names::owner;
use super::tool::run;
use crate::cluster::Process;

/// Namespaces that have names.
const NAMESPACES: &str = "/run/netns";
/// Where control groups are made.
const GROUPS: [&str; 2] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory"];
/// How long the kernel may take to bury what is killed.
const BURIAL: Duration = Duration::from_secs(5);
const LOOK_PERIOD: Duration = Duration::from_millis(10);

/// Removes what is nobody's any more. What cannot be removed is in nobody's way: every run has names of its own.
pub fn sweep() {
    let left = names_in(Path::new(NAMESPACES));
    left.iter().for_each(|name| end_all_in(name));
    for disk in disks_left() {
        let _ = run(&format!("umount -l {}", disk.display()));
    }
    for name in &left {
        let _ = run(&format!("ip netns del {name}"));
    }
    for root in GROUPS.map(Path::new) {
        for name in names_in(root) {
            let _ = fs::remove_dir(root.join(name));
        }
    }
    sweep_clocks();
}

/// Removes what the clocks of processes left that are gone. A Manager that comes upon the semaphore of another one of its number
/// has no shared memory, so that the process that keeps its will makes some for itself, of which nobody knows.
pub(super) fn sweep_clocks() {
    fake_clock::forget_all(is_gone);
}

/// Names in a folder that a lab gave whose program is gone.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| owner(name).is_some_and(is_gone)).collect()
}

fn is_gone(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

/// Ends everything that still runs on a host, and waits for it: it holds the disk.
fn end_all_in(namespace: &str) {
    let ends = Instant::now() + BURIAL;
    loop {
        let told = run(&format!("ip netns pids {namespace}")).unwrap_or_default();
        let left = told.lines().filter_map(|pid| Process::of(pid.trim().parse().ok()?));
        let left: Vec<Process> = left.collect();
        for process in &left {
            process.kill();
            fake_clock::forget(process.pid());
        }
        if left.is_empty() || Instant::now() > ends {
            return;
        }
        std::thread::sleep(LOOK_PERIOD);
    }
}

/// Where disks are still mounted whose labels tell of an owner that is gone. A file beside the disk would be lost to whoever
/// removes the folders of such a run, and the disk would stay for good.
fn disks_left() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let left = |line: &str| {
        let mut words = line.split_whitespace();
        let (device, path) = (words.next()?, words.next()?);
        let label = device.starts_with("/dev/loop").then(|| run(&format!("e2label {device}")))?;
        owner(label.ok()?.trim()).is_some_and(is_gone).then(|| PathBuf::from(path))
    };
    mounts.lines().filter_map(left).collect()
}
