//! A group whose Active watches, and what is waited for in its facts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kyvos_manager::base::Term;
use kyvos_manager::capabilities::hosts::model as hosts;
use kyvos_manager::capabilities::properties::schema::File;
use kyvos_manager::capabilities::services::model::{
    self as services, Freshness, Standing, Watch, freshness,
};
use kyvos_manager::capabilities::services::port::zookeeper::RealZookeeper;
use kyvos_manager::capabilities::services::reconciler::Services;
use kyvos_manager::cluster::Group;
use kyvos_manager::leadership::Driver;
use kyvos_manager::machine::State;

use crate::ensemble::{PATIENCE, host};
use crate::support::{Member, committed, first_member, greeting, set, setting};

/// One Manager, Active, that watches.
pub struct Stage {
    pub member: Member,
    driver: Driver,
    term: Term,
}

/// The reconciler of the services, on this member.
pub fn drive(group: &Group) -> Driver {
    let zookeeper = Arc::new(RealZookeeper::of(group.clone()));
    Driver::start(group, vec![Arc::new(Services::of(group.clone(), zookeeper))])
}

/// Tells a group where the servers of its ensemble are, and that they are to be watched.
pub async fn point(group: &Group, port: u16, servers: usize) {
    point_at(group, port, &(0..servers).map(host).collect::<Vec<_>>()).await;
}

async fn point_at(group: &Group, port: u16, servers: &[String]) {
    for name in servers {
        let register = hosts::Command::Register {
            name: name.clone(),
            roles: [hosts::HostRole::Zookeeper].into(),
            transport: hosts::Transport::Agent { address: String::new() },
        };
        committed(group, register).await;
    }
    for (name, value) in [("ZOOKEEPER_PORT", port.to_string()), ("ZK_SERVICE_WATCH", "on".into())] {
        set(group, setting(File::KyvosManager, name, &value)).await.unwrap();
    }
}

impl Stage {
    pub async fn at(port: u16, servers: usize) -> Self {
        Self::at_hosts(port, &(0..servers).map(host).collect::<Vec<_>>()).await
    }

    pub async fn at_hosts(port: u16, servers: &[String]) -> Self {
        let member = first_member().await;
        let driver = drive(member.group());
        let term = member.group().standing().term;
        let stage = Self { member, driver, term };
        point_at(stage.group(), port, servers).await;
        stage
    }

    pub fn group(&self) -> &Group {
        self.member.group()
    }

    /// The group took a write, and nobody stood for election since the beginning.
    pub async fn end(mut self) {
        set(self.member.group(), greeting("still here")).await.unwrap();
        assert_eq!(self.group().standing().term, self.term, "somebody stood for election");
        self.driver.shutdown().await;
        self.member.stop().await;
    }

    pub async fn until(&self, what: &str, so: impl Fn(&State) -> bool) -> Duration {
        until(self.group(), what, so).await
    }

    pub async fn watches(&self) {
        self.until("ZooKeeper is watched", |state| freshness(state) == Freshness::Fresh).await;
    }

    pub async fn is_away(&self) {
        self.until("ZooKeeper is away", is_away).await;
    }

    pub fn there(&self) -> Vec<String> {
        there(self.group())
    }

    pub fn watch(&self) -> Watch {
        self.group().view(|state| state.services.watch.clone()).unwrap()
    }

    pub async fn says(&self, command: services::Command) {
        committed(self.group(), command).await;
    }
}

pub async fn until(group: &Group, what: &str, so: impl Fn(&State) -> bool) -> Duration {
    let began = Instant::now();
    let mut applied = group.applied();
    loop {
        if group.view(|state| so(state)) {
            return began.elapsed();
        }
        let left = PATIENCE.saturating_sub(began.elapsed());
        let changed = tokio::time::timeout(left, applied.changed()).await;
        if changed.is_err() {
            let told = group.view(|state| format!("{:?}", state.services));
            panic!("not within {PATIENCE:?}: {what}; the facts are {told}");
        }
    }
}

pub fn there(group: &Group) -> Vec<String> {
    group.view(|state| {
        let there = state.services.sightings.iter().filter(|(_, known)| known.present);
        there.map(|(path, _)| path.clone()).collect()
    })
}

pub fn is_there(path: &str) -> impl Fn(&State) -> bool {
    let path = path.to_owned();
    move |state| state.services.sightings.get(&path).is_some_and(|known| known.present)
}

pub fn is_gone(path: &str) -> impl Fn(&State) -> bool {
    let path = path.to_owned();
    move |state| state.services.sightings.get(&path).is_none_or(|known| !known.present)
}

pub fn is_away(state: &State) -> bool {
    let watch = state.services.watch.as_ref();
    watch.is_some_and(|watch| matches!(watch.standing, Standing::Away { .. }))
}

pub fn because(state: &State) -> String {
    match state.services.watch.as_ref().map(|watch| &watch.standing) {
        Some(Standing::Away { because } | Standing::Off { because }) => because.clone(),
        Some(Standing::Watching) | None => String::new(),
    }
}
