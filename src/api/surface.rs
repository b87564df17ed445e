//! What every handler is given: the group, and the few things the surface keeps for itself.

use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::crowd::Crowd;
use super::keys::Keys;
use super::logs::download::DOWNLOADS_MAX;
use super::port::Group;
use super::throttle::Throttle;
use crate::base::{Digest, Revision, Secret};
use crate::capabilities::access::password::Passwords;
use crate::remote::Watch;

/// Most event streams open at a time; one browser tab holds one.
const STREAMS_MAX: usize = 512;

/// Everything the HTTP surface works with.
pub struct Surface {
    /// The group.
    pub(crate) group: Arc<dyn Group>,
    /// The hosts, to be looked at; whoever acts on them holds the tenure.
    pub hosts: Arc<dyn Watch>,
    /// Keys derived from the group key.
    pub(crate) keys: Keys,
    /// Hashes and verifies passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Slows down whoever guesses passwords.
    pub(crate) sign_ins: Throttle,
    /// The process's metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Bounds the requests under way.
    pub(crate) crowd: Crowd,
    /// Bounds the open event streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Bounds the downloads of logs.
    pub(crate) downloads: Arc<Semaphore>,
    /// The newest digest of the facts, so that it is computed once for each revision.
    pub(crate) digest: Mutex<Option<(Revision, Digest)>>,
    /// Ends open streams when the process goes down.
    pub(crate) stopping: CancellationToken,
}

impl Surface {
    /// A surface on a group. `group_key` is the text it was handed over in; `stopping` ends open streams.
    pub fn new(
        group: Arc<dyn Group>,
        hosts: Arc<dyn Watch>,
        group_key: &Secret,
        metrics: PrometheusHandle,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            group,
            hosts,
            keys: Keys::derive(group_key),
            passwords: Passwords::new(),
            sign_ins: Throttle::default(),
            metrics,
            crowd: Crowd::default(),
            digest: Mutex::new(None),
            downloads: Arc::new(Semaphore::new(DOWNLOADS_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stopping,
        })
    }
}
