//! Enrolling the agent of a host: a one-time token for whoever installs it, and the agent's own call with it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, CONFIG_DEFAULT, ENROLMENT_TTL_MAX_MS};
use crate::api::{
    Answer, Anyone, Change, Fault, Path, Problem, Routes, Time, TokenKind, TrustHosts,
};
use crate::base::{Code, Digest, HostId, Refusal, RequestId, Secret};
use crate::capabilities::managers::invitation::Invitation;

/// Life of a token whose maker does not say.
const TTL_DEFAULT_MINUTES: u64 = 60;

/// How long an enrolment token is to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteAgent {
    /// 1 to 10,080 minutes; 60 when absent.
    ttl_minutes: Option<u64>,
}

/// A new enrolment token, shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewEnrolment {
    /// What `km agent enrol` takes: the right to be enrolled, how to know the group, and where it is.
    pub token: String,
    /// Until when it holds.
    pub expires_at: Time,
    /// What to run on the host.
    pub command: String,
}

/// What an agent shows and tells of itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolRequest {
    /// The secret part of the enrolment token.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// The request for its certificate, PEM.
    csr_pem: String,
    /// `host:port` where it listens.
    address: String,
}

/// What an agent needs to be believed, and to know whom to believe.
#[derive(Serialize, ToSchema)]
pub(super) struct Enrolled {
    /// Its host's number.
    pub host: u64,
    /// The group.
    pub cluster_id: String,
    /// Certificate of the group's authority, PEM.
    pub ca_pem: String,
    /// Its own certificate, PEM.
    pub certificate_pem: String,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(invite)).routes(routes!(enrol))
}

/// Makes the token by which the agent of a host is enrolled; it is shown once, and takes the place of an earlier
/// one. A repeat under the same Idempotency-Key shows it again.
#[utoipa::path(post, path = "/hosts/{id}/enrolment", operation_id = "invite_agent", tag = "hosts",
    params(("id" = u64, Path,)), request_body = InviteAgent,
    responses((status = 201, body = NewEnrolment)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn invite(
    Path(id): Path<u64>,
    change: Change<TrustHosts, InviteAgent>,
) -> Result<Answer<NewEnrolment>, Problem> {
    let host = HostId(id);
    let ttl_ms = change.body.ttl_minutes.unwrap_or(TTL_DEFAULT_MINUTES).saturating_mul(60_000);
    if ttl_ms == 0 || ttl_ms > ENROLMENT_TTL_MAX_MS {
        return Err(invalid("ttl_minutes must be from 1 to 10,080."));
    }
    let secret = for_host(&change.token(TokenKind::Enrol), host);
    let digest = Digest::of(secret.reveal().as_bytes());
    let committed = change.propose(model::Command::Invite { host, digest, ttl_ms }, None).await?;
    Ok(committed.show(&change.surface, StatusCode::CREATED, |state| {
        let open = state.hosts.enrolments.get(&host)?;
        let token = Invitation::of(&state.managers, secret)?.reveal().reveal().to_owned();
        let command = format!("km agent enrol --config {CONFIG_DEFAULT} --token {token}");
        Some(NewEnrolment { token, expires_at: open.expires_at.into(), command })
    }))
}

/// Enrols the agent that shows an enrolment token: certifies its key as that of its host's agent. Nobody signs in
/// for it, the token is the right. Asked again with the same token, key and address, it gives the same answer.
#[utoipa::path(post, path = "/hosts/enrol", operation_id = "enrol_agent", tag = "hosts", security(()),
    request_body = EnrolRequest, responses((status = 200, body = Enrolled)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn enrol(change: Change<Anyone, EnrolRequest>) -> Result<Answer<Enrolled>, Problem> {
    let EnrolRequest { token, csr_pem, address } = &change.body;
    change.throttled(&tried(&change, token))?;
    let host = named_in(token)?;
    // Tried before anything is agreed on: a malformed request must not use the token up.
    let certificate = change.surface.group.certify_agent(host, csr_pem)?;
    let digest = Digest::of(token.reveal().as_bytes());
    let command = model::Command::Enrol { host, token: digest, address: address.clone() };
    let asked = Digest::of(format!("{digest} {csr_pem} {address}").as_bytes());
    let name = RequestId::new(format!("enrol-{asked}")).expect("letters and hexadecimal digits");
    let committed = change.propose_named(name, asked, command).await?;
    Ok(committed.show(&change.surface, StatusCode::OK, |_| {
        Some(Enrolled {
            host: host.0,
            cluster_id: certificate.cluster_id.to_string(),
            ca_pem: certificate.ca_pem,
            certificate_pem: certificate.certificate_pem,
        })
    }))
}

/// What is tried, as tries are counted: hosts behind one address that wait for their agents do not wait for each other, and
/// naming other hosts gives nobody more guesses.
fn tried(change: &Change<Anyone, EnrolRequest>, token: &Secret) -> String {
    let open = |host: &HostId| {
        change.surface.group.view(|state| state.hosts.enrolments.contains_key(host))
    };
    match model::host_of_token(token).filter(open) {
        Some(host) => format!("an enrolment of host {host}"),
        None => "an enrolment".to_owned(),
    }
}

/// The secret says which host it is for; its digest covers that, so nobody can say otherwise.
fn for_host(secret: &Secret, host: HostId) -> Secret {
    Secret::new(format!("{}_{host}", secret.reveal()))
}

fn named_in(token: &Secret) -> Result<HostId, Problem> {
    let detail = "This is no enrolment token: make one with km hosts enrol, and copy the whole of what it prints.";
    model::host_of_token(token).ok_or_else(|| Refusal::new(Code::EnrolTokenInvalid, detail).into())
}

fn invalid(rule: &str) -> Problem {
    Problem::new(Fault::InvalidInput, rule)
}
