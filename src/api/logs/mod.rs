//! Logs of any Manager from any Manager, also of one that is stopped (row 77), and the bundle for whoever helps.
//!
//! | `source` | where a log is read: from its Manager, else through its host |
//! | `lines`, `redact` | which lines are of the time asked for; secrets taken out of them |
//! | `archive`, `download` | the tar.gz, made while it is sent |
//! | `bundle` | everything a supporter asks for |

mod archive;
mod bundle;
pub(super) mod download;
mod lines;
mod redact;
mod source;

use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::archive::slug;
use self::download::{answer, place};
use self::lines::Window;
use self::source::Source;
use super::codes::Fault;
use super::error::Problem;
use super::input::{Asked, Path};
use super::privilege::View;
use super::reading::Watcher;
use super::router::Routes;
use crate::base::{ManagerId, Timestamp};

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(manager_logs)).routes(routes!(bundle::support_bundle))
}

/// Which part of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Lines from this moment on, RFC 3339.
    since: Option<String>,
    /// Lines before this moment, RFC 3339.
    until: Option<String>,
    /// Also the files that are no longer written to; true when absent.
    rotated: Option<bool>,
}

impl Part {
    fn window(&self) -> Result<Window, Problem> {
        let window = Window { since: moment(&self.since)?, until: moment(&self.until)? };
        match (window.since, window.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Problem::new(Fault::MalformedQuery, "since must be before until."))
            }
            _ => Ok(window),
        }
    }
}

fn moment(text: &Option<String>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let malformed =
        || Problem::new(Fault::MalformedQuery, "since and until are moments of RFC 3339.");
    let at: jiff::Timestamp = text.parse().map_err(|_| malformed())?;
    let at = u64::try_from(at.as_millisecond()).map_err(|_| malformed())?;
    Ok(Some(Timestamp(at)))
}

/// A moment as it stands in a file's name, and in seconds since 1970.
fn stamp(at: Timestamp) -> (String, u64) {
    let seconds = at.0 / 1000;
    let moment = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    let text = moment.map(|moment| moment.strftime("%Y%m%dT%H%M%SZ").to_string());
    (text.unwrap_or_else(|| seconds.to_string()), seconds)
}

/// A Manager's log, as a compressed tar archive without secrets: its files, the settings it was started with, and
/// `manifest.json`, which says what is in it and what could not be read. From the Manager itself while it answers,
/// else through its host.
#[utoipa::path(get, path = "/managers/{id}/logs", operation_id = "manager_logs", tag = "managers",
    params(("id" = u64, Path,), Part),
    responses((status = 200, description = "A tar.gz.", content((Vec<u8> = "application/gzip")))),
    extensions(("x-km-handled" = json!("local"))))]
async fn manager_logs(
    watcher: Watcher<View>,
    Path(id): Path<u64>,
    Asked(part): Asked<Part>,
) -> Result<Response, Problem> {
    let (surface, id, window) = (watcher.surface, ManagerId(id), part.window()?);
    let member = surface.group.view(|state| state.managers.member(id).cloned())?;
    let place = place(&surface)?;
    let not_reached = |because| Problem::new(Fault::NotReached, because);
    let source = Source::find(&surface, id).await.map_err(not_reached)?;
    let named = if member.alias.is_empty() { &member.profile.host } else { &member.alias };
    let (at, made_at_s) = stamp(surface.group.now());
    let folder = format!("km-logs-{}-{at}", slug(named));
    let rotated = part.rotated.unwrap_or(true);
    Ok(answer(&format!("{folder}.tar.gz"), place, made_at_s, |mut download| async move {
        let held = download.add_log(&folder, &source, window, rotated).await?;
        let manifest = json!({
            "manager": id.0, "host": member.profile.host, "alias": member.alias,
            "version": member.profile.version, "made_at": at,
            "since": part.since, "until": part.until, "rotated": rotated, "log": held,
        });
        download.add(format!("{folder}/manifest.json"), pretty(&manifest)).await?;
        download.finish().await
    }))
}

fn pretty(value: &serde_json::Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("plain data")
}
