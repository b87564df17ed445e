//! From a host's number to the way there, and from there to an answer.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::act::{
    Command, FileStamp, LogAsk, Output, Probe, Probed, RemotePath, UnitName, UnitStatus, UnitVerb,
    Upload,
};
use super::call::Call;
use super::carrier::Carrier;
use super::ssh::{self, BySsh};
use super::tls::ByAgent;
use super::units::{told_of_unit, told_of_units};
use super::wire::{AnswerV1, HelloV1, PROTOCOL_MAX, PROTOCOL_MIN, WhatV1};
use super::{ByteStream, Remote, RemoteFailure, Told, Watch};
use crate::base::{Epoch, HostId, Timestamp};
use crate::capabilities::hosts::model::{Host, Transport};
use crate::cluster::{AgentDialer, Group, HomeFailure, SshKeyFailure, wall_clock};
use crate::leadership::Tenure;

/// Longest time of a look.
const LOOK_DEADLINE: Duration = Duration::from_secs(15);
/// Longest time of a greeting: acts of an earlier epoch have to end first.
const GREET_DEADLINE: Duration = Duration::from_secs(15);
/// Longest time of a command. The host ends it itself, a little earlier.
const RUN_DEADLINE: Duration = Duration::from_secs(150);
/// Longest time until a unit stands as ordered. The host gives up itself, a little earlier.
const ORDER_DEADLINE: Duration = Duration::from_secs(330);
/// Longest time for a file on its way to a host. A line that carries nothing is given up much earlier.
const PUT_DEADLINE: Duration = Duration::from_secs(6 * 3_600);

/// How long before its end an agent's certificate is renewed.
const RENEW_BEFORE_MS: u64 = 90 * 24 * 3_600 * 1_000;

/// The hosts, as this Manager reaches them.
pub struct Hosts {
    group: Group,
    dialer: AgentDialer,
}

/// The right to act on hosts, for as long as the tenure lasts.
pub struct Acting<'a> {
    hosts: &'a Hosts,
    tenure: &'a Tenure,
}

impl Hosts {
    /// The hosts of a group.
    pub fn of(group: &Group) -> Result<Arc<Self>, HomeFailure> {
        Ok(Arc::new(Self { group: group.unowned(), dialer: group.agent_dialer()? }))
    }

    /// The right to act on them, by who is Active.
    pub fn under<'a>(&'a self, tenure: &'a Tenure) -> Acting<'a> {
        Acting { hosts: self, tenure }
    }

    /// Whether a host answers: the version of our program there. Changes nothing.
    pub fn reach(&self, host: HostId) -> Told<'_, String> {
        async move { Ok(self.call(host).await?.build) }.boxed()
    }

    async fn call(&self, id: HostId) -> Result<Call, RemoteFailure> {
        let host = self.group.view(|state| state.hosts.host(id).cloned())?;
        Call::open(&*self.carrier(id, host)?, &self.hello(id)).await
    }

    fn carrier(&self, id: HostId, host: Host) -> Result<Box<dyn Carrier>, RemoteFailure> {
        match host.transport {
            Transport::Agent { .. } if host.enrolled_at.is_none() => {
                Err(RemoteFailure::NotReady(format!(
                    "the agent of {} is not enrolled: make a token with km hosts enrol and run the command it prints there",
                    host.name
                )))
            }
            Transport::Agent { address } => {
                Ok(Box::new(ByAgent { dialer: self.dialer.clone(), host: id, address }))
            }
            Transport::Ssh(way) => {
                let Some(trusted) = host.trusted_key else {
                    return Err(RemoteFailure::NotReady(format!(
                        "nobody has trusted the SSH key of {}: compare it and trust it with km hosts trust",
                        host.name
                    )));
                };
                let unusable =
                    |failure: SshKeyFailure| RemoteFailure::NotReady(failure.to_string());
                let key = self.group.open_ssh_key().map_err(unusable)?;
                Ok(Box::new(BySsh { way, trusted: ssh::host_key(&trusted)?, key }))
            }
        }
    }

    fn hello(&self, host: HostId) -> HelloV1 {
        HelloV1 {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            cluster_id: self.group.cluster_id().into_bytes(),
            host: host.0,
            manager: self.group.here().0,
            build: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn look(&self, host: HostId, what: WhatV1) -> Result<(AnswerV1, Call), RemoteFailure> {
        self.call(host).await?.look(what, LOOK_DEADLINE).await
    }

    async fn stream(&self, host: HostId, what: WhatV1) -> Result<ByteStream, RemoteFailure> {
        match self.look(host, what).await? {
            (AnswerV1::Coming, call) => Ok(call.stream()),
            _ => Err(odd()),
        }
    }
}

impl Watch for Hosts {
    fn unit<'a>(&'a self, host: HostId, unit: &'a UnitName) -> Told<'a, UnitStatus> {
        async move { told_of_unit(self.call(host).await?, unit, LOOK_DEADLINE).await }.boxed()
    }

    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>> {
        async move {
            let known = self.group.view(|state| state.hosts.host(host).cloned())?;
            told_of_units(&*self.carrier(host, known)?, &self.hello(host), units, LOOK_DEADLINE)
                .await
        }
        .boxed()
    }

    fn get<'a>(&'a self, host: HostId, path: &'a RemotePath) -> Told<'a, ByteStream> {
        self.stream(host, WhatV1::Get(path.to_string())).boxed()
    }

    fn logs<'a>(&'a self, host: HostId, ask: &'a LogAsk) -> Told<'a, ByteStream> {
        self.stream(host, WhatV1::Logs(ask.into())).boxed()
    }

    fn probe<'a>(&'a self, host: HostId, probe: &'a Probe) -> Told<'a, Probed> {
        async move {
            match self.look(host, WhatV1::Probe(probe.into())).await? {
                (AnswerV1::Probed(probed), _) => Ok(probed.into()),
                _ => Err(odd()),
            }
        }
        .boxed()
    }

    fn offered_key(&self, host: HostId) -> Told<'_, String> {
        async move {
            let host = self.group.view(|state| state.hosts.host(host).cloned())?;
            match host.transport {
                Transport::Ssh(way) => ssh::offered_key(&way.address).await,
                Transport::Agent { .. } => Err(RemoteFailure::NotReady(format!(
                    "{} is reached by its agent and shows no SSH key",
                    host.name
                ))),
            }
        }
        .boxed()
    }
}

