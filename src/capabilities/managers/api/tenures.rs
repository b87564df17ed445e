//! Who was Active, since when, until when, and why it changed.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::TenureRecord;
use crate::api::{Answer, Asked, Page, Paging, Problem, Reader, Routes, Time, View};
use crate::base::Revision;
use crate::machine::{State, from_history_bytes, tables};

/// One unbroken time of an instance being Active.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Tenure {
    /// Its number: the epoch.
    pub epoch: u64,
    /// Who was Active.
    pub manager: u64,
    /// Its host, as far as it is still known.
    pub host: Option<String>,
    /// What people call the host now; empty for none.
    pub alias: String,
    /// The term it was won in.
    pub term: u64,
    /// Since when.
    pub since: Time,
    /// Until another one began; null for the one in force.
    pub until: Option<Time>,
    /// Why it came about.
    pub because: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list))
}

/// Who was Active, the newest first.
#[utoipa::path(get, path = "/tenures", operation_id = "list_tenures", tag = "managers",
    params(Paging), responses((status = 200, body = Page<Tenure>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<Tenure>>, Problem> {
    let window = paging.window()?;
    // The cursor's own row comes first: its beginning is the end of the one after it.
    let before = window.after_revision()?.map(|cursor| Revision(cursor.0.saturating_add(1)));
    let rows = reader.history(tables::TENURES, Vec::new(), before, window.limit + 2).await?;
    let records: Vec<TenureRecord> =
        rows.iter().filter_map(|row| from_history_bytes(&row.value)).collect();
    let ends = std::iter::once(None).chain(records.iter().map(|record| Some(record.since)));
    let told = usize::from(before.is_some());
    reader.show(|state| {
        let found = records.iter().zip(ends).skip(told);
        Ok(window.page(found.map(|(record, until)| {
            (record.epoch.to_string(), tenure(state, record, until.map(Time)))
        })))
    })
}

fn tenure(state: &State, record: &TenureRecord, until: Option<Time>) -> Tenure {
    let member = state.managers.members.get(&record.active);
    let removed = state.managers.removed.get(&record.active);
    let host = member.map(|member| member.profile.host.clone());
    Tenure {
        epoch: record.epoch.0,
        manager: record.active.0,
        host: host.or_else(|| removed.map(|removed| removed.host.clone())),
        alias: member.map(|member| member.alias.clone()).unwrap_or_default(),
        term: record.term.0,
        since: record.since.into(),
        until,
        because: record.because.clone(),
    }
}
