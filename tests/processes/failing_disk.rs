//! A disk that fails, lies still or is taken away under a real Manager, and a Manager that is killed.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::alone::Alone;
use super::support::{signal, until};

/// Changes the answers of the kernel to one process, until dropped.
struct Strace(Child);

impl Strace {
    /// `None`, with the reason on the screen, where that cannot be done.
    fn attach(manager: &Alone, dir: &Path, injection: &str, claim: &str) -> Option<Strace> {
        let pid = manager.pid().to_string();
        let child = Command::new("strace")
            .args(["-f", "-qq", "-p", &pid, "-e", "trace=fdatasync,fsync", "-e", injection, "-o"])
            .arg(dir.join("strace.out"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED {claim}: strace is missing (apt-get install strace)"
            );
            return None;
        };
        let traced = || {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            tasks.flatten().all(|task| {
                let status = std::fs::read_to_string(task.path().join("status"));
                status.is_ok_and(|status| !status.contains("TracerPid:\t0"))
            })
        };
        let strace = Strace(child);
        until("strace to hold every thread", traced);
        Some(strace)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Asked to end it lets go of the process; it may have ended with it.
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.0.id(), Signal::INT);
        }
        let _ = self.0.wait();
    }
}

// The first flush fails and every later one would work: whoever tried again would go on, with a hole in its log.
#[test]
fn a_failed_flush_ends_the_process_and_is_never_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    assert_eq!(manager.set("before", "1").code, 0);
    let injection = "inject=fdatasync,fsync:error=EIO:when=1";
    let claim = "a failed flush";
    let Some(strace) = Strace::attach(&manager, dir.path(), injection, claim) else { return };
    let during = manager.set("during", "1");
    assert_ne!(during.code, 0, "it was never on the disk: {}", during.out);
    let ended = manager.ended();
    assert!(!ended.success(), "{ended}");
    drop(strace);
    assert!(manager.said().contains("Input/output error"), "{}", manager.said());

    manager.start();
    until("it to answer", || manager.answers());
    let kept = manager.km(["properties", "get", "custom", "before"]).json();
    assert_eq!(kept["value"], "1");
    assert_eq!(manager.set("after", "1").code, 0);
}

#[test]
fn a_slow_disk_makes_changes_slow_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let manager = Alone::founded(dir.path(), &dir.path().join("data"));
    let injection = "inject=fdatasync:delay_enter=300000";
    let Some(strace) = Strace::attach(&manager, dir.path(), injection, "a slow disk") else {
        return;
    };
    for number in 0..5 {
        assert_eq!(manager.set(&format!("slow{number}"), "1").code, 0);
    }
    drop(strace);
    assert_eq!(manager.custom(), 5);
    assert_eq!(manager.restarted_and_answering().custom(), 5);
}

/// Rounds of [`no_kill_loses_what_was_acknowledged`]; the full form sets more.
fn rounds() -> u32 {
    std::env::var("DURABILITY_KILLS").ok().map_or(4, |text| text.parse().unwrap())
}

#[test]
fn no_kill_loses_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    let mut acknowledged = Vec::new();
    for round in 0..rounds() {
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let names = (0..1000).map(|number| format!("r{round}-{number}"));
                names.take_while(|name| manager.set(name, "1").code == 0).collect::<Vec<_>>()
            });
            // In the middle of whatever it does then.
            std::thread::sleep(std::time::Duration::from_millis(120 + u64::from(round) * 37 % 200));
            signal(manager.pid(), Signal::KILL);
            acknowledged.extend(writing.join().unwrap());
        });
        manager.kill();
        manager.start();
        until("it to answer", || manager.answers());
        let listed = manager.km(["properties", "list", "--file", "custom"]).json();
        let names: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
        let there = |name: &String| names.iter().any(|item| item["name"] == name.as_str());
        let lost: Vec<_> = acknowledged.iter().filter(|name| !there(name)).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
    }
}
