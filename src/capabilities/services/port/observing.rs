//! What judging needs of the outside: what hosts say of their units, and what Managers see of an address.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::super::model::Endpoint;
use crate::base::{HostId, ManagerId};
use crate::cluster::{Group, Looked};
use crate::remote::{Hosts, RemoteFailure, Told, UnitName, UnitStatus, Watch};

/// Whoever looks. Nothing is changed by looking.
pub trait Observe: Sync {
    /// Who asks by itself.
    fn here(&self) -> ManagerId;

    /// How units stand on a host, in their order; each may be one of which nothing can be said.
    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>>;

    /// What a Manager sees of some places, in their order; `Err`: it cannot be asked.
    fn look<'a>(
        &'a self,
        by: ManagerId,
        endpoints: &'a [Endpoint],
    ) -> BoxFuture<'a, Result<Vec<Looked>, String>>;
}

/// The real one.
pub struct Observers {
    group: Group,
    hosts: Arc<Hosts>,
}

impl Observers {
    /// The hosts and the members of a group.
    pub fn of(group: Group, hosts: Arc<Hosts>) -> Self {
        Self { group, hosts }
    }
}

impl Observe for Observers {
    fn here(&self) -> ManagerId {
        self.group.here()
    }

    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>> {
        self.hosts.units(host, units)
    }

    fn look<'a>(
        &'a self,
        by: ManagerId,
        endpoints: &'a [Endpoint],
    ) -> BoxFuture<'a, Result<Vec<Looked>, String>> {
        Box::pin(self.group.look_from(by, endpoints))
    }
}
