//! Choice of the services: whether to watch ZooKeeper, and which part of what is seen is news.

mod cluster;
mod discovery;
mod inventory;
mod judging;
mod recovery;
mod schedules;
mod verdict;

use std::collections::BTreeMap;

pub use self::cluster::{Cluster, ClusterState, cluster};
pub use self::discovery::{form, propose};
pub use self::inventory::{Seen, Service, inventory};
pub use self::judging::{Looked, Looks, askers, cannot_wait, due, may_judge, news};
pub use self::recovery::recoveries;
pub use self::schedules::scheduled;
pub use self::verdict::verdict;
use super::command::Command;
use super::model::{
    Access, Facts, Profile, SERVERS_MAX, Server, Sighted, Standing, TOLD_MAX, ensemble, wanted,
};
use crate::machine::{Command as Proposed, State};

/// What is to be watched, and how. A watch is for one order: another order is another watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where the servers of the ensemble are.
    pub servers: Vec<String>,
    /// How they are spoken to.
    pub access: Access,
    /// What znodes mean.
    pub profile: Profile,
}

/// What is to be watched; if nothing, why.
pub fn order(state: &State) -> Result<Order, String> {
    wanted(state)?;
    let mut servers = ensemble(state);
    if servers.is_empty() {
        return Err("No host is registered with the role zookeeper.".into());
    }
    servers.truncate(SERVERS_MAX);
    let facts = &state.services;
    Ok(Order { servers, access: facts.access(), profile: facts.profile() })
}

/// Whether the group speaks of services yet.
pub fn may_tell(state: &State) -> bool {
    let asking = Proposed::from(Command::Discover { root: String::new() });
    asking.level() <= state.kernel.level
}

/// What has to be told of the watch; `None`: it was told in this tenure.
pub fn watch_news(
    state: &State,
    standing: &Standing,
    servers: &[Server],
    troubles: &[String],
) -> Option<Command> {
    let same = state.services.watch.as_ref().is_some_and(|known| {
        known.standing == *standing
            && known.servers == servers
            && known.troubles == troubles
            && known.epoch == state.managers.epoch()
    });
    let (standing, servers, troubles) = (standing.clone(), servers.to_vec(), troubles.to_vec());
    (!same).then_some(Command::NoteWatch { standing, servers, troubles })
}

/// What has to be told of the znodes, in parts that may be told at once.
pub fn sighting_news(facts: &Facts, seen: &BTreeMap<String, Sighted>) -> Vec<Command> {
    let known = |path: &String| facts.sightings.get(path).filter(|known| known.present);
    let is_news = |path: &String, sighted: &Sighted| {
        known(path).is_none_or(|known| known.sighted != *sighted)
    };
    let there = facts.sightings.iter().filter(|(_, known)| known.present);
    let gone = there.map(|(path, _)| path).filter(|path| !seen.contains_key(*path));
    let gone: Vec<String> = gone.cloned().collect();
    let new = seen.iter().filter(|(path, sighted)| is_news(path, sighted));
    let new: Vec<_> = new.map(|(path, sighted)| (path.clone(), sighted.clone())).collect();
    // What went is told first: it makes room.
    let gone = gone.chunks(TOLD_MAX);
    let gone = gone.map(|part| Command::NoteSightings { seen: Vec::new(), gone: part.to_vec() });
    let new = new.chunks(TOLD_MAX);
    let new = new.map(|part| Command::NoteSightings { seen: part.to_vec(), gone: Vec::new() });
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests;
