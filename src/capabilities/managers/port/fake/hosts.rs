//! The hosts of the group for tests: a service that starts runs the Manager of its host, one that stops ends it.

use bytes::Bytes;

use super::{FakeGroup, Inside};
use crate::base::{HostId, ManagerId, Sha256, Timestamp};
use crate::capabilities::installs::model::recovery_script;
use crate::capabilities::managers::invitation::Invitation;
use crate::capabilities::managers::port::{ActFailure, OnHosts};
use crate::capabilities::services::model::Endpoint;
use crate::machine::script::command_of;
use crate::remote::{
    Command as HostCommand, FileStamp, Output, Probe, Remote, RemotePath, UnitName, UnitState,
    UnitStatus, UnitVerb, Upload, Watch,
};

impl FakeGroup {
    /// Registers a portal host whose agent is enrolled. The service of a member there runs if the member does.
    pub(crate) fn register(&self, name: &str) -> HostId {
        self.say(&format!("hosts register {name} agent roles=web_portal"));
        let host = HostId(self.inside().state.kernel.revision.0);
        self.say(&format!("hosts invite {host} t-{name}"));
        self.say(&format!("hosts enrol {host} t-{name} {name}:7445"));
        let inside = self.inside();
        if inside.on(name).is_some_and(|member| inside.seen.processes.contains_key(&member)) {
            let status = running(host.0 as u32 * 1_000);
            self.hosts.inside().units.insert((host, UnitName::MANAGER.into()), status);
        }
        host
    }

    /// Every portal host has the Disaster Recovery script.
    pub(crate) fn push_script(&self) {
        let hosts: Vec<_> = self.inside().state.hosts.hosts.keys().copied().collect();
        for host in hosts {
            let sum = Sha256::of(recovery_script(&self.inside().state).as_bytes());
            self.say(&format!("installs note-push {host} 1 written /script it sum={sum}"));
        }
    }

    /// A member that was stopped on purpose a while ago.
    pub(crate) fn stopped(&self, name: &str) {
        let member = self.down(name);
        self.say(&format!("installs note-stop {member} 1"));
    }

    /// A member whose service has ended.
    pub(crate) fn down(&self, name: &str) -> ManagerId {
        let mut inside = self.inside();
        let member = inside.on(name).expect("a member");
        inside.seen.processes.remove(&member);
        let host = inside.state.hosts.named(name).unwrap().0;
        self.hosts.inside().units.remove(&(host, UnitName::MANAGER.into()));
        member
    }

    /// How the service of a host stands.
    pub(crate) fn service_of_host(&self, inside: &Inside, name: &str) -> UnitState {
        let host = inside.state.hosts.named(name).unwrap().0;
        let units = &self.hosts.inside().units;
        let unit = units.get(&(host, UnitName::MANAGER.into()));
        unit.map_or(UnitState::Stopped, |unit| unit.state)
    }

    /// A supervisor starts a process that ended again.
    pub(super) fn service_restarts(&self, inside: &Inside, member: ManagerId) {
        let Some(member) = inside.state.managers.members.get(&member) else { return };
        let Ok((host, _)) = inside.state.hosts.named(&member.profile.host) else { return };
        if let Some(unit) = self.hosts.inside().units.get_mut(&(host, UnitName::MANAGER.into())) {
            unit.pid = unit.pid.map(|pid| pid + 1);
        }
    }
}

fn running(pid: u32) -> UnitStatus {
    UnitStatus { state: UnitState::Running, pid: Some(pid), since: None, ended: String::new() }
}

impl Inside {
    /// The member that lives on the host of this name.
    fn on(&self, name: &str) -> Option<ManagerId> {
        let members = &self.state.managers.members;
        members.iter().find(|(_, member)| member.profile.host == name).map(|(id, _)| *id)
    }

    fn name_of(&self, host: HostId) -> String {
        self.state.hosts.hosts[&host].name.clone()
    }
}

impl OnHosts for FakeGroup {
    async fn service(&self, host: HostId) -> Result<UnitStatus, ActFailure> {
        Ok(self.hosts.unit(host, &UnitName::manager()).await?)
    }

