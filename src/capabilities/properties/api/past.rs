//! What a property was, and the way back to it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, history_key};
use super::super::schema::{self, File};
use super::{Property, file_named, one, tagged};
use crate::api::{
    Answer, Asked, Change, ChangeProperties, Fault, IfMatch, Paging, Past, Path, Problem, Reader,
    Routes, Time, View, reason,
};
use crate::base::Revision;
use crate::machine::{State, from_history_bytes, tables};

/// One line of a property's history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PropertyChange {
    /// At which revision.
    pub revision: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// What was done.
    pub action: PropertyAction,
    /// The value from then on; null after a reset.
    pub value: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What was done to a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PropertyAction {
    /// It got a value.
    Set,
    /// It lost its value.
    Reset,
    /// It got back the value of an earlier revision.
    Reverted,
}

/// Which value to bring back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevertProperty {
    /// The revision that set the value, from the history.
    revision: u64,
    /// Why; at most 512 bytes.
    reason: Option<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(revert))
}

/// What a property was, newest first.
#[utoipa::path(get, path = "/properties/{file}/{name}/history", operation_id = "property_history", tag = "properties",
    params(("file" = String, Path,), ("name" = String, Path,), Paging),
    responses((status = 200, body = Past<PropertyChange>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn history(
    reader: Reader<View>,
    Path((file, name)): Path<(String, String)>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Past<PropertyChange>>, Problem> {
    let (of, window) = (file_named(&file, &name)?, paging.window()?);
    let before = window.after_revision()?;
    let rows = reader
        .history(tables::PROPERTY_CHANGES, history_key(of, &name), before, window.limit + 1)
        .await?;
    let lines = rows.iter().filter_map(|row| {
        let change = from_history_bytes(&row.value)?;
        Some((row.revision.to_string(), line(of, &name, row.revision, change)))
    });
    let past = reader.past(window.page(lines))?;
    // Of a name that was deleted there is a past, and of one that was set long ago there may be none.
    let known = before.is_some() || !past.items.is_empty();
    reader.show(|state| match known {
        true => Ok(past),
        false => one(state, &file, &name).map(|_| past),
    })
}

/// Gives a property back the value it had at an earlier revision.
#[utoipa::path(post, path = "/properties/{file}/{name}/revert", operation_id = "revert_property", tag = "properties",
    params(("file" = String, Path,), ("name" = String, Path,), IfMatch), request_body = RevertProperty,
    responses((status = 200, body = Property)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn revert(
    Path((file, name)): Path<(String, String)>,
    change: Change<ChangeProperties, RevertProperty, IfMatch>,
) -> Result<Answer<Property>, Problem> {
    let of = file_named(&file, &name)?;
    let (reason, expect) = (reason(change.body.reason.clone())?, change.expect());
    let revision = Revision(change.body.revision);
    let value = value_at(&change, of, &name, revision).await?;
    let committed = change.propose(reverting(of, &name, value, expect, revision)?, reason).await?;
    let now = |state: &State| one(state, &file, &name).ok();
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

/// A free name that was deleted at that revision has nothing to go back to: deleting it again says so.
fn reverting(
    file: File,
    name: &str,
    value: Option<String>,
    expect: Option<Revision>,
    revision: Revision,
) -> Result<model::Command, Problem> {
    let (name, reverts_to) = (name.to_owned(), Some(revision));
    match value {
        Some(value) => Ok(model::Command::Set { file, name, value, expect, reverts_to }),
        None if file == File::Custom => {
            let detail = format!("At revision {revision} {name} was deleted; delete it instead.");
            Err(Problem::new(Fault::NoSuchRevision, detail))
        }
        None => Ok(model::Command::Reset { file, name, expect }),
    }
}

/// The value a property had at a revision of its history; `None` when that revision reset it.
///
/// History never changes, so it may be read here without asking the group first; only what is not found may be
/// missing because this Manager is behind.
async fn value_at<P, T, C>(
    change: &Change<P, T, C>,
    file: File,
    name: &str,
    revision: Revision,
) -> Result<Option<String>, Problem> {
    let unknown = || {
        let detail = format!("The history of {}/{name} has no revision {revision}.", file.as_str());
        Problem::new(Fault::NoSuchRevision, detail)
    };
    let before = Revision(revision.0.checked_add(1).ok_or_else(unknown)?);
    let rows = change.history(tables::PROPERTY_CHANGES, history_key(file, name), before, 1).await?;
    let row = rows.into_iter().find(|row| row.revision == revision).ok_or_else(unknown)?;
    let kept: model::PropertyChange = from_history_bytes(&row.value).ok_or_else(unknown)?;
    Ok(kept.value)
}

fn line(
    file: File,
    name: &str,
    revision: Revision,
    change: model::PropertyChange,
) -> PropertyChange {
    let action = match (&change.value, change.reverts_to) {
        (None, _) => PropertyAction::Reset,
        (Some(_), Some(_)) => PropertyAction::Reverted,
        (Some(_), None) => PropertyAction::Set,
    };
    let (revision, at) = (revision.0, change.at.into());
    PropertyChange {
        revision,
        at,
        by: change.by,
        action,
        value: change.value.map(|value| schema::shown(file, name, &value)),
        reason: change.reason,
    }
}
