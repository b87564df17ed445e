//! A real browser before a real Manager: how long until a page can be read, and until it shows what became another.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::Failure;

/// What drives it. The dashboard's own end-to-end tests run in the same folder.
const DASHBOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web");
const SCRIPT: &str = "e2e/scale/real.mjs";
/// Longest wait for a line of what it sees.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with the page of all services open.
pub struct Browser {
    child: Child,
    asked: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

/// How long it took until a page could be read.
pub struct View {
    /// Of the page.
    pub name: String,
    /// With an empty cache.
    pub first_ms: f64,
    /// In a browser that was there before.
    pub again_ms: f64,
}

impl Browser {
    /// Opens one before the group of the demo in `dir`, whose nodes begin with `node`. How long it took until each page could be
    /// read: the median of some loads.
    pub async fn open(dir: &Path, node: &str) -> Result<(Self, Vec<View>), Failure> {
        #[expect(clippy::disallowed_methods, reason = "waited for, or killed when dropped")]
        let mut command = Command::new("node");
        command.arg(SCRIPT).arg(node).current_dir(DASHBOARD).env("KM_DEMO_DIR", dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Failure::doing("node"))?;
        let (Some(asked), Some(told)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure("the browser cannot be spoken to".into()));
        };
        let mut browser = Self { child, asked, told: BufReader::new(told).lines() };
        let mut views = Vec::new();
        loop {
            let line = browser.line().await?;
            if line["open"] == true {
                return Ok((browser, views));
            }
            if let Some(name) = line["view"].as_str() {
                let ms = |field: &str| {
                    line[field].as_f64().ok_or_else(|| Failure(format!("no {field}: {line}")))
                };
                let (first_ms, again_ms) = (ms("first_view_ms")?, ms("again_ms")?);
                views.push(View { name: name.to_owned(), first_ms, again_ms });
            }
        }
    }

    /// Waits until a service is on screen.
    pub async fn shows(&mut self, service: &str) -> Result<(), Failure> {
        self.ask(service).await?;
        self.until("ready", service).await.map(drop)
    }

    /// Waits until what is shown of it is another than it was: what it is now, and when that was seen.
    pub async fn changes(&mut self, service: &str) -> Result<(String, Instant), Failure> {
        let line = self.until("changed", service).await?;
        Ok((line["to"].as_str().unwrap_or_default().to_owned(), Instant::now()))
    }

    /// Closes it.
    pub async fn close(mut self) -> Result<(), Failure> {
        drop(self.asked);
        self.child.wait().await.map(drop).map_err(Failure::doing("the browser"))
    }

    async fn ask(&mut self, service: &str) -> Result<(), Failure> {
        let line = format!("{service}\n");
        self.asked.write_all(line.as_bytes()).await.map_err(Failure::doing("ask the browser"))
    }

    async fn until(&mut self, what: &str, service: &str) -> Result<Value, Failure> {
        loop {
            let line = self.line().await?;
            if line[what] == service {
                return Ok(line);
            }
        }
    }

    async fn line(&mut self) -> Result<Value, Failure> {
        let line = timeout(PATIENCE, self.told.next_line()).await;
        let line =
            line.map_err(|_| Failure(format!("the browser told nothing for {PATIENCE:?}")))?;
        let line = line.map_err(Failure::doing("listen to the browser"))?;
        let line = line.ok_or_else(|| Failure("the browser ended: see above".into()))?;
        serde_json::from_str(&line).map_err(Failure::doing(line))
    }
}
