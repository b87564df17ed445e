//! One real Manager that is a group by itself: for tests of what a disk does to a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::Signal;

use super::support::{Told, free_ports, km, run, serve, signal, until};

/// A Manager that is a group by itself.
pub(crate) struct Alone {
    dir: PathBuf,
    url: String,
    child: Child,
    token: String,
}

impl Alone {
    pub(crate) fn founded(dir: &Path, data: &Path) -> Self {
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
        let mut manager = Alone { dir: dir.to_owned(), url, child, token: String::new() };
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

    pub(crate) fn restarted(mut self) -> Self {
        self.stop();
        self.start();
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn data(&self) -> PathBuf {
        let text = std::fs::read_to_string(self.dir.join("km.toml")).unwrap();
        let line = text.lines().find(|line| line.starts_with("data_dir")).unwrap();
        line.split('"').nth(1).unwrap().into()
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.dir.join("km.log")).unwrap_or_default()
    }

    /// Starts it and does not wait for anything.
    pub(crate) fn start(&mut self) {
        self.child = serve(&self.dir.join("km.toml"), &self.dir.join("km.log"));
    }

    pub(crate) fn answers(&self) -> bool {
        self.km(["status"]).code == 0
    }

    /// Ends it as a power button does not: by `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(&mut self) {
        signal(self.child.id(), Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("it to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    pub(crate) fn restarted_and_answering(self) -> Self {
        let manager = self.restarted();
        until("it to answer", || manager.answers());
        manager
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

    pub(crate) fn km<const N: usize>(&self, verb: [&str; N]) -> Told {
        run(self.command().args(verb))
    }

    pub(crate) fn set(&self, name: &str, value: &str) -> Told {
        self.km(["properties", "set", "custom", name, value])
    }

    /// How many custom properties there are.
    pub(crate) fn custom(&self) -> usize {
        self.km(["properties", "list", "--file", "custom"]).json()["items"]
            .as_array()
            .unwrap()
            .len()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
