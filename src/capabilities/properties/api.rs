//! Properties over HTTP: list and search, set and reset under If-Match.

mod past;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{self, Setting};
use super::schema::{self, File, SCHEMA, Schema, VALUE_MAX_BYTES};
use crate::api::{
    Answer, Asked, Change, ChangeProperties, Done, Fault, IfMatch, Page, Path, Problem, Reader,
    Routes, Time, View, Window, reason,
};
use crate::base::{Code, Refusal, Revision, Secret};
use crate::machine::State;

/// A property as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Property {
    /// The file it stands in.
    pub file: &'static str,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its value when nobody set one; null for names without a schema.
    pub default: Option<&'static str>,
    /// Whether nobody set a value.
    pub is_default: bool,
    /// What it is for; null for names without a schema.
    pub description: Option<&'static str>,
    /// What values it takes.
    pub kind: PropertyKind,
    /// For whom it holds.
    pub scope: &'static str,
    /// What must restart before a change takes effect.
    pub restart: Vec<&'static str>,
    /// Revision of the last change; 0: nobody changed it.
    pub revision: u64,
    /// The last change; null when nobody changed it.
    pub modified: Option<Modified>,
}

/// The last change of a property.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Modified {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// At which revision.
    pub revision: u64,
    /// Why.
    pub reason: Option<String>,
}

/// What values a property takes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PropertyKind {
    /// `yes` or `no`.
    YesNo,
    /// One of a few words.
    Choice {
        /// The words.
        choices: Vec<&'static str>,
    },
    /// A whole number.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
        /// Unit; empty for a plain count.
        unit: &'static str,
    },
    /// An absolute http or https URL, or empty.
    Url,
    /// A secret: it can be set and is never shown; its value is `(secret)` once it is set.
    Secret {
        /// Longest, in bytes.
        max_bytes: u64,
    },
    /// A text.
    Text {
        /// Longest, in bytes.
        max_bytes: u64,
    },
}

/// A new value.
// It may be a secret, so it cannot be printed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetProperty {
    /// The value; at most 4,096 bytes.
    value: String,
    /// Why; at most 512 bytes.
    reason: Option<String>,
}

/// Taking a value away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetProperty {
    /// Why; at most 512 bytes.
    reason: Option<String>,
}

/// Which properties.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PropertyQuery {
    /// Only of this file.
    file: Option<String>,
    /// Only those whose name or description holds this text, whatever its capitals.
    search: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, set, reset))
        .merge(past::routes())
}

/// What the live feed tells of an event: kind, subject and data.
pub(crate) fn notice(event: &model::Event) -> (&'static str, String, serde_json::Value) {
    let subject = |file: &File, name: &str| format!("{}/{name}", file.as_str());
    match event {
        model::Event::Set { file, name, value, .. } => {
            let value = schema::shown(*file, name, value);
            ("set", subject(file, name), serde_json::json!({ "value": value }))
        }
        model::Event::Reset { file, name } => {
            ("reset", subject(file, name), serde_json::json!({ "value": null }))
        }
    }
}

/// Every property: those with a schema, and those of the file custom.
#[utoipa::path(get, path = "/properties", operation_id = "list_properties", tag = "properties",
    params(PropertyQuery), responses((status = 200, body = Page<Property>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(query): Asked<PropertyQuery>,
) -> Result<Answer<Page<Property>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after)?;
    let only = match query.file.as_deref() {
        None => None,
        Some(name) => Some(File::named(name).ok_or_else(|| {
            Problem::new(
                Fault::MalformedQuery,
                "file must be one of kyvos-manager, kyvos, olapengine, kyvosclient, custom.",
            )
        })?),
    };
    let search = query.search.unwrap_or_default().to_lowercase();
    reader.show(|state| Ok(page_of(state, only, &search, &window)))
}

