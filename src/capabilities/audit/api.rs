//! The audit over HTTP: every record, newest first, by user and room.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model;
use crate::api::{Answer, Asked, Page, Past, Problem, Reader, Routes, Time, ViewAudit, Window};
use crate::base::Revision;
use crate::machine::{from_history_bytes, tables};

/// Rows read at a time.
const CHUNK: usize = 500;
/// Most rows looked through for one page. A page that finds too few within it gives what it has, and a cursor.
const ROWS_MAX: usize = 10_000;

/// Who did what, and what came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditRecord {
    /// Where it stands in the log.
    pub revision: u64,
    /// When.
    pub at: Time,
    /// Who.
    pub user: String,
    /// Their role, if they had one.
    pub role: Option<String>,
    /// Room and verb.
    pub action: String,
    /// What it was about.
    pub object: String,
    /// The object before, where that can be said in a line.
    pub before: Option<String>,
    /// The object after.
    pub after: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// The refusal's code.
    pub code: Option<String>,
    /// Why, in the asker's words.
    pub reason: Option<String>,
    /// From which address.
    pub source_ip: Option<String>,
    /// The Manager that took the request in.
    pub via: u64,
    /// The term it was committed in.
    pub term: u64,
    /// The request's name.
    pub request_id: String,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Done.
    Committed,
    /// Refused; nothing changed.
    Refused,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only of this user, as the record names them.
    user: Option<String>,
    /// Only of this room: managers, properties, operations, access.
    room: Option<String>,
    /// Most items, 1 to 500; 100 when absent.
    limit: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The routes of this room.
pub(crate) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list))
}

/// Every record, newest first. A page may hold fewer than asked and still have a next one.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit",
    params(AuditQuery), responses((status = 200, body = Past<AuditRecord>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<ViewAudit>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Answer<Past<AuditRecord>>, Problem> {
    let window = Window::new(query.limit.as_deref(), query.after.clone())?;
    let page = search(&reader, &query, &window).await?;
    let past = reader.past(page)?;
    reader.show(|_| Ok(past))
}

async fn search(
    reader: &Reader<ViewAudit>,
    query: &AuditQuery,
    window: &Window,
) -> Result<Page<AuditRecord>, Problem> {
    let (mut items, mut before) = (Vec::new(), window.after_revision()?);
    for _ in 0..ROWS_MAX / CHUNK {
        let rows = reader.history(tables::AUDIT, Vec::new(), before, CHUNK).await?;
        let last = rows.len() < CHUNK;
        for row in rows {
            if items.len() == window.limit {
                return Ok(Page { items, next: before.map(|revision| revision.to_string()) });
            }
            before = Some(row.revision);
            let record: Option<model::AuditRecord> = from_history_bytes(&row.value);
            items.extend(record.filter(|record| query.wants(record)).map(wire));
        }
        if last {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: before.map(|revision: Revision| revision.to_string()) })
}

impl AuditQuery {
    fn wants(&self, record: &model::AuditRecord) -> bool {
        let room = record.trace.action.split('.').next();
        self.user.as_ref().is_none_or(|user| *user == record.by)
            && self.room.as_deref().is_none_or(|wanted| Some(wanted) == room)
    }
}

fn wire(record: model::AuditRecord) -> AuditRecord {
    let outcome = match record.refused {
        None => AuditOutcome::Committed,
        Some(_) => AuditOutcome::Refused,
    };
    AuditRecord {
        revision: record.revision.0,
        at: record.at.into(),
        user: record.by,
        role: record.role,
        action: record.trace.action,
        object: record.trace.object,
        before: record.trace.before,
        after: record.trace.after,
        outcome,
        code: record.refused,
        reason: record.reason,
        source_ip: record.source,
        via: record.via.0,
        term: record.term.0,
        request_id: record.request,
    }
}
