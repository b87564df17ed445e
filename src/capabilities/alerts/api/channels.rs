//! Channels over HTTP: who is told of alerts. Secrets come in, are sealed, and are never shown again.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{
    self, Channel as Known, Login, Mail, PASSWORD_PURPOSE, SECRET_PURPOSE, Setting, Tried, Way,
    Webhook,
};
use super::wire::{EncryptionName, SeverityName};
use crate::api::{
    Answer, Asked, Change, Fault, IfMatch, ManageChannels, Nothing, Page, Paging, Path, Problem,
    Reader, Routes, Time, View,
};
use crate::base::{Revision, Secret, Timestamp};
use crate::machine::State;

/// How long an answer waits for the Active's try: bringing a letter has half of it, and one may be under way already.
const TRY_WAIT: Duration = Duration::from_secs(40);
/// Shortest secret of a webhook, in bytes: one that is guessed signs nothing.
const SECRET_MIN_BYTES: usize = 16;
/// Longest secret or password, in bytes.
const SECRET_MAX_BYTES: usize = 1_024;

/// A way to tell people, and how the telling goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct AlertChannel {
    /// The revision that made it.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `webhook` or `email`.
    pub kind: &'static str,
    /// Alerts that matter less are not told.
    pub minimum_severity: SeverityName,
    /// Where a webhook leads; null for e-mail.
    pub webhook: Option<WebhookShown>,
    /// Whom e-mail goes to; null for a webhook.
    pub email: Option<EmailShown>,
    /// Letters that wait to be told.
    pub waiting: usize,
    /// Letters that were told.
    pub told: u64,
    /// Letters that were given up, because they were tried for a day, or too many waited.
    pub given_up: u64,
    /// Failed tries in a row.
    pub failed_tries: u32,
    /// Not before this time is it tried again; null: at once.
    pub next_try_at: Option<Time>,
    /// What came of the newest try; null: there was none.
    pub last_try: Option<Try>,
    /// Revision of the last change people made; the ETag.
    pub revision: u64,
}

/// What came of a try.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChannelTry)]
pub(super) struct Try {
    /// When.
    pub at: Time,
    /// Whether it was taken.
    pub ok: bool,
    /// What came of it, in a sentence.
    pub detail: String,
}

/// Where a webhook leads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct WebhookShown {
    /// Where.
    pub url: String,
    /// Certificates of the authorities that are believed; null: those of the Manager's operating system.
    pub ca_pem: Option<String>,
}

/// Whom e-mail goes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EmailShown {
    /// `host:port` of the mail server.
    pub server: String,
    /// Whether and how the connection is encrypted.
    pub encryption: EncryptionName,
    /// Certificates of the authorities that are believed; null: those of the Manager's operating system.
    pub ca_pem: Option<String>,
    /// As whom; null: nobody in particular.
    pub username: Option<String>,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How a channel is to be set: a webhook or e-mail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetAlertChannel {
    /// Its name; no other has it.
    name: String,
    /// Alerts that matter less are not told.
    minimum_severity: SeverityName,
    /// A program that takes alerts by HTTP.
    webhook: Option<SetWebhook>,
    /// A mail server and whom it is to tell.
    email: Option<SetEmail>,
}

/// A program that takes alerts by HTTP.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetWebhook {
    /// Where: `https://…`, or `http://…` where nobody listens.
    url: String,
    /// Certificates of the authorities to believe; left out: those of the Manager's operating system.
    ca_pem: Option<String>,
    /// What letters are signed with, 16 bytes or more; left out: the one that was given last.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

/// A mail server and whom it is to tell.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetEmail {
    /// `host:port` of the mail server.
    server: String,
    /// Whether and how the connection is encrypted.
    encryption: EncryptionName,
    /// Certificates of the authorities to believe; left out: those of the Manager's operating system.
    ca_pem: Option<String>,
    /// As whom; left out: nobody in particular.
    username: Option<String>,
    /// The password; left out: the one that was given last for this name and server.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Who writes.
    from: String,
    /// To whom: 1 to 16 addresses.
    to: Vec<String>,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, set, remove))
        .routes(routes!(test))
}