impl Acting<'_> {
    /// An open line; the tenure is asked again when it is open, right before anything is handed over.
    async fn call(&self, host: HostId) -> Result<Call, RemoteFailure> {
        self.tenure.still_valid()?;
        let call = self.hosts.call(host).await?;
        self.tenure.still_valid()?;
        Ok(call)
    }

    async fn act(
        &self,
        host: HostId,
        what: WhatV1,
        within: Duration,
    ) -> Result<AnswerV1, RemoteFailure> {
        self.call(host).await?.act(self.tenure.epoch(), what, within).await
    }

    /// Certifies the agent's key anew, and has it shown from now on.
    async fn renew_certificate(&self, host: HostId) -> Result<(), RemoteFailure> {
        let AnswerV1::Csr(csr) = self.act(host, WhatV1::Csr, GREET_DEADLINE).await? else {
            return Err(odd_act());
        };
        let certified = self.hosts.group.certify_agent(host, &csr);
        let certified = certified.map_err(|failure| RemoteFailure::Failed(failure.to_string()))?;
        let certify = WhatV1::Certify(certified.certificate_pem);
        self.act(host, certify, GREET_DEADLINE).await.map(drop)
    }

    fn greeting(&self) -> WhatV1 {
        self.hosts.group.view(|state| WhatV1::Greet {
            revision: state.kernel.revision.0,
            members: state.managers.members.keys().map(|id| id.0).collect(),
        })
    }
}

impl Watch for Acting<'_> {
    fn unit<'a>(&'a self, host: HostId, unit: &'a UnitName) -> Told<'a, UnitStatus> {
        self.hosts.unit(host, unit)
    }

    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>> {
        self.hosts.units(host, units)
    }

    fn get<'a>(&'a self, host: HostId, path: &'a RemotePath) -> Told<'a, ByteStream> {
        self.hosts.get(host, path)
    }

    fn logs<'a>(&'a self, host: HostId, ask: &'a LogAsk) -> Told<'a, ByteStream> {
        self.hosts.logs(host, ask)
    }

    fn probe<'a>(&'a self, host: HostId, probe: &'a Probe) -> Told<'a, Probed> {
        self.hosts.probe(host, probe)
    }

    fn offered_key(&self, host: HostId) -> Told<'_, String> {
        self.hosts.offered_key(host)
    }
}

impl Remote for Acting<'_> {
    fn epoch(&self) -> Epoch {
        self.tenure.epoch()
    }

    fn greet(&self, host: HostId) -> Told<'_, String> {
        async move {
            let mut call = self.call(host).await?;
            call.act(self.epoch(), self.greeting(), GREET_DEADLINE).await?;
            if call.certificate_ends.is_some_and(is_due)
                && let Err(failure) = self.renew_certificate(host).await
            {
                // The host is greeted all the same; the next greeting tries again.
                tracing::warn!(%host, %failure, "the certificate of a host's agent is not renewed");
            }
            Ok(call.build)
        }
        .boxed()
    }

    fn run<'a>(&'a self, host: HostId, command: &'a Command) -> Told<'a, Output> {
        async move {
            match self.act(host, WhatV1::Run(command.into()), RUN_DEADLINE).await? {
                AnswerV1::Ran(output) => Ok(output.into()),
                _ => Err(odd_act()),
            }
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        host: HostId,
        path: &'a RemotePath,
        upload: Upload,
    ) -> Told<'a, FileStamp> {
        async move {
            let mut call = self.call(host).await?;
            call.put(self.epoch(), path.as_str(), upload, PUT_DEADLINE).await
        }
        .boxed()
    }

    fn order<'a>(
        &'a self,
        host: HostId,
        unit: &'a UnitName,
        verb: UnitVerb,
    ) -> Told<'a, UnitStatus> {
        async move {
            let what = WhatV1::Order { unit: unit.to_string(), verb: verb.into() };
            match self.act(host, what, ORDER_DEADLINE).await? {
                AnswerV1::Unit(status) => Ok(status.into()),
                _ => Err(odd_act()),
            }
        }
        .boxed()
    }
}

/// As with Managers: in its last quarter of a year.
fn is_due(ends: Timestamp) -> bool {
    ends.since_ms(wall_clock()) < RENEW_BEFORE_MS
}

fn odd() -> RemoteFailure {
    RemoteFailure::Unreachable("the host answers something else than was asked".into())
}

fn odd_act() -> RemoteFailure {
    RemoteFailure::Unknown("the host answers something else than was asked".into())
}
