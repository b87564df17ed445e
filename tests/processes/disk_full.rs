//! A full disk, on a real small file system: changes are refused, nothing acknowledged is lost, service resumes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::Signal;

use super::support::{Told, free_ports, km, run, serve, signal, until};

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
    let manager = Manager::founded(dir.path(), &disk.0.join("data"));
    let ballast = disk.0.join("ballast");

    assert_eq!(manager.set("before", "1").code, 0);
    fill(&ballast);
    let (mut acknowledged, mut refused) = (0, None);
    for number in 0..MORE_THAN_FIT {
        let told = manager.set(&format!("p{number}"), &"x".repeat(4000));
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

/// A Manager of its own on the small disk.
struct Manager {
    dir: PathBuf,
    url: String,
    child: Child,
    token: String,
}

impl Manager {
    fn founded(dir: &Path, data: &Path) -> Self {
        let [api, peer, health] = free_ports();
        let config = dir.join("km.toml");
        let text = format!(
            "[node]\ndata_dir = \"{}\"\nhost = \"127.0.0.1\"\n\
             [peer]\nlisten = \"127.0.0.1:{peer}\"\n[api]\nlisten = \"127.0.0.1:{api}\"\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let made = run(km().args(["--output", "json", "init", "--config"]).arg(&config)).json();
        std::fs::write(dir.join("ca.pem"), made["ca_pem"].as_str().unwrap()).unwrap();
        let child = serve(&config, &dir.join("km.log"));
        let url = format!("https://127.0.0.1:{api}");
        let mut manager = Manager { dir: dir.to_owned(), url, child, token: String::new() };
        let password = made["admin"]["password"].as_str().unwrap();
        until("the sign-in", || {
            let mut login = manager.command();
            run(login.arg("login").env("KM_PASSWORD", password)).code == 0
        });
        let session = std::fs::read(dir.join("km/session.json")).unwrap();
        let session: serde_json::Value = serde_json::from_slice(&session).unwrap();
        manager.token = session["token"].as_str().unwrap().to_owned();
        manager
    }

    fn restarted(mut self) -> Self {
        signal(self.child.id(), Signal::TERM);
        assert!(self.child.wait().unwrap().success());
        self.child = serve(&self.dir.join("km.toml"), &self.dir.join("km.log"));
        self
    }

    fn command(&self) -> Command {
        let mut command = km();
        command.args(["--output", "json", "--server", &self.url, "--ca"]);
        command.arg(self.dir.join("ca.pem")).env("XDG_STATE_HOME", &self.dir);
        if !self.token.is_empty() {
            command.env("KM_TOKEN", &self.token);
        }
        command
    }

    fn km<const N: usize>(&self, verb: [&str; N]) -> Told {
        run(self.command().args(verb))
    }

    fn set(&self, name: &str, value: &str) -> Told {
        self.km(["properties", "set", "custom", name, value])
    }

    /// How many custom properties there are.
    fn custom(&self) -> usize {
        self.km(["properties", "list", "--file", "custom"]).json()["items"]
            .as_array()
            .unwrap()
            .len()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// More changes than the room set aside in advance can take.
const MORE_THAN_FIT: usize = 2_000;

/// Fills the file system to the last block.
fn fill(ballast: &Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    let block = vec![0_u8; 1 << 16];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
}