/// Who is told of alerts.
#[utoipa::path(get, path = "/alerts/channels", operation_id = "list_alert_channels", tag = "alerts",
    params(Paging), responses((status = 200, body = Page<AlertChannel>)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn list(
    reader: Reader<View>,
    Asked(paging): Asked<Paging>,
) -> Result<Answer<Page<AlertChannel>>, Problem> {
    let window = paging.window()?;
    let after = window.after_revision()?.unwrap_or_default();
    reader.show(|state| {
        let later = state.alerts.channels.iter().filter(|(id, _)| **id > after);
        Ok(window.page(later.map(|(id, channel)| (id.to_string(), shown(state, *id, channel)))))
    })
}

/// One channel.
#[utoipa::path(get, path = "/alerts/channels/{id}", operation_id = "get_alert_channel", tag = "alerts",
    params(("id" = u64, Path,)), responses((status = 200, body = AlertChannel)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(reader: Reader<View>, Path(id): Path<u64>) -> Result<Answer<AlertChannel>, Problem> {
    let id = Revision(id);
    reader.show(|state| Ok(shown(state, id, state.alerts.channel(id)?))).map(tagged)
}

/// Adds a channel. Try it out next.
#[utoipa::path(post, path = "/alerts/channels", operation_id = "add_alert_channel", tag = "alerts",
    request_body = SetAlertChannel, responses((status = 201, body = AlertChannel)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn add(
    change: Change<ManageChannels, SetAlertChannel>,
) -> Result<Answer<AlertChannel>, Problem> {
    let setting = setting(&change, &change.body, None)?;
    let committed = change.propose(model::Command::AddChannel { setting }, None).await?;
    let id = committed.revision;
    Ok(tagged(committed.show(&change.surface, StatusCode::CREATED, |state| now(state, id))))
}

/// Sets a channel anew, and tries at once what waits on it.
#[utoipa::path(put, path = "/alerts/channels/{id}", operation_id = "set_alert_channel", tag = "alerts",
    params(("id" = u64, Path,), IfMatch), request_body = SetAlertChannel,
    responses((status = 200, body = AlertChannel)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn set(
    Path(id): Path<u64>,
    change: Change<ManageChannels, SetAlertChannel, IfMatch>,
) -> Result<Answer<AlertChannel>, Problem> {
    let id = Revision(id);
    let known = |state: &State| state.alerts.channels.get(&id).map(|it| it.setting.way.clone());
    let setting = setting(&change, &change.body, change.surface.group.view(known))?;
    let command = model::Command::SetChannel { id, setting, expect: change.expect() };
    let committed = change.propose(command, None).await?;
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, |state| now(state, id))))
}

/// Removes a channel, and what waits on it.
#[utoipa::path(delete, path = "/alerts/channels/{id}", operation_id = "remove_alert_channel", tag = "alerts",
    params(("id" = u64, Path,), IfMatch), responses((status = 204)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn remove(
    Path(id): Path<u64>,
    change: Change<ManageChannels, Nothing, IfMatch>,
) -> Result<Answer<()>, Problem> {
    let command = model::Command::RemoveChannel { id: Revision(id), expect: change.expect() };
    Ok(change.propose(command, None).await?.empty(&change.surface))
}

/// Has the Active, which tells all alerts, tell a test now, and shows exactly what came of it.
#[utoipa::path(post, path = "/alerts/channels/{id}/test", operation_id = "test_alert_channel", tag = "alerts",
    params(("id" = u64, Path,)), responses((status = 200, body = Try)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn test(
    Path(id): Path<u64>,
    change: Change<ManageChannels, Nothing>,
) -> Result<Answer<Try>, Problem> {
    let id = Revision(id);
    let committed = change.propose(model::Command::TryOut { id }, None).await?;
    let asked = committed.revision;
    let tried = tried(&change, id, asked).await?;
    Ok(committed.show(&change.surface, StatusCode::OK, |_| Some(tried)))
}

/// Waits until the Active has tried. A channel that was removed, or tried out anew, is waited for by nobody.
async fn tried<P>(
    change: &Change<P, Nothing>,
    id: Revision,
    asked: Revision,
) -> Result<Try, Problem> {
    let group = &change.surface.group;
    let wish = || {
        group.view(|state| {
            let channel = state.alerts.channels.get(&id);
            channel.and_then(|channel| channel.wish.clone()).filter(|wish| wish.asked == asked)
        })
    };
    // What is told from here on was not there at the look that follows.
    let mut news = group.follow(group.view(|state| state.kernel.revision));
    let waits = || wish().is_some_and(|wish| wish.tried.is_none());
    let waiting = async { while waits() && news.next().await.is_some() {} };
    // In time or not, the look below tells.
    let _ = tokio::time::timeout(TRY_WAIT, waiting).await;
    let late = || {
        let detail =
            "The Active was asked to try the channel out and has not told yet what came of it.";
        Problem::new(Fault::UnknownOutcome, detail)
    };
    wish().and_then(|wish| wish.tried).map(|tried| a_try(&tried)).ok_or_else(late)
}

fn setting<C>(
    change: &Change<ManageChannels, SetAlertChannel, C>,
    body: &SetAlertChannel,
    known: Option<Way>,
) -> Result<Setting, Problem> {
    let seal = |purpose: &str, secret: &Secret| change.surface.group.seal(purpose, secret);
    let way = match (&body.webhook, &body.email) {
        (Some(webhook), None) => {
            let kept = match known {
                Some(Way::Webhook(known)) => Some(known.sealed_secret),
                Some(Way::Mail(_)) | None => None,
            };
            is_pem(webhook.ca_pem.as_deref())?;
            let sealed_secret = match (&webhook.secret, kept) {
                (None, Some(kept)) => kept,
                (None, None) => return Err(invalid("webhook.secret is missing.")),
                (Some(secret), _) => {
                    long_enough("webhook.secret", secret, SECRET_MIN_BYTES)?;
                    seal(SECRET_PURPOSE, secret)?
                }
            };
            let (url, ca_pem) = (webhook.url.clone(), webhook.ca_pem.clone());
            Way::Webhook(Webhook { url, ca_pem, sealed_secret })
        }
        (None, Some(email)) => {
            is_pem(email.ca_pem.as_deref())?;
            let sealed = match &email.password {
                None => None,
                Some(password) => {
                    long_enough("email.password", password, 1)?;
                    Some(seal(PASSWORD_PURPOSE, password)?)
                }
            };
            Way::Mail(Mail {
                server: email.server.clone(),
                encryption: email.encryption.into(),
                ca_pem: email.ca_pem.clone(),
                login: login(email, sealed, known)?,
                from: email.from.clone(),
                to: email.to.clone(),
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid("A channel is a webhook or e-mail, one of the two."));
        }
    };
    Ok(Setting { name: body.name.clone(), least: body.minimum_severity.into(), way })
}

/// A password belongs to its name and its server: another one is not shown what was meant for the first.
fn login(
    email: &SetEmail,
    sealed: Option<Vec<u8>>,
    known: Option<Way>,
) -> Result<Option<Login>, Problem> {
    let Some(username) = &email.username else {
        return match sealed {
            None => Ok(None),
            Some(_) => Err(invalid("email.password needs its username.")),
        };
    };
    if username.is_empty() {
        return Err(invalid(
            "email.username must not be empty; leave it out to sign in as nobody.",
        ));
    }
    let kept = match known {
        Some(Way::Mail(known)) if known.server == email.server => known.login,
        Some(Way::Mail(_) | Way::Webhook(_)) | None => None,
    };
    let kept = kept.filter(|known| known.username == *username).map(|known| known.sealed_password);
    let missing = || invalid("email.password is missing: another name or server needs its own.");
    let sealed_password = sealed.or(kept).ok_or_else(missing)?;
    Ok(Some(Login { username: username.clone(), sealed_password }))
}

fn long_enough(field: &str, secret: &Secret, min_bytes: usize) -> Result<(), Problem> {
    if (min_bytes..=SECRET_MAX_BYTES).contains(&secret.reveal().len()) {
        return Ok(());
    }
    Err(invalid(&format!("{field} must have {min_bytes} to {SECRET_MAX_BYTES} bytes.")))
}

fn is_pem(ca_pem: Option<&str>) -> Result<(), Problem> {
    match ca_pem {
        Some(text) if !text.contains("-----BEGIN CERTIFICATE-----") => {
            Err(invalid("ca_pem must hold a certificate in PEM form."))
        }
        Some(_) | None => Ok(()),
    }
}

fn invalid(why: &str) -> Problem {
    Problem::new(Fault::InvalidInput, why)
}

fn now(state: &State, id: Revision) -> Option<AlertChannel> {
    state.alerts.channels.get(&id).map(|channel| shown(state, id, channel))
}

fn shown(state: &State, id: Revision, channel: &Known) -> AlertChannel {
    let Setting { name, least, way } = &channel.setting;
    let (webhook, email) = match way {
        Way::Webhook(webhook) => (Some(webhook_shown(webhook)), None),
        Way::Mail(mail) => (None, Some(email_shown(mail))),
    };
    let paused = |at: Timestamp| (at > state.kernel.clock).then(|| at.into());
    AlertChannel {
        id: id.0,
        name: name.clone(),
        kind: way.as_str(),
        minimum_severity: (*least).into(),
        webhook,
        email,
        waiting: channel.waiting.len(),
        told: channel.told,
        given_up: channel.given_up,
        failed_tries: channel.failed,
        next_try_at: paused(channel.not_before),
        last_try: channel.last.as_ref().map(a_try),
        revision: channel.revision.0,
    }
}

fn webhook_shown(webhook: &Webhook) -> WebhookShown {
    WebhookShown { url: webhook.url.clone(), ca_pem: webhook.ca_pem.clone() }
}

fn email_shown(mail: &Mail) -> EmailShown {
    EmailShown {
        server: mail.server.clone(),
        encryption: mail.encryption.into(),
        ca_pem: mail.ca_pem.clone(),
        username: mail.login.as_ref().map(|login| login.username.clone()),
        from: mail.from.clone(),
        to: mail.to.clone(),
    }
}

fn a_try(tried: &Tried) -> Try {
    let (ok, detail) = match &tried.outcome {
        Ok(detail) => (true, detail.clone()),
        Err(because) => (false, because.clone()),
    };
    Try { at: tried.at.into(), ok, detail }
}

fn tagged(answer: Answer<AlertChannel>) -> Answer<AlertChannel> {
    answer.tagged_by(|channel| Revision(channel.revision))
}
