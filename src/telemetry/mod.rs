//! What a running Manager tells of itself: log lines on standard error and in files, and what happens on a bug.
//!
//! Metrics are counted where things happen and rendered by the API; only the recorder is installed here.

mod log_file;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

pub use self::log_file::{Bounds, LogFile};
use crate::capabilities::services::port::zookeeper;
use crate::config::{Log, LogFormat};

/// Libraries whose `info` is not for operators. The Raft library warns of every missed heartbeat of a member that is
/// down; that it is down is told once, by us.
const QUIETER: &str =
    "openraft=error,zookeeper_client=warn,hyper=warn,h2=warn,rustls=warn,sled=warn,tower_http=warn";

/// Has every word on claims to be Active written, renewals among them.
const RENEWALS: &str = "kyvos::active=debug";

/// Starts logging, and makes a bug end the process.
pub fn start(log: &Log, file: Option<LogFile>) {
    let mut directives = vec![log.level, quieter(log.level)];
    if log.renewals {
        directives.push(RENEWALS);
    }
    let filter = EnvFilter::new(directives.join(","));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::registry()
        .with(filter)
        .with(lines(log.format, std::io::stderr, colours))
        .with(file.map(|file| lines(log.format, file, false)))
        .init();
    end_the_process_on_a_bug();
}

/// One line for each event, in that form.
fn lines<S, W>(form: LogFormat, writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    match form {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// Starts counting. The handle renders what was counted.
pub fn count() -> PrometheusHandle {
    PrometheusBuilder::new().install_recorder().expect("a process starts counting once")
}

fn quieter(level: &str) -> &'static str {
    match level {
        "debug" | "trace" => "",
        _ => QUIETER,
    }
}

/// A panic is our mistake, and nobody knows what it left behind: this process stops, the others carry on.
/// Only inside raft-store's dealings with sled a panic is the library's way to report damage, and is caught and told of as
/// damage; and the thread that speaks to ZooKeeper holds nothing but its watch, which ends with it.
fn end_the_process_on_a_bug() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if raft_store::panic_is_contained() {
            let (at, because) = (panic.location().map(ToString::to_string), panic.payload_as_str());
            tracing::warn!(at, because, "a library reports damage by giving up, which is caught");
            return;
        }
        tell(panic);
        if std::thread::current().name() == Some(zookeeper::THREAD) {
            return;
        }
        tracing::error!(because = %panic, "a bug: this process ends");
        std::process::abort();
    }));
}
