//! What a run is about: which hosts, with which tool, and where things are to be found.

use crate::base::{HostId, ManagerId};
use crate::capabilities::hosts::model::HostRole;
use crate::capabilities::managers::model::Role;
use crate::capabilities::prechecks::model::Scope;
use crate::capabilities::properties::schema::{
    DEPLOYMENT, File, LOAD_BALANCER_URL, REPOSITORY_DATABASE, REPOSITORY_HOST, REPOSITORY_PORT,
    REPOSITORY_USER, SNAPSHOT_LOCATION,
};
use crate::capabilities::services::model as services;
use crate::machine::State;

use super::Question;

/// The command line tool of a deployment (rows 15, 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Hadoop's, on premises.
    Hdfs,
    /// Amazon's.
    Aws,
    /// Microsoft's.
    Azcopy,
    /// Google's.
    Gsutil,
}

impl Tool {
    /// The command's name.
    pub fn command(self) -> &'static str {
        match self {
            Self::Hdfs => "hdfs",
            Self::Aws => "aws",
            Self::Azcopy => "azcopy",
            Self::Gsutil => "gsutil",
        }
    }
}

/// The facts, seen by the prechecks.
pub(super) struct Site<'s> {
    pub(super) state: &'s State,
    pub(super) scope: &'s Scope,
}

/// A host on which a Manager is or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'s> {
    pub(super) name: &'s str,
    /// `None`: nobody registered it.
    pub(super) id: Option<HostId>,
    /// The member that lives there.
    pub(super) member: Option<(ManagerId, Role)>,
}

impl Place<'_> {
    /// A witness needs nothing but the network.
    pub(super) fn is_witness(&self) -> bool {
        matches!(self.member, Some((_, Role::Witness)))
    }
}

impl<'s> Site<'s> {
    pub(super) fn of(state: &'s State, scope: &'s Scope) -> Self {
        Self { state, scope }
    }

    fn setting(&self, name: &str) -> &'s str {
        self.state.properties.value(File::KyvosManager, name).unwrap_or_default()
    }

    pub(super) fn tool(&self) -> Tool {
        match self.setting(DEPLOYMENT) {
            "aws" => Tool::Aws,
            "azure" => Tool::Azcopy,
            "gcp" => Tool::Gsutil,
            _ => Tool::Hdfs,
        }
    }

    pub(super) fn in_a_cloud(&self) -> bool {
        self.tool() != Tool::Hdfs
    }

    /// Where snapshots go; `None` when nobody said.
    pub(super) fn location(&self) -> Option<&'s str> {
        Some(self.setting(SNAPSHOT_LOCATION)).filter(|location| !location.is_empty())
    }

    pub(super) fn load_balancer(&self) -> Option<&'s str> {
        Some(self.setting(LOAD_BALANCER_URL)).filter(|url| !url.is_empty())
    }

    /// Whether ZooKeeper may be connected to at all (A8).
    pub(super) fn watches_zookeeper(&self) -> bool {
        self.state.properties.zookeeper_watched()
    }

    /// Where ZooKeeper's servers listen.
    pub(super) fn zookeepers(&self) -> Vec<String> {
        services::ensemble(self.state)
    }

    /// Who signs in at the repository, and at which database; `None`: nobody said.
    pub(super) fn login(&self) -> Option<(&'s str, &'s str)> {
        let user = Some(self.setting(REPOSITORY_USER)).filter(|user| !user.is_empty())?;
        Some((user, self.setting(REPOSITORY_DATABASE)))
    }

    /// Where the repository listens: where it was said to be, else on the hosts that run the bundled one.
    pub(super) fn repositories(&self) -> Vec<String> {
        let port = self.setting(REPOSITORY_PORT);
        match self.setting(REPOSITORY_HOST) {
            "" => self.addresses(HostRole::Postgres, port),
            host => vec![format!("{host}:{port}")],
        }
    }

    fn addresses(&self, role: HostRole, port: &str) -> Vec<String> {
        let hosts = self.state.hosts.with_role(role);
        hosts.map(|(_, host)| format!("{}:{port}", host.name)).collect()
    }

    /// The registered hosts the run is about.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostId> {
        let hosts = self.state.hosts.hosts.iter();
        let reference = self.reference().and_then(|place| place.id);
        let wanted = move |id: HostId, name: &str| self.scope.holds(name) || reference == Some(id);
        hosts.filter(move |(id, host)| wanted(**id, &host.name)).map(|(id, _)| *id)
    }

    /// The question that tells whether a host answers.
    pub(super) fn find(&self, host: HostId) -> Question {
        Question::Find { host, tool: self.tool() }
    }

    /// Where Managers are, where they may be, and what was asked about by name.
    pub(super) fn places(&self) -> Vec<Place<'s>> {
        let registered = self.state.hosts.hosts.iter().map(|(id, host)| {
            let place = self.place(&host.name, Some(*id));
            let may_be = host.roles.contains(&HostRole::WebPortal) || self.is_asked(&host.name);
            (place, place.member.is_some() || may_be)
        });
        let registered = registered.filter(|(_, wanted)| *wanted).map(|(place, _)| place);
        let members = self.state.managers.members.values();
        let members = members.map(|member| self.place(&member.profile.host, None));
        let strange = members.filter(|place| self.state.hosts.named(place.name).is_err());
        let mut places: Vec<_> = registered.chain(strange).collect();
        places.retain(|place| self.scope.holds(place.name));
        places.sort_by_key(|place| place.name);
        places.dedup_by_key(|place| place.name);
        places
    }

    /// The first Manager's host: the one the others are compared with (row 20).
    pub(super) fn reference(&self) -> Option<Place<'s>> {
        let mut members = self.state.managers.members.values();
        let first = members.find(|member| member.role == Role::Manager)?;
        let name = &first.profile.host;
        Some(self.place(name, self.state.hosts.named(name).ok().map(|(id, _)| id)))
    }

    fn place(&self, name: &'s str, id: Option<HostId>) -> Place<'s> {
        let mut members = self.state.managers.members.iter();
        let lives = members.find(|(_, member)| member.profile.host == name);
        Place { name, id, member: lives.map(|(id, member)| (*id, member.role)) }
    }

    fn is_asked(&self, name: &str) -> bool {
        self.scope.hosts.contains(name)
    }
}