/// One property.
#[utoipa::path(get, path = "/properties/{file}/{name}", operation_id = "get_property", tag = "properties",
    params(("file" = String, Path,), ("name" = String, Path,)),
    responses((status = 200, body = Property)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(
    reader: Reader<View>,
    Path((file, name)): Path<(String, String)>,
) -> Result<Answer<Property>, Problem> {
    let answer = reader.show(|state| one(state, &file, &name))?;
    Ok(tagged(answer))
}

/// Gives a property a value.
#[utoipa::path(put, path = "/properties/{file}/{name}", operation_id = "set_property", tag = "properties",
    params(("file" = String, Path,), ("name" = String, Path,), IfMatch), request_body = SetProperty,
    responses((status = 200, body = Property)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    Path((file, name)): Path<(String, String)>,
    change: Change<ChangeProperties, SetProperty, IfMatch>,
) -> Result<Answer<Property>, Problem> {
    let of = file_named(&file, &name)?;
    let value = change.body.value.clone();
    if value.len() > VALUE_MAX_BYTES {
        let detail = format!("The value is longer than {VALUE_MAX_BYTES} bytes.");
        return Err(Problem::new(Fault::TooLarge, detail));
    }
    let value = stored(&change, of, &name, value)?;
    let (reason, expect) = (reason(change.body.reason.clone())?, change.expect());
    let command =
        model::Command::Set { file: of, name: name.clone(), value, expect, reverts_to: None };
    let committed = change.propose(command, reason).await?;
    let now = |state: &State| one(state, &file, &name).ok();
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

/// A value as it may stand in the log: a secret only sealed, for this property and no other.
fn stored<P, T, C>(
    change: &Change<P, T, C>,
    file: File,
    name: &str,
    value: String,
) -> Result<String, Problem> {
    if schema::schema(file, name).is_none_or(|schema| schema.kind != schema::Kind::Secret) {
        return Ok(value);
    }
    if let Some(why) = schema::unfit_secret(&value) {
        return Err(Refusal::new(Code::InvalidValue, format!("{name} {why}.")).into());
    }
    let purpose = model::sealing_purpose(file, name);
    let sealed = change.surface.group.seal(&purpose, &Secret::new(value))?;
    Ok(schema::sealed_text(&sealed))
}

/// Takes a property's value away: back to its default, or out of the file custom.
#[utoipa::path(delete, path = "/properties/{file}/{name}", operation_id = "reset_property", tag = "properties",
    params(("file" = String, Path,), ("name" = String, Path,), IfMatch), request_body = ResetProperty,
    responses((status = 200, body = Done)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn reset(
    Path((file, name)): Path<(String, String)>,
    change: Change<ChangeProperties, ResetProperty, IfMatch>,
) -> Result<Answer<Done>, Problem> {
    let of = file_named(&file, &name)?;
    let reason = reason(change.body.reason.clone())?;
    let command = model::Command::Reset { file: of, name, expect: change.expect() };
    let committed = change.propose(command, reason).await?;
    let revision = committed.revision.0;
    Ok(committed.show(&change.surface, StatusCode::OK, |_| Some(Done { revision })))
}

fn page_of(state: &State, only: Option<File>, search: &str, window: &Window) -> Page<Property> {
    let wanted = |file: &File| only.is_none_or(|only| only == *file);
    let mut found: Vec<Property> = SCHEMA
        .iter()
        .filter(|schema| wanted(&schema.file))
        .map(|schema| with_schema(state, schema))
        .collect();
    if wanted(&File::Custom) {
        let custom = state.properties.settings(File::Custom);
        found.extend(custom.map(|(name, setting)| free(name, setting)));
    }
    let after = window.after.as_deref();
    let mut listed: Vec<(String, Property)> = found
        .into_iter()
        .filter(|property| search.is_empty() || matches(property, search))
        .map(|property| (format!("{}/{}", property.file, property.name), property))
        .filter(|(cursor, _)| after.is_none_or(|after| cursor.as_str() > after))
        .collect();
    // By the cursor itself, so that the order and the cursor can never disagree.
    listed.sort_by(|(a, _), (b, _)| a.cmp(b));
    window.page(listed.into_iter())
}

fn matches(property: &Property, search: &str) -> bool {
    let described = property.description.unwrap_or_default().to_lowercase();
    property.name.to_lowercase().contains(search) || described.contains(search)
}

fn one(state: &State, file: &str, name: &str) -> Result<Property, Problem> {
    let of = file_named(file, name)?;
    match schema::schema(of, name) {
        Some(schema) => Ok(with_schema(state, schema)),
        None => {
            let setting = state.properties.setting(of, name);
            setting.map(|setting| free(name, setting)).ok_or_else(|| no_such(file, name))
        }
    }
}

fn with_schema(state: &State, schema: &Schema) -> Property {
    let setting = state.properties.setting(schema.file, schema.name);
    Property {
        file: schema.file.as_str(),
        name: schema.name.into(),
        value: schema::shown(
            schema.file,
            schema.name,
            setting.map_or(schema.default, |setting| &setting.value),
        ),
        default: Some(schema.default),
        is_default: setting.is_none(),
        description: Some(schema.description),
        kind: kind(schema.kind),
        scope: "global",
        restart: schema.restart.to_vec(),
        revision: setting.map(|setting| setting.revision.0).unwrap_or_default(),
        modified: setting.map(modified),
    }
}

fn free(name: &str, setting: &Setting) -> Property {
    Property {
        file: File::Custom.as_str(),
        name: name.into(),
        value: setting.value.clone(),
        default: None,
        is_default: false,
        description: None,
        kind: kind(schema::Kind::Text { max_bytes: VALUE_MAX_BYTES }),
        scope: "global",
        restart: Vec::new(),
        revision: setting.revision.0,
        modified: Some(modified(setting)),
    }
}

fn kind(kind: schema::Kind) -> PropertyKind {
    match kind {
        schema::Kind::YesNo => PropertyKind::YesNo,
        schema::Kind::Choice(choices) => PropertyKind::Choice { choices: choices.to_vec() },
        schema::Kind::Integer { min, max, unit } => PropertyKind::Integer { min, max, unit },
        schema::Kind::Url => PropertyKind::Url,
        schema::Kind::HostPath => {
            PropertyKind::Text { max_bytes: schema::HOST_PATH_MAX_BYTES as u64 }
        }
        schema::Kind::Host => PropertyKind::Text { max_bytes: schema::HOST_MAX_BYTES as u64 },
        schema::Kind::Location => {
            PropertyKind::Text { max_bytes: schema::LOCATION_MAX_BYTES as u64 }
        }
        schema::Kind::Secret => PropertyKind::Secret { max_bytes: schema::SECRET_MAX_BYTES as u64 },
        schema::Kind::Text { max_bytes } => PropertyKind::Text { max_bytes: max_bytes as u64 },
    }
}

fn modified(setting: &Setting) -> Modified {
    Modified {
        by: setting.by.clone(),
        at: setting.at.into(),
        revision: setting.revision.0,
        reason: setting.reason.clone(),
    }
}

fn tagged(answer: Answer<Property>) -> Answer<Property> {
    answer.tagged_by(|property| Revision(property.revision))
}

fn file_named(file: &str, name: &str) -> Result<File, Problem> {
    File::named(file).ok_or_else(|| no_such(file, name))
}

fn no_such(file: &str, name: &str) -> Problem {
    Refusal::new(Code::NoSuchProperty, format!("There is no property {name} in {file}.")).into()
}
