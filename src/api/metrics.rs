//! Metrics for Prometheus: names, what they mean, and the ones that are read off the group when asked for.
//!
//! Low cardinality by rule: no ids of requests, users, properties or operations, no paths.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::openapi::route;
use super::sight::Sight;
use super::surface::Surface;
use crate::cluster::MemberStatus;
use crate::leadership::Mode;

const REQUESTS: &str = "km_http_requests_total";
const LATENCY: &str = "km_http_request_duration_seconds";
const MODE: &str = "km_mode";
const TERM: &str = "km_term";
const EPOCH: &str = "km_epoch";
const APPLIED: &str = "km_applied_revision";
const LAST_LOG: &str = "km_last_log_revision";
const QUORUM_ACK_AGE: &str = "km_quorum_ack_age_seconds";
const LEADER_CONTACT_AGE: &str = "km_leader_contact_age_seconds";
const FAILURE_TOLERANCE: &str = "km_failure_tolerance";
const PEER_REACHABLE: &str = "km_peer_reachable";
const PEER_LAG: &str = "km_peer_lag_entries";
const PEER_CONTACT_AGE: &str = "km_peer_contact_age_seconds";
const STORE_SOUND: &str = "km_store_sound";
const FACTS_DIFFER: &str = "km_facts_differ";
const REPLACED: &str = "km_store_replaced_files";
const DATA_BYTES: &str = "km_data_bytes";
const CERTIFICATE_EXPIRES: &str = "km_certificate_expires_timestamp_seconds";
const STREAMS: &str = "km_event_streams_free";

/// Bounds of the latency buckets, in seconds: from one local look to a call held through an election.
const BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A recorder with the product's buckets, for the process to install once.
pub fn recorder() -> PrometheusBuilder {
    PrometheusBuilder::new().set_buckets(BUCKETS).expect("there are buckets")
}

/// Says what each metric means. Call once the recorder is installed.
pub fn describe() {
    describe_counter!(REQUESTS, "Requests by class (local, forwarded, page) and status");
    describe_histogram!(LATENCY, "Time to answer, by class, in seconds");
    describe_gauge!(MODE, "1 for the mode this Manager is in: active, passive or no_quorum");
    describe_gauge!(TERM, "Raft term");
    describe_gauge!(EPOCH, "Number of the tenure in force, as far as this Manager knows");
    describe_gauge!(APPLIED, "Last revision applied");
    describe_gauge!(LAST_LOG, "Last revision in the log");
    describe_gauge!(
        QUORUM_ACK_AGE,
        "Time since a quorum last acknowledged this leader; NaN on others"
    );
    describe_gauge!(LEADER_CONTACT_AGE, "Time since the leader was last heard; NaN if never");
    describe_gauge!(FAILURE_TOLERANCE, "How many more voters may fail");
    describe_gauge!(PEER_REACHABLE, "1 when the member answers");
    describe_gauge!(PEER_LAG, "Entries the member is behind; NaN if never heard");
    describe_gauge!(PEER_CONTACT_AGE, "Time since the member last answered; NaN if never");
    describe_gauge!(STORE_SOUND, "0 when the disk takes no more");
    describe_gauge!(FACTS_DIFFER, "1 while members have different facts at the same revision");
    describe_gauge!(REPLACED, "Damaged files put aside and rebuilt since this Manager was started");
    describe_gauge!(DATA_BYTES, "Bytes the data directory takes");
    describe_gauge!(CERTIFICATE_EXPIRES, "When this Manager's certificate ends, in Unix seconds");
    describe_gauge!(STREAMS, "Event streams that may still be opened");
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Only this Manager.
    Local,
    /// The Active.
    Forwarded,
    /// A page or file of the dashboard.
    Page,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Forwarded => "forwarded",
            Self::Page => "page",
        }
    }

    /// The class of the route a request met, by its method and its path as it is described.
    pub(super) fn of(method: &Method, path: Option<&str>) -> Self {
        let Some(path) = path else { return Self::Page };
        match route(method, path) {
            Some(route) if route.forwarded => Self::Forwarded,
            Some(_) | None => Self::Local,
        }
    }
}

/// Counts one answered request.
pub(super) fn count_request(class: Class, status: StatusCode, took: Duration) {
    let class = class.as_str();
    counter!(REQUESTS, "class" => class, "status" => status.as_str().to_owned()).increment(1);
    histogram!(LATENCY, "class" => class).record(took.as_secs_f64());
}

/// `GET /metrics`: Prometheus text. Holds no secrets and asks for no login.
pub(super) async fn metrics(State(surface): State<Arc<Surface>>) -> Response {
    read_off(&surface);
    surface.metrics.run_upkeep();
    let text = surface.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Sets the gauges that are a reading of the group.
fn read_off(surface: &Surface) {
    let sight = Sight::of(&*surface.group);
    let (epoch, applied) =
        surface.group.view(|state| (state.managers.epoch(), state.kernel.revision));
    let mode = sight.verdict.mode;
    for (name, is) in [
        ("active", matches!(mode, Mode::Active(_))),
        ("passive", mode == Mode::Passive),
        ("no_quorum", mode == Mode::NoQuorum),
    ] {
        gauge!(MODE, "mode" => name).set(f64::from(u8::from(is)));
    }
    let standing = &sight.standing;
    gauge!(TERM).set(float(standing.term.0));
    gauge!(EPOCH).set(float(epoch.0));
    gauge!(APPLIED).set(float(applied.0));
    gauge!(LAST_LOG).set(float(standing.last_log.0));
    gauge!(QUORUM_ACK_AGE).set(age(standing.quorum_acked.map(|acked| acked.elapsed())));
    gauge!(LEADER_CONTACT_AGE).set(age(standing.leader_heard_ago));
    gauge!(FAILURE_TOLERANCE).set(float(sight.failure_tolerance() as u64));
    gauge!(STORE_SOUND).set(f64::from(u8::from(sight.store.disk_full.is_none())));
    gauge!(FACTS_DIFFER).set(f64::from(u8::from(sight.difference.is_some())));
    gauge!(REPLACED).set(float(sight.store.quarantined.len() as u64));
    gauge!(STREAMS).set(float(surface.streams.available_permits() as u64));
    members(&sight);
}

fn members(sight: &Sight) {
    gauge!(DATA_BYTES).set(float(sight.own.data_bytes));
    let ends = sight.own.about.certificate_expires_at;
    gauge!(CERTIFICATE_EXPIRES).set(seconds(ends.map(|ends| ends.0)));
    for peer in &sight.peers {
        let id = peer.id.to_string();
        let behind = |status: &MemberStatus| sight.last_log().0.saturating_sub(status.applied.0);
        let lag = peer.status.as_ref().map(behind);
        gauge!(PEER_REACHABLE, "peer" => id.clone()).set(f64::from(u8::from(peer.reachable)));
        gauge!(PEER_LAG, "peer" => id.clone()).set(lag.map_or(f64::NAN, float));
        gauge!(PEER_CONTACT_AGE, "peer" => id).set(seconds(peer.age_ms));
    }
}

fn age(age: Option<Duration>) -> f64 {
    age.map_or(f64::NAN, |age| age.as_secs_f64())
}

fn seconds(ms: Option<u64>) -> f64 {
    ms.map_or(f64::NAN, |ms| float(ms) / 1000.0)
}

/// Gauges are floating point; beyond 2^53 the last digits are lost, which no reader of a graph will miss.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(number: u64) -> f64 {
    number as f64
}
