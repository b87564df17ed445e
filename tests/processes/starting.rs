//! What a Manager refuses to start with, and what it says to do instead.

use std::path::{Path, PathBuf};

use super::support::{Told, free_ports, km, run};

struct Folder {
    dir: tempfile::TempDir,
    ports: [u16; 3],
}

impl Folder {
    fn new() -> Self {
        Folder { dir: tempfile::tempdir().unwrap(), ports: free_ports() }
    }

    fn config(&self) -> PathBuf {
        let [api, peer, health] = self.ports;
        self.write(&format!(
            "[node]\ndata_dir = \"data\"\nhost = \"127.0.0.1\"\n\
             [peer]\nlisten = \"127.0.0.1:{peer}\"\n[api]\nlisten = \"127.0.0.1:{api}\"\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n"
        ))
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.dir.path().join("km.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

fn verb(verb: &str, config: &Path, more: &[&str]) -> Told {
    run(km().arg(verb).arg("--config").arg(config).args(more))
}

fn assert_refused(told: &Told, code: i32, remedy: &str) {
    assert_eq!(told.code, code, "{}{}", told.out, told.err);
    assert!(told.err.contains(remedy), "{:?} lacks {remedy:?}", told.err);
}

#[test]
fn a_mistake_in_the_configuration_is_wrong_usage_told_with_its_line() {
    let folder = Folder::new();
    let config = folder.write("[node]\ndata_dir = \"data\"\nhots = \"km1\"\n");
    assert_refused(&verb("serve", &config, &[]), 2, "line 3: there is no setting node.hots");
    let missing = folder.dir.path().join("missing.toml");
    assert_refused(&verb("serve", &missing, &[]), 2, "--config FILE");
}

#[test]
fn an_empty_folder_is_not_started_and_a_used_one_is_not_founded_again() {
    let folder = Folder::new();
    let config = folder.config();
    assert_refused(&verb("serve", &config, &[]), 1, "km init");
    let founded = verb("init", &config, &["--name", "test"]);
    assert_eq!(founded.code, 0, "{}", founded.err);
    assert_refused(&verb("init", &config, &[]), 1, "is not empty");
    let mode = std::fs::metadata(folder.data()).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o700);
    let key = std::fs::metadata(folder.data().join("identity/group.key")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key) & 0o777, 0o600);
    assert_refused(&verb("serve", &config, &["--role", "witness"]), 1, "correct node.role");
    let checked = run(km().args(["store", "check"]).arg(folder.data()));
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn a_taken_port_is_told_before_anything_is_started() {
    let folder = Folder::new();
    let config = folder.config();
    assert_eq!(verb("init", &config, &[]).code, 0);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", folder.ports[0])).unwrap();
    assert_refused(&verb("serve", &config, &[]), 1, "api.listen");
}

#[test]
fn a_store_of_another_group_is_refused() {
    let (one, other) = (Folder::new(), Folder::new());
    assert_eq!(verb("init", &one.config(), &[]).code, 0);
    assert_eq!(verb("init", &other.config(), &[]).code, 0);
    std::fs::remove_dir_all(one.data().join("store")).unwrap();
    std::fs::rename(other.data().join("store"), one.data().join("store")).unwrap();
    let refused = verb("serve", &one.config(), &[]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("cluster") || refused.err.contains("group"), "{}", refused.err);
}

#[test]
fn a_damaged_log_is_found_by_the_check_and_not_served() {
    let folder = Folder::new();
    let config = folder.config();
    assert_eq!(verb("init", &config, &[]).code, 0);
    let log = folder.data().join("store/log");
    let files = std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.filter(|path| path.extension().is_some_and(|kind| kind == "log")).min();
    let segment = segment.expect("a log has a first segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    // Inside the first entries, which were synced and acknowledged.
    bytes[700] ^= 0x40;
    std::fs::write(&segment, bytes).unwrap();
    let checked = run(km().args(["store", "check"]).arg(folder.data()));
    assert_eq!(checked.code, 1, "{}{}", checked.out, checked.err);
    let refused = verb("serve", &config, &[]);
    assert_eq!(refused.code, 1, "{}", refused.err);
}

#[test]
fn a_demo_that_is_refused_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("demo");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Manager 1 would serve its API on the port that somebody listens on.
    let below = (taken.local_addr().unwrap().port() - 1).to_string();
    for (port, code, said) in [("65535", 2, "too high"), (below.as_str(), 1, "--base-port")] {
        let refused = run(km().args(["demo", "--base-port", port, "--dir"]).arg(&dir));
        assert_refused(&refused, code, said);
        assert!(!dir.exists(), "{port}");
    }
}
