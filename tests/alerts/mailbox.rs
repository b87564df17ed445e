//! A real mail server, run for a test: `mailbox.py`.

#![expect(clippy::disallowed_methods, reason = "the program is ended when dropped")]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use crate::stage::Certified;

pub struct Mailbox {
    pub server: String,
    child: Child,
    told: Mutex<Lines<BufReader<ChildStdout>>>,
    _dir: TempDir,
}

impl Mailbox {
    /// `mode`: clear, starttls, tls.
    pub fn open(mode: &str, certified: &Certified) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("certificate"), dir.path().join("key"));
        std::fs::write(&certificate, &certified.certificate).unwrap();
        std::fs::write(&key, &certified.key).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/alerts/mailbox.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(mode)
            .args([certificate, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = told.next().expect("aiosmtpd runs: scripts/install-mail").unwrap();
        let server = format!("127.0.0.1:{port}");
        Self { server, child, told: Mutex::new(told), _dir: dir }
    }

    /// The next message it took.
    pub fn next(&self) -> Value {
        let line = self.told.lock().unwrap().next().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
