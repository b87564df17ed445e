//! What znodes mean, shown and set.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model;
use super::wire::ZnodeRule;
use crate::api::{Answer, Change, IfMatch, ManageServices, Nothing, Problem, Reader, Routes, View};
use crate::base::Revision;
use crate::machine::State;

/// What znodes mean.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ZnodeProfile {
    /// Whether it is the default, which is a guess.
    pub is_default: bool,
    /// Whether somebody has checked it against a real cluster.
    pub verified: bool,
    /// Its rules; the first that fits a path says what the znode there is.
    pub rules: Vec<ZnodeRule>,
    /// Revision of the last change; 0 while it is the default.
    pub revision: u64,
}

/// What znodes are to mean.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetZnodeProfile {
    /// Whether somebody has checked it against a real cluster.
    #[serde(default)]
    verified: bool,
    /// Its rules, 1 to 32.
    rules: Vec<ZnodeRule>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(get, set, reset))
}

/// What znodes mean.
#[utoipa::path(get, path = "/services/profile", operation_id = "get_znode_profile", tag = "services",
    responses((status = 200, body = ZnodeProfile)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>) -> Result<Answer<ZnodeProfile>, Problem> {
    reader.show(|state| Ok(shown(state))).map(tagged)
}

/// Says what znodes mean. What was seen before is forgotten: it was read by another map.
#[utoipa::path(put, path = "/services/profile", operation_id = "set_znode_profile", tag = "services",
    params(IfMatch), request_body = SetZnodeProfile, responses((status = 200, body = ZnodeProfile)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    change: Change<ManageServices, SetZnodeProfile, IfMatch>,
) -> Result<Answer<ZnodeProfile>, Problem> {
    let SetZnodeProfile { verified, rules } = &change.body;
    let rules = rules.iter().map(Into::into).collect();
    let profile = Some(model::Profile { verified: *verified, rules });
    let command = model::Command::SetProfile { profile, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| Some(shown(state));
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

/// Takes the default again.
#[utoipa::path(delete, path = "/services/profile", operation_id = "reset_znode_profile", tag = "services",
    params(IfMatch), responses((status = 200, body = ZnodeProfile)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn reset(
    change: Change<ManageServices, Nothing, IfMatch>,
) -> Result<Answer<ZnodeProfile>, Problem> {
    let command = model::Command::SetProfile { profile: None, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    let now = |state: &State| Some(shown(state));
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

fn shown(state: &State) -> ZnodeProfile {
    let facts = &state.services;
    let profile = facts.profile();
    ZnodeProfile {
        is_default: facts.profile.is_none(),
        verified: profile.verified,
        rules: profile.rules.iter().map(Into::into).collect(),
        revision: facts.profile.as_ref().map(|set| set.revision.0).unwrap_or_default(),
    }
}

fn tagged(answer: Answer<ZnodeProfile>) -> Answer<ZnodeProfile> {
    answer.tagged_by(|profile| Revision(profile.revision))
}
