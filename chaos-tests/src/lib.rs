//! Our Jepsen: starts real Managers, breaks them, and judges what clients saw.
//!
//! A black box: this crate depends on nothing of ours. It knows the public HTTP API, the `cluster.json` that
//! `km demo` writes, and signals. A run goes
//!
//! ```text
//! cluster ──→ workload + probe + fault, all writing one history ──→ heal ──→ final reads ──→ evidence ──→ verdict
//! ```
//!
//! Everything random comes from one seed. Every checker judges the history alone, so it is itself tested on
//! histories known to be good and known to be bad (`tests/`).

use std::fmt::Display;

use tokio::signal::unix::{SignalKind, signal};

pub mod bench;
pub mod changes;
pub mod checker;
pub mod client;
pub mod cluster;
pub mod fault;
pub mod finale;
pub mod glance;
pub mod history;
pub mod homes;
pub mod lab;
pub mod measure;
pub mod pasts;
pub mod probe;
pub mod proxy;
pub mod report;
pub mod run;
pub mod sayings;
pub mod scoreboard;
pub mod strikes;
pub mod verdict;
pub mod workload;

/// The harness itself could not go on. Says nothing about the product.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// For `map_err`: what was being done, and why it did not work.
    pub fn doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// Waits until somebody asks this program to end. Whoever then returns drops its group, which stops with it.
pub async fn interrupted() -> Failure {
    let asked = [
        (SignalKind::interrupt(), "interrupted"),
        (SignalKind::terminate(), "asked to terminate"),
        (SignalKind::hangup(), "its terminal is gone"),
    ];
    let heard = asked.map(|(kind, what)| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signal) => {
                    signal.recv().await;
                    Failure(what.into())
                }
                Err(error) => Failure(format!("listen for signals: {error}")),
            }
        })
    });
    futures::future::select_all(heard).await.0
}
