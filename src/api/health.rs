//! Health for load balancers: plain HTTP on a port of its own, no login, 200 or 503.
//!
//! | `/health/live` | the process makes progress |
//! | `/health/ready` | it can serve or forward: leader known, contact fresh, facts loaded, store sound |
//! | `/health/active` | it is Active: leader, quorum ack within the lease, its own first entry applied |

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use raft_store::planted;
use serde::Serialize;

use super::port::Group;
use super::sight::Sight;
use crate::base::Revision;
use crate::leadership::{Mode, Rule};
use crate::machine::State as Facts;

/// What a health answer says.
#[derive(Debug, Serialize)]
struct Health {
    mode: &'static str,
    epoch: u64,
    active: Option<u64>,
    reason: String,
    failure_tolerance: usize,
    /// That this build is none to be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Check>>,
}

/// One check, with `?verbose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    check: &'static str,
    pass: bool,
    detail: String,
}

/// How an answer came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
}

/// The statuses a balancer wants instead of 200 and 503.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Codes {
    active: Option<StatusCode>,
    passive: Option<StatusCode>,
    down: Option<StatusCode>,
    verbose: bool,
}

type Served = State<Arc<dyn Group>>;

/// The health listener's routes. Witnesses have them too.
pub fn health_router(group: Arc<dyn Group>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/health/active", get(active))
        .with_state(group)
}

async fn live(State(group): Served, uri: Uri) -> Response {
    let reason = "the process answers".to_owned();
    answer(
        &*group,
        &uri,
        |_, _| (Verdict::Good, reason, Vec::new()),
        |codes, _| {
            // Being alive is the same for an Active and a Passive; only an override tells them apart.
            codes.active.or(codes.passive).unwrap_or(StatusCode::OK)
        },
    )
}

async fn ready(State(group): Served, uri: Uri) -> Response {
    let judge = |facts: &Facts, sight: &Sight| {
        let checks = readiness(facts, sight);
        match checks.iter().find(|check| !check.pass) {
            None => (Verdict::Good, "it can serve or forward".to_owned(), checks),
            Some(failed) => (Verdict::Bad, failed.detail.clone(), checks),
        }
    };
    answer(&*group, &uri, judge, |codes, mode| match mode {
        Mode::Active(_) => codes.active.unwrap_or(StatusCode::OK),
        Mode::Passive | Mode::NoQuorum => codes.passive.unwrap_or(StatusCode::OK),
    })
}

async fn active(State(group): Served, uri: Uri) -> Response {
    let judge = |_: &Facts, sight: &Sight| {
        let rule =
            |rule: &Rule| Check { check: rule.rule, pass: rule.pass, detail: rule.detail.clone() };
        let checks = sight.verdict.rules.iter().map(rule).collect();
        let good = matches!(sight.verdict.mode, Mode::Active(_));
        (if good { Verdict::Good } else { Verdict::Bad }, sight.verdict.because.clone(), checks)
    };
    answer(&*group, &uri, judge, |codes, _| codes.active.unwrap_or(StatusCode::OK))
}

/// Judges, then answers with the status the verdict and the caller's wishes give.
fn answer(
    group: &dyn Group,
    uri: &Uri,
    judge: impl FnOnce(&Facts, &Sight) -> (Verdict, String, Vec<Check>),
    good: impl FnOnce(Codes, Mode) -> StatusCode,
) -> Response {
    let sight = Sight::of(group);
    let mode = sight.verdict.mode;
    let codes = match codes(uri) {
        Ok(codes) => codes,
        Err(reason) => return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    };
    let (status, health) = group.view(|facts| {
        let (verdict, reason, checks) = judge(facts, &sight);
        let status = match verdict {
            Verdict::Good => good(codes, mode),
            Verdict::Bad if mode == Mode::Passive => bad(codes.passive.or(codes.down)),
            Verdict::Bad => bad(codes.down),
        };
        let checks = codes.verbose.then_some(checks);
        // A claim is told with its own epoch, not with one that began after it was judged.
        let epoch = match sight.verdict.mode {
            Mode::Active(epoch) => epoch.0,
            Mode::Passive | Mode::NoQuorum => facts.managers.epoch().0,
        };
        let active = sight.active(facts).map(|id| id.0);
        let failure_tolerance = sight.failure_tolerance();
        let (mode, build) = (mode_name(mode), planted::WARNING);
        (status, Health { mode, epoch, active, reason, failure_tolerance, build, checks })
    });
    (status, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

fn bad(wished: Option<StatusCode>) -> StatusCode {
    wished.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn readiness(facts: &Facts, sight: &Sight) -> Vec<Check> {
    let check = |check, pass, good: String, bad: &str| {
        let detail = if pass { good } else { bad.to_owned() };
        Check { check, pass, detail }
    };
    let (leader, revision) = (sight.standing.leader, facts.kernel.revision);
    let named = leader.map(|id| format!("Kyvos Manager {id} leads")).unwrap_or_default();
    let full = sight.store.disk_full;
    let removed = sight.standing.removed.as_deref();
    vec![
        check(
            "member of the group",
            removed.is_none(),
            "this Manager is not known to be removed".into(),
            removed.unwrap_or_default(),
        ),
        check("leader known", leader.is_some(), named, "no leader is known"),
        check(
            "contact fresh",
            sight.verdict.mode != Mode::NoQuorum,
            "a leader with a quorum is heard".into(),
            &sight.verdict.because,
        ),
        check(
            "facts loaded",
            revision > Revision(0) && facts.managers.group.is_some(),
            format!("up to revision {revision}"),
            "the group's facts are not here yet",
        ),
        check(
            "store sound",
            full.is_none(),
            "the disk takes writes".into(),
            full.unwrap_or_default(),
        ),
    ]
}

fn codes(uri: &Uri) -> Result<Codes, String> {
    let malformed = |_| "The query is malformed.".to_owned();
    let asked: Query<BTreeMap<String, String>> = Query::try_from_uri(uri).map_err(malformed)?;
    let code = |name: &str| match asked.0.get(name) {
        None => Ok(None),
        Some(text) => {
            let number = text.parse::<u16>().ok().filter(|code| (200..=599).contains(code));
            let status = number.and_then(|code| StatusCode::from_u16(code).ok());
            status.map(Some).ok_or_else(|| format!("{name} must be from 200 to 599."))
        }
    };
    Ok(Codes {
        active: code("activecode")?,
        passive: code("passivecode")?,
        down: code("downcode")?,
        verbose: asked.0.contains_key("verbose"),
    })
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Active(_) => "active",
        Mode::Passive => "passive",
        Mode::NoQuorum => "no_quorum",
    }
}
