//! Schedules: when services go to sleep and wake by themselves.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Outcome, Timetable, Weekday};
use super::wire::{ServiceName, WantName};
use crate::api::{
    Answer, Asked, Change, IfMatch, ManageServices, Nothing, Page, Paging, Path, Problem, Reader,
    Routes, Time, View,
};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::machine::State;

/// When services go to sleep or wake.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceSchedule {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether they wake (running) or go to sleep (stopped).
    pub state: WantName,
    /// Only services of this type; null: all of them.
    #[serde(rename = "type")]
    pub kind: Option<ServiceName>,
    /// At which time of the day, such as 22:00, or 22:00:30.
    pub at: String,
    /// How far its clock is from UTC, such as +05:30; Z: not at all. It stays the same all year.
    pub offset: String,
    /// On which days by that clock: mon to sun.
    pub days: Vec<&'static str>,
    /// Whether anything is done.
    pub enabled: bool,
    /// When it is due next; null: it is switched off.
    pub next: Option<Time>,
    /// When it was last due, and what came of it; null: never.
    pub last: Option<ScheduleRun>,
    /// Revision of the last change; for If-Match.
    pub revision: u64,
}

/// What came of a time at which a schedule was due.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ScheduleRun {
    /// When that was.
    pub at: Time,
    /// What came of it.
    pub outcome: ScheduleOutcome,
    /// The operation that was begun.
    pub operation: Option<u64>,
}

/// What came of a time at which a schedule was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScheduleOutcome {
    /// Its operation is about to be begun, or waits for another to end.
    Waiting,
    /// Its operation was begun.
    Begun,
    /// Nothing was to be done: everything was as it wants it already, or is not its business.
    NothingToDo,
    /// The schedule was changed before its operation was begun.
    Overtaken,
    /// Nothing was done: half an hour later it could still not be begun, or nobody was Active.
    Missed,
}

/// When services are to go to sleep or wake.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetServiceSchedule {
    /// Its name, at most 64 bytes; no other schedule has it.
    name: String,
    /// Whether they wake (running) or go to sleep (stopped).
    state: WantName,
    /// Only services of this type; all of them when left out.
    #[serde(rename = "type")]
    kind: Option<ServiceName>,
    /// At which time of the day: 00:00 to 23:59, or to the second: 00:00:00 to 23:59:59.
    at: String,
    /// How far its clock is from UTC, -12:00 to +14:00; UTC when left out.
    offset: Option<String>,
    /// On which days by that clock: mon to sun; every day when left out.
    days: Option<Vec<String>>,
    /// Whether anything is done; true when left out.
    enabled: Option<bool>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(set, remove))
}

/// The schedules.
#[utoipa::path(get, path = "/services/schedules", operation_id = "list_service_schedules",
    tag = "services", params(Paging), responses((status = 200, body = Page<ServiceSchedule>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<ServiceSchedule>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    let now = reader.surface.group.now();
    reader.show(|state| {
        let later = state.services.schedules.iter().filter(|(id, _)| **id > after);
        Ok(window.page(later.map(|(id, known)| (id.to_string(), shown(now, *id, known)))))
    })
}

/// Adds a schedule.
#[utoipa::path(post, path = "/services/schedules", operation_id = "add_service_schedule",
    tag = "services", request_body = SetServiceSchedule,
    responses((status = 201, body = ServiceSchedule)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn add(
    change: Change<ManageServices, SetServiceSchedule>,
) -> Result<Answer<ServiceSchedule>, Problem> {
    let setting = timetable(&change.body)?;
    let command = model::Command::SetSchedule { id: None, setting, expect: None };
    let committed = change.propose(command, None).await?;
    let (id, now) = (committed.revision, change.surface.group.now());
    Ok(tagged(committed.show(&change.surface, StatusCode::CREATED, |state| of(state, now, id))))
}

/// Sets a schedule anew. What would have been due before is not made up for.
#[utoipa::path(put, path = "/services/schedules/{id}", operation_id = "set_service_schedule",
    tag = "services", params(("id" = u64, Path,), IfMatch), request_body = SetServiceSchedule,
    responses((status = 200, body = ServiceSchedule)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    Path(id): Path<u64>,
    change: Change<ManageServices, SetServiceSchedule, IfMatch>,
) -> Result<Answer<ServiceSchedule>, Problem> {
    let (setting, id) = (timetable(&change.body)?, Revision(id));
    let expect = change.expect();
    let command = model::Command::SetSchedule { id: Some(id), setting, expect };
    let committed = change.propose(command, None).await?;
    let now = change.surface.group.now();
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| of(state, now, id))))
}