    async fn order(&self, host: HostId, verb: UnitVerb) -> Result<UnitStatus, ActFailure> {
        let epoch = self.act()?.epoch;
        self.hosts.inside().epoch = epoch;
        let before = self.service(host).await?;
        let name = self.inside().name_of(host);
        if verb == UnitVerb::Start && self.inside().unsettled.contains(&name) {
            let ended = "it holds no Manager".to_owned();
            return Ok(UnitStatus { state: UnitState::Failed, pid: None, since: None, ended });
        }
        let after = self.hosts.order(host, &UnitName::manager(), verb).await?;
        let mut inside = self.inside();
        if before.pid != after.pid {
            inside.deeds.push(format!("{verb:?} {name}").to_lowercase());
        }
        if let Some(member) = inside.on(&name) {
            match after.pid {
                Some(pid) if before.pid != after.pid => {
                    inside.seen.processes.insert(member, Timestamp(u64::from(pid)));
                }
                Some(_) => {}
                None => {
                    inside.seen.processes.remove(&member);
                }
            }
        }
        Ok(after)
    }

    async fn unit(&self, host: HostId, unit: &UnitName) -> Result<UnitStatus, ActFailure> {
        Ok(self.hosts.unit(host, unit).await?)
    }

    async fn order_unit(
        &self,
        host: HostId,
        unit: &UnitName,
        verb: UnitVerb,
    ) -> Result<UnitStatus, ActFailure> {
        let epoch = self.act()?.epoch;
        self.hosts.inside().epoch = epoch;
        let before = self.hosts.unit(host, unit).await?;
        let after = self.hosts.order(host, unit, verb).await?;
        let mut inside = self.inside();
        if before.pid != after.pid {
            let name = inside.name_of(host);
            inside.deeds.push(format!("{verb:?} {unit} {name}").to_lowercase());
        }
        Ok(after)
    }

    /// As `probed` of the hosts says, whoever asks.
    async fn answers(&self, endpoint: &Endpoint) -> Result<(), String> {
        let probe = format!("{:?}", Probe::Tcp(endpoint.address.clone()));
        match self.hosts.inside().probed.get(&probe) {
            Some(found) if !found.answers => Err(found.detail.clone()),
            Some(_) | None => Ok(()),
        }
    }

    async fn run(&self, host: HostId, command: HostCommand) -> Result<Output, ActFailure> {
        let epoch = self.act()?.epoch;
        self.hosts.inside().epoch = epoch;
        let output = self.hosts.run(host, &command).await?;
        let HostCommand::Join { token, .. } = &command else { return Ok(output) };
        if output.succeeded() {
            let mut inside = self.inside();
            let invitation: Invitation = token.reveal().parse().unwrap();
            let secret = invitation.secret.reveal().to_owned();
            let digest = crate::base::Digest::of(secret.as_bytes());
            let role = inside.state.managers.join_tokens.values().find(|it| it.digest == digest);
            let (role, name) = (role.unwrap().role.as_str(), inside.name_of(host));
            let admit = format!("managers admit {secret} {role} {name} disk={secret}");
            inside.commit(command_of(&admit), None).into_result()?;
            inside.unsettled.insert(name.clone());
            drop(inside);
            // Being let in and settling down are two: the host ends what it does when who asked for it dies.
            let mut inside = self.act()?;
            inside.unsettled.remove(&name);
            inside.deeds.push(format!("join {name}"));
        }
        Ok(output)
    }

    async fn put(
        &self,
        host: HostId,
        path: RemotePath,
        program: Bytes,
    ) -> Result<FileStamp, ActFailure> {
        let epoch = self.act()?.epoch;
        self.hosts.inside().epoch = epoch;
        let key = (host, path.to_string());
        let before = self.hosts.inside().files.get(&key).cloned();
        let stamp = self.hosts.put(host, &path, Upload::of(program.clone(), 0o700)).await?;
        if before != Some(program) {
            let mut inside = self.inside();
            let name = inside.name_of(host);
            inside.deeds.push(format!("write {name}"));
        }
        Ok(stamp)
    }
}
