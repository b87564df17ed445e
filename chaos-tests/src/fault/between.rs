//! What stands between the hosts: a network of their own, or on loopback a proxy in front of each Manager. Both do the
//! same to what passes; a proxy cannot do everything.

use super::network::{Break, Sides};
use crate::Failure;
use crate::cluster::Cluster;
use crate::lab::{Filter, Lab};
use crate::proxy::Proxies;

/// Where the network between Managers can be broken.
#[derive(Clone, Copy)]
pub(super) enum Between<'a> {
    Network(&'a Lab),
    Proxies(&'a Proxies),
}

impl<'a> Between<'a> {
    /// Of a group; `None`: nothing stands there.
    pub(super) fn of(cluster: &'a Cluster) -> Option<Self> {
        let lab = cluster.lab().map(Self::Network);
        lab.or_else(|| cluster.proxies().map(Self::Proxies))
    }

    /// Why the network cannot be broken so; `None` when it can.
    pub(super) fn lacks(self, way: Break) -> Option<&'static str> {
        match (self, way) {
            (Self::Network(_), _) => None,
            (Self::Proxies(_), Break::Cable) => Some("there is no cable that clients use as well"),
            (Self::Proxies(_), Break::Loss | Break::Disorder | Break::Twice) => {
                Some("a proxy carries bytes of connections, not packets")
            }
            (Self::Proxies(_), _) => None,
        }
    }

    /// How many members a run begins with.
    pub(super) fn members(self) -> usize {
        match self {
            Self::Network(lab) => lab.members,
            Self::Proxies(proxies) => proxies.hosts(),
        }
    }

    /// Who can be cut off from whom.
    pub(super) fn sides(self) -> Sides {
        Sides { members: self.members(), hosts: self.places().len() }
    }

    /// The places of all hosts, a spare one's too.
    pub(super) fn places(self) -> std::ops::Range<usize> {
        match self {
            Self::Network(lab) => 0..lab.hosts.len(),
            Self::Proxies(proxies) => 0..proxies.hosts(),
        }
    }

    /// Makes a host let in what this filter lets in, from now on.
    pub(super) fn filter(self, place: usize, filter: &Filter) -> Result<(), Failure> {
        match self {
            Self::Network(lab) => lab.network.filter(place, filter),
            Self::Proxies(proxies) => {
                proxies.filter(place, filter);
                Ok(())
            }
        }
    }

    /// Nothing is kept from a host any more. Its cable stays as it is: its power may be gone.
    pub(super) fn mend(self, place: usize) -> Result<(), Failure> {
        self.filter(place, &Filter::default())
    }

    /// How much was kept out of all hosts since their filters were set: packets, or connections and pieces of them.
    pub(super) fn kept_out(self) -> Result<u64, Failure> {
        let of = |place: usize| match self {
            Self::Network(lab) => lab.network.kept_out(place),
            Self::Proxies(proxies) => Ok(proxies.kept_out(place)),
        };
        self.places().map(of).sum()
    }

    /// Makes what a host sends slow; `None` lifts it.
    pub(super) fn throttle(self, place: usize, kilobits: Option<u32>) -> Result<(), Failure> {
        match self {
            Self::Network(lab) => lab.network.throttle(place, kilobits),
            Self::Proxies(proxies) => {
                proxies.throttle(place, kilobits);
                Ok(())
            }
        }
    }

    /// How often a throttled host had to wait before it could send.
    pub(super) fn held_up(self, place: usize) -> Result<u64, Failure> {
        match self {
            Self::Network(lab) => lab.network.held_up(place),
            Self::Proxies(proxies) => Ok(proxies.held_up(place)),
        }
    }
}