/// Removes a schedule. What it began goes on.
#[utoipa::path(delete, path = "/services/schedules/{id}", operation_id = "remove_service_schedule",
    tag = "services", params(("id" = u64, Path,), IfMatch), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn remove(
    Path(id): Path<u64>,
    change: Change<ManageServices, Nothing, IfMatch>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::RemoveSchedule { id: Revision(id), expect: change.expect() };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

fn tagged(answer: Answer<ServiceSchedule>) -> Answer<ServiceSchedule> {
    answer.tagged_by(|schedule| Revision(schedule.revision))
}

fn timetable(body: &SetServiceSchedule) -> Result<Timetable, Refusal> {
    let days = match &body.days {
        None => Weekday::ALL.into(),
        Some(days) => days.iter().map(|day| weekday(day)).collect::<Result<_, _>>()?,
    };
    Ok(Timetable {
        name: body.name.trim().to_owned(),
        want: body.state.into(),
        kind: body.kind.map(Into::into),
        second: time_of_day(&body.at).ok_or_else(|| malformed(&body.at, "a time: write 22:00"))?,
        offset: body.offset.as_deref().map_or(Ok(0), offset)?,
        days,
        enabled: body.enabled.unwrap_or(true),
    })
}

fn weekday(day: &str) -> Result<Weekday, Refusal> {
    Weekday::named(day)
        .ok_or_else(|| malformed(day, "a day: write mon, tue, wed, thu, fri, sat or sun"))
}

fn malformed(text: &str, what: &str) -> Refusal {
    let text = crate::base::text::cut(text, 32);
    Refusal::new(Code::InvalidValue, format!("{text} is not {what}."))
}

/// `22:00`, or `22:00:30`, as seconds.
fn time_of_day(text: &str) -> Option<u32> {
    let (minutes, seconds) = match text.rsplit_once(':')? {
        (minutes, seconds) if minutes.contains(':') => (minutes, two(seconds)?),
        _ => (text, 0),
    };
    (seconds < 60).then_some(u32::from(clock(minutes)?) * 60 + u32::from(seconds))
}

/// `22:00` as minutes.
fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Two digits.
fn two(text: &str) -> Option<u16> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// `Z`, or `+05:30`.
fn offset(text: &str) -> Result<i16, Refusal> {
    if text == "Z" {
        return Ok(0);
    }
    let minutes = |text: &str| clock(text).and_then(|minutes| i16::try_from(minutes).ok());
    let told = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(ahead), _) => minutes(ahead),
        (None, Some(behind)) => minutes(behind).map(|minutes| -minutes),
        (None, None) => None,
    };
    told.ok_or_else(|| malformed(text, "a distance from UTC: write Z, +05:30 or -08:00"))
}

fn of(state: &State, now: Timestamp, id: Revision) -> Option<ServiceSchedule> {
    state.services.schedules.get(&id).map(|known| shown(now, id, known))
}

fn shown(now: Timestamp, id: Revision, known: &model::Schedule) -> ServiceSchedule {
    let setting = &known.setting;
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let sign = if setting.offset < 0 { '-' } else { '+' };
    ServiceSchedule {
        id: id.0,
        name: setting.name.clone(),
        state: setting.want.into(),
        kind: setting.kind.map(Into::into),
        at: setting.clock(),
        offset: match setting.offset {
            0 => "Z".to_owned(),
            offset => format!("{sign}{}", clock(offset.unsigned_abs())),
        },
        days: setting.days.iter().map(|day| day.as_str()).collect(),
        enabled: setting.enabled,
        next: known.next(now).map(Into::into),
        last: known.last.as_ref().map(run),
        revision: known.revision.0,
    }
}

fn run(due: &model::Due) -> ScheduleRun {
    let (outcome, operation) = match due.outcome {
        Outcome::Waiting => (ScheduleOutcome::Waiting, None),
        Outcome::Begun(id) => (ScheduleOutcome::Begun, Some(id.0)),
        Outcome::Needless => (ScheduleOutcome::NothingToDo, None),
        Outcome::Overtaken => (ScheduleOutcome::Overtaken, None),
        Outcome::Missed => (ScheduleOutcome::Missed, None),
    };
    ScheduleRun { at: due.at.into(), outcome, operation }
}
