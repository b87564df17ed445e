//! Letting a further member into the group: from its request to its number and certificate.

use crate::base::{Digest, ManagerId, Refusal, RequestId};
use crate::capabilities::managers::model::{Command, Profile, Role};
use crate::capabilities::managers::rules::number_given;
use crate::machine::Actor;

use super::Group;
use super::home::{HomeFailure, JoinGrant};
use super::pki::{GroupCa, PeerIdentity, PkiFailure};
use super::proposing::{Draft, ProposeFailure};
use super::timers::Timers;
use super::vault::GroupKey;
use uuid::Uuid;

/// What a host shows when it asks to join.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// Digest of the join token.
    pub token: Digest,
    /// What it is to be.
    pub role: Role,
    /// What it tells of itself.
    pub profile: Profile,
    /// The disk its number is to be bound to.
    pub disk_id: Uuid,
    /// Request for its certificate.
    pub csr_pem: String,
    /// Hosts and addresses under which its API is reached, for its certificate.
    pub hosts: Vec<String>,
    /// Where the request came from.
    pub source: Option<String>,
}

/// Why a host was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmitFailure {
    /// The group said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The group has not judged.
    #[error(transparent)]
    Propose(#[from] ProposeFailure),
    /// The request for a certificate or one of the host names is malformed. Nothing was changed.
    #[error("the certificate request is not usable: {0}")]
    BadRequest(PkiFailure),
    /// This Manager cannot issue certificates.
    #[error("this Manager cannot issue certificates: {0}")]
    NoAuthority(String),
}

impl Group {
    /// Admits a host as a member and issues its certificate. Repeated with the same token, disk and profile it
    /// gives the same number again, so a host that lost the answer simply asks again.
    pub async fn admit(&self, request: JoinRequest) -> Result<JoinGrant, AdmitFailure> {
        let ca = self.authority()?;
        // Tried before anything is agreed on: a malformed request must change nothing.
        self.issue(&ca, &request, ManagerId(u64::MAX)).map_err(AdmitFailure::BadRequest)?;
        let settled = self.propose(draft(&request)).await?;
        let admitted = settled.answer.into_result()?;
        let member = self.view(|state| number_given(&state.managers, admitted));
        let certificate_pem =
            self.issue(&ca, &request, member).map_err(AdmitFailure::BadRequest)?;
        let group_key = match request.role {
            Role::Manager => self.core.home.group_key().map_err(no_authority)?,
            Role::Witness => None,
        };
        Ok(JoinGrant {
            member,
            cluster_id: self.cluster_id(),
            ca_pem: ca.certificate_pem().to_owned(),
            certificate_pem,
            group_key: group_key.map(|key| key.to_hex()),
        })
    }

    pub(super) fn authority(&self) -> Result<GroupCa, AdmitFailure> {
        let key = self.group_key()?;
        let group = self.view(|state| state.managers.group.clone());
        let group = group.ok_or_else(|| AdmitFailure::NoAuthority("no group yet".into()))?;
        GroupCa::open(&group.ca_pem, &group.sealed_ca_key, &key)
            .map_err(|failure| AdmitFailure::NoAuthority(failure.to_string()))
    }

    pub(super) fn group_key(&self) -> Result<GroupKey, AdmitFailure> {
        let key = self.core.home.group_key().map_err(no_authority)?;
        key.ok_or_else(|| AdmitFailure::NoAuthority("it has no group key".into()))
    }

    fn issue(
        &self,
        ca: &GroupCa,
        request: &JoinRequest,
        member: ManagerId,
    ) -> Result<String, PkiFailure> {
        let identity = PeerIdentity { cluster_id: self.cluster_id(), node_id: member.0 };
        ca.issue(&request.csr_pem, identity, &request.hosts, (self.core.wall_clock)().0 / 1000)
    }
}

fn no_authority(failure: HomeFailure) -> AdmitFailure {
    AdmitFailure::NoAuthority(failure.to_string())
}

fn draft(request: &JoinRequest) -> Draft {
    // The lease is what a home promises when it is made, whatever the request says: the Active's claim is
    // bounded by it.
    let lease_ms = Timers::default().lease_ms();
    let profile = Profile { lease_ms, ..request.profile.clone() };
    let asked =
        Digest::of(format!("{:?} {:?} {profile:?}", request.token, request.role).as_bytes());
    // Whoever corrects what it tells of itself after a refusal asks something new.
    let name = format!("join-{}-{}", request.disk_id, &asked.to_string()[..16]);
    Draft {
        by: Actor::Anonymous,
        source: request.source.clone(),
        request: Some(RequestId::new(name).expect("a uuid and hexadecimal digits")),
        fingerprint: Some(asked),
        reason: None,
        fence: None,
        command: Command::Admit {
            token: request.token,
            role: request.role,
            profile,
            disk_id: request.disk_id,
        }
        .into(),
    }
}
