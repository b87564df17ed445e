//! One service with the evidence of its verdict, and what is wanted of it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{self, Observer, ServiceId, ServiceType, endpoint};
use super::super::plan::{self, inventory};
use super::inventory::{Desk, Service};
use super::wire::{SaysName, WantName, WhyName};
use crate::api::{
    Answer, Change, IfMatch, ManageServices, Path, Problem, Reader, Routes, Sight, Time, View,
};
use crate::base::{Code, Refusal, Revision};
use crate::machine::State;

/// A service, and why it is said to be as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceDetail {
    /// The service, as in the list.
    #[serde(flatten)]
    pub service: Service,
    /// What each observer said when the verdict became what it is.
    pub evidence: Vec<ServiceEvidence>,
    /// Where it is asked whether it serves; null: it is not asked, or no port is known.
    pub address: Option<String>,
    /// When it was last seen to be up; null: never.
    pub last_up: Option<Time>,
}

/// What one observer said of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ServiceEvidence {
    /// How it looked.
    pub observer: ObserverName,
    /// The host of the Manager that looked; null: ZooKeeper, or the service's own host.
    pub by: Option<String>,
    /// What it said.
    pub says: SaysName,
    /// In a sentence.
    pub because: String,
    /// When it looked, or since when what it saw was so.
    pub at: Time,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ObserverName {
    /// ZooKeeper, by its znode.
    Znode,
    /// Its host, by its unit.
    Unit,
    /// A Manager, by asking it.
    Probe,
}

/// What is to be wanted of a service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantService {
    /// What.
    state: WantName,
    /// Why: operator, schedule or maintenance.
    why: WhyName,
}

pub(super) fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(want))
}

/// One service, with the evidence of its verdict.
#[utoipa::path(get, path = "/services/{id}", operation_id = "get_service", tag = "services",
    params(("id" = String, Path,)), responses((status = 200, body = ServiceDetail)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn get(
    reader: Reader<View>,
    Path(id): Path<String>,
) -> Result<Answer<ServiceDetail>, Problem> {
    let sight = Sight::of(&*reader.surface.group);
    reader.show(|state| Ok(detail(state, &sight, &id)?)).map(tagged)
}

/// Says what is wanted of a service. It is not started or stopped by that, and nobody fights what is wanted.
#[utoipa::path(put, path = "/services/{id}/wanted", operation_id = "want_service", tag = "services",
    params(("id" = String, Path,), IfMatch), request_body = WantService,
    responses((status = 200, body = ServiceDetail)),
    extensions(("x-km-handled" = json!("forwarded"))))]
async fn want(
    Path(id): Path<String>,
    change: Change<ManageServices, WantService, IfMatch>,
) -> Result<Answer<ServiceDetail>, Problem> {
    let why = change.body.why.given()?;
    let service = change.surface.group.view(|state| ServiceId::named(state, &id))?;
    let command = model::Command::Want {
        services: vec![service],
        want: change.body.state.into(),
        why,
        operation: None,
        expect: change.expect(),
    };
    let committed = change.propose(command, None).await?;
    let sight = Sight::of(&*change.surface.group);
    let now = |state: &State| detail(state, &sight, &id).ok();
    Ok(tagged(committed.show(&change.surface, StatusCode::OK, now)))
}

fn tagged(answer: Answer<ServiceDetail>) -> Answer<ServiceDetail> {
    answer.tagged_by(|detail| Revision(detail.service.revision))
}

fn detail(state: &State, sight: &Sight, id: &str) -> Result<ServiceDetail, Refusal> {
    let all = inventory(state, |member| sight.reaches(member));
    let unknown = || Refusal::new(Code::NoSuchService, format!("There is no service {id}."));
    let known = all.into_iter().find(|service| service.id() == id).ok_or_else(unknown)?;
    Ok(with_evidence(state, known))
}

fn with_evidence(state: &State, known: plan::Service<'_>) -> ServiceDetail {
    let fact = known.as_fact().filter(|fact| fact.service != ServiceType::KyvosManager);
    let judged = known.judged;
    let evidence = judged.map(|judged| judged.judgement.evidence.as_slice());
    ServiceDetail {
        evidence: evidence.unwrap_or_default().iter().map(|seen| told(state, seen)).collect(),
        address: fact.and_then(|fact| endpoint(state, fact)).map(|endpoint| endpoint.address),
        last_up: judged.and_then(|judged| judged.last_up).map(Time),
        service: Desk::of(state).shown(known),
    }
}

fn told(state: &State, seen: &model::Evidence) -> ServiceEvidence {
    let (observer, by) = match seen.observer {
        Observer::Znode => (ObserverName::Znode, None),
        Observer::Unit => (ObserverName::Unit, None),
        Observer::Probe(manager) => {
            let member = state.managers.members.get(&manager);
            let host = member.map_or_else(|| manager.to_string(), |it| it.profile.host.clone());
            (ObserverName::Probe, Some(host))
        }
    };
    let (says, because, at) = (seen.says.into(), seen.because.clone(), seen.at.into());
    ServiceEvidence { observer, by, says, because, at }
}
