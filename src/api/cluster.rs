//! `GET /cluster`: the group at a glance, also without a quorum.

use std::sync::PoisonError;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::error::Problem;
use super::notices::{Notice, notices};
use super::privilege::View;
use super::reading::Onlooker;
use super::redirect::load_balancer;
use super::router::Routes;
use super::sight::Sight;
use super::surface::Surface;
use crate::base::{Digest, ManagerId, Revision};
use crate::capabilities::managers::api::{MemberRole, role};
use crate::capabilities::managers::model;
use crate::leadership::Mode;
use crate::machine::{State, digest};

/// The group as this Manager knows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Cluster {
    /// Names the group for ever.
    pub cluster_id: String,
    /// What people call it.
    pub name: String,
    /// The Manager that answers.
    pub here: u64,
    /// Whether it is Active, Passive or without a quorum.
    pub mode_here: ModeHere,
    /// Its term.
    pub term: u64,
    /// Number of the tenure in force.
    pub epoch: u64,
    /// The Active; null when there is none.
    pub active: Option<u64>,
    /// The leader this Manager follows; null when it hears none.
    pub leader: Option<u64>,
    /// Newest revision known here.
    pub revision: u64,
    /// Newest revision applied here.
    pub applied: u64,
    /// Who votes.
    pub voters: Vec<u64>,
    /// Votes needed to agree on anything.
    pub quorum: usize,
    /// How many more voters may fail.
    pub failure_tolerance: usize,
    /// Whether Kyvos Manager HA is on.
    pub ha_enabled: bool,
    /// Where the load balancer is; null when none is configured.
    pub load_balancer_url: Option<String>,
    /// One hash of all facts; members at the same revision have the same one.
    pub digest: FactsDigest,
    /// Every member.
    pub members: Vec<ClusterMember>,
    /// What an operator should know.
    pub notices: Vec<Notice>,
}

/// Whether a Manager is Active, Passive or without a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModeHere {
    /// In use.
    Active,
    /// Not in use.
    Passive,
    /// It hears no leader that has a quorum.
    NoQuorum,
}

/// A hash of all facts at a revision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FactsDigest {
    /// The revision.
    pub revision: u64,
    /// 64 hex digits.
    pub value: String,
}

/// One member at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ClusterMember {
    /// Its number.
    pub id: u64,
    /// Host name.
    pub host: String,
    /// What people call the host; empty for none.
    pub alias: String,
    /// What it is in the group.
    pub role: MemberRole,
    /// Whether it answers.
    pub reachable: bool,
    /// How long ago it answered; null when it never did since this Manager's start.
    pub last_contact_ms: Option<u64>,
    /// URL of its API and dashboard; empty for a witness.
    pub api_url: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(cluster))
}

/// The group at a glance. Answers also without a quorum, from what this Manager knows.
#[utoipa::path(get, path = "/cluster", operation_id = "get_cluster", tag = "cluster",
    responses((status = 200, body = Cluster)), extensions(("x-km-handled" = json!("local"))))]
async fn cluster(onlooker: Onlooker<View>) -> Result<Answer<Cluster>, Problem> {
    let sight = Sight::of(&*onlooker.surface.group);
    onlooker.show(|state| Ok(at_a_glance(&onlooker.surface, state, &sight)))
}

/// The group as this Manager knows it now.
pub(super) fn now(surface: &Surface) -> Cluster {
    let sight = Sight::of(&*surface.group);
    surface.group.view(|state| at_a_glance(surface, state, &sight))
}

fn at_a_glance(surface: &Surface, state: &State, sight: &Sight) -> Cluster {
    let group = state.managers.group.as_ref();
    let (standing, active) = (&sight.standing, sight.active(state));
    Cluster {
        cluster_id: group.map(|group| group.cluster_id.to_string()).unwrap_or_default(),
        name: group.map(|group| group.name.clone()).unwrap_or_default(),
        here: sight.here.0,
        mode_here: sight.verdict.mode.into(),
        term: standing.kept_term.0,
        epoch: state.managers.epoch().0,
        active: active.map(|id| id.0),
        leader: standing.leader.map(|id| id.0),
        revision: sight.last_log().max(state.kernel.revision).0,
        applied: state.kernel.revision.0,
        voters: standing.voters.iter().map(|id| id.0).collect(),
        quorum: sight.quorum(),
        failure_tolerance: sight.failure_tolerance(),
        ha_enabled: state.properties.ha_enabled(),
        load_balancer_url: load_balancer(state),
        digest: facts_digest(surface, state),
        members: state.managers.members.iter().map(|(id, it)| member(sight, *id, it)).collect(),
        notices: notices(state, sight),
    }
}

fn member(sight: &Sight, id: ManagerId, member: &model::Manager) -> ClusterMember {
    ClusterMember {
        id: id.0,
        host: member.profile.host.clone(),
        alias: member.alias.clone(),
        role: role(sight, id, member.role),
        reachable: sight.reaches(id),
        last_contact_ms: sight.contact_ms(id),
        api_url: member.profile.api_url.clone(),
    }
}

/// The digest of these facts, computed once for each revision.
fn facts_digest(surface: &Surface, state: &State) -> FactsDigest {
    let revision = state.kernel.revision;
    let known = *surface.digest.lock().unwrap_or_else(PoisonError::into_inner);
    let value = match known {
        Some((of, value)) if of == revision => value,
        Some(_) | None => compute_digest(surface, state, revision),
    };
    FactsDigest { revision: revision.0, value: value.to_string() }
}

fn compute_digest(surface: &Surface, state: &State, revision: Revision) -> Digest {
    let value = digest(state);
    *surface.digest.lock().unwrap_or_else(PoisonError::into_inner) = Some((revision, value));
    value
}

impl From<Mode> for ModeHere {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Active(_) => Self::Active,
            Mode::Passive => Self::Passive,
            Mode::NoQuorum => Self::NoQuorum,
        }
    }
}
