//! Logs of real Managers from real Managers, through the command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::alone::Alone;
use super::support::{Demo, Manager, Told, until};

/// Unpacks an archive and gives its only folder.
fn unpacked(archive: &Path) -> PathBuf {
    let into = archive.with_extension("unpacked");
    // An archive of the same second has the same name.
    if into.exists() {
        std::fs::remove_dir_all(&into).unwrap();
    }
    std::fs::create_dir(&into).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&into).status();
    assert!(tar.unwrap().success());
    std::fs::read_dir(into).unwrap().next().unwrap().unwrap().path()
}

pub(crate) fn taken(told: &Told) -> PathBuf {
    unpacked(Path::new(told.json()["file"].as_str().unwrap()))
}

pub(crate) fn logs_of(demo: &Demo, asked: &Manager, of: &Manager, more: &str) -> Told {
    let (id, out) = (of.id.to_string(), demo.dir().display().to_string());
    demo.ask(&[asked], ["managers", "logs", &id, "--out", &out, more])
}

pub(crate) fn all_lines(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let parts = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
    parts.map(|part| std::fs::read_to_string(part).unwrap()).collect()
}

// row 77
#[test]
fn the_log_of_every_manager_comes_from_every_other_and_holds_no_secret() {
    let demo = Demo::start(3);
    let (active, others) = demo.roles();
    let password = demo.record()["admin"]["password"].as_str().unwrap().to_owned();
    for (asked, of) in [(&others[0], &active), (&active, &others[1]), (&others[1], &others[1])] {
        let folder = taken(&logs_of(&demo, asked, of, "--newest"));
        let lines = all_lines(&folder);
        let own = format!("manager={} ", of.id);
        assert!(lines.contains("started") && lines.contains(&own), "of {}: {lines}", of.id);
        let stranger = demo.managers.iter().find(|other| other.id != of.id).unwrap();
        assert!(!lines.contains(&format!("manager={} role", stranger.id)), "only its own log");
        assert!(!lines.contains(&password) && !lines.contains(demo.token()));
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(
            (&manifest["manager"], &manifest["log"]["missing"]),
            (&of.id.into(), &serde_json::json!([]))
        );
        let settings = std::fs::read_to_string(folder.join("settings.toml")).unwrap();
        assert!(settings.contains("peer.listen = "), "{settings}");
    }
    let later = demo.ask(
        &[&active],
        [
            "managers",
            "logs",
            &active.id.to_string(),
            "--since",
            "2999-01-01T00:00:00Z",
            "--out",
            &demo.dir().join("later.tar.gz").display().to_string(),
        ],
    );
    assert_eq!(all_lines(&taken(&later)), "");

    // One that is gone: through its host, whose agent is still there.
    demo.kill(&others[1]);
    let folder = taken(&logs_of(&demo, &active, &others[1], "--newest"));
    let lines = all_lines(&folder);
    assert!(lines.contains("started") && lines.contains(&format!("manager={} ", others[1].id)));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let way = manifest["log"]["read_from"].as_str().unwrap();
    assert!(way.starts_with("its host"), "{way}");

    let out = demo.dir().join("support.tar.gz").display().to_string();
    let bundle = taken(&demo.ask(&[&active], ["support-bundle", "--out", &out]));
    let manifest = std::fs::read(bundle.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let logs = manifest["logs"].as_array().unwrap();
    assert_eq!(logs.len(), 3);
    for log in logs {
        assert!(bundle.join(log["folder"].as_str().unwrap()).is_dir(), "{log}");
    }
    let metrics = std::fs::read_to_string(bundle.join("metrics.txt")).unwrap();
    assert!(metrics.contains("km_mode"));
    let audit = std::fs::read_to_string(bundle.join("audit.json")).unwrap();
    assert!(audit.contains("\"properties.set\""), "{audit}");
}

#[test]
fn a_log_s_files_stay_within_their_bounds_and_go_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut manager = Alone::founded(dir.path(), &dir.path().join("data"));
    let folder = manager.data().join("logs");
    let first = folder.join("km-000001.log");
    until("the log's first part", || first.exists());
    manager.stop();
    // As if it had been written full: the next start goes on with the next part, and keeps two.
    let padding = "x".repeat(1 << 20);
    std::fs::write(&first, &padding).unwrap();
    std::fs::write(folder.join("km-000002.log"), &padding).unwrap();
    let config = dir.path().join("km.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "[log]\nfile_mib = 1\nfiles = 2\n").unwrap();
    manager.start();
    until("it to answer", || manager.answers());
    assert!(!first.exists(), "the oldest part is removed");
    let newest = std::fs::read_to_string(folder.join("km-000003.log")).unwrap();
    assert!(newest.contains("started"), "{newest}");
    let index = std::fs::read_to_string(folder.join("index")).unwrap();
    assert_eq!(index, "km-000002.log\nkm-000003.log\nsettings.toml\n");
}
