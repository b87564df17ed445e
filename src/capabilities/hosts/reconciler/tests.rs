//! Passes of the hosts' room over a group and hosts that do what the test says.

use std::time::Duration;

use super::{Memory, pass};
use crate::base::{Epoch, HostId, Revision};
use crate::capabilities::hosts::model::Reach;
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::leadership::Pass;
use crate::remote::fake::FakeHosts;

/// A group with two enrolled hosts and one whose agent is not enrolled yet.
struct Stage {
    group: FakeGroup,
    hosts: FakeHosts,
    memory: Memory,
    km4: HostId,
    km5: HostId,
    new: HostId,
}

impl Stage {
    fn new() -> Self {
        let group = FakeGroup::founded();
        let register = |name: &str| {
            group.say(&format!("hosts register {name} agent"));
            let host = HostId(group.inside().state.kernel.revision.0);
            group.say(&format!("hosts invite {host} t{host}"));
            host
        };
        let (km4, km5, new) = (register("km4"), register("km5"), register("new"));
        for host in [km4, km5] {
            group.say(&format!("hosts enrol {host} t{host} km{host}:7445"));
        }
        let hosts = FakeHosts::in_epoch(Epoch(2));
        Self { group, hosts, memory: Memory::default(), km4, km5, new }
    }

    async fn pass(&self) -> Pass {
        pass(&self.group, &self.hosts, &self.memory).await
    }

    fn seen(&self, host: HostId) -> Option<Reach> {
        let inside = self.group.inside();
        inside.state.hosts.hosts[&host].seen.as_ref().map(|seen| seen.reach.clone())
    }

    fn revision(&self) -> Revision {
        self.group.inside().state.kernel.revision
    }

    fn greetings(&self) -> usize {
        self.hosts.inside().done.len()
    }
}

fn answers() -> Option<Reach> {
    Some(Reach::Answers { version: "0.1.0".into() })
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_greets_every_host_and_only_news_is_noted() {
    let stage = Stage::new();
    assert!(matches!(stage.pass().await, Pass::Did(_)));
    assert_eq!((stage.seen(stage.km4), stage.seen(stage.km5)), (answers(), answers()));
    // To a host that is not enrolled there is no way yet.
    assert_eq!((stage.seen(stage.new), stage.greetings()), (None, 2));
    let before = stage.revision();
    assert_eq!((stage.pass().await, stage.greetings()), (Pass::Nothing, 2));
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!((stage.pass().await, stage.greetings()), (Pass::Nothing, 4));
    assert_eq!(stage.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_falls_silent_is_noted_and_so_is_its_return() {
    let stage = Stage::new();
    stage.pass().await;
    stage.hosts.inside().silent.insert(stage.km4);
    tokio::time::advance(Duration::from_secs(15)).await;
    stage.pass().await;
    let because = "no TCP connection".to_owned();
    assert_eq!(stage.seen(stage.km4), Some(Reach::Silent { because }));
    assert_eq!(stage.seen(stage.km5), answers());
    stage.hosts.inside().silent.clear();
    // Sooner than its turn would be if it had answered.
    tokio::time::advance(Duration::from_secs(5)).await;
    stage.pass().await;
    assert_eq!(stage.seen(stage.km4), answers());
}

#[tokio::test(start_paused = true)]
async fn another_tenure_greets_all_of_them_anew() {
    let stage = Stage::new();
    stage.pass().await;
    stage.group.inside().epoch = Epoch(9);
    stage.hosts.inside().epoch = Epoch(9);
    stage.pass().await;
    assert_eq!(stage.greetings(), 4);
    assert_eq!(stage.hosts.inside().gates[&stage.km4], Epoch(9));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_knows_a_later_active_ends_the_pass_and_nothing_is_noted() {
    let stage = Stage::new();
    stage.hosts.inside().gates.insert(stage.km4, Epoch(99));
    let before = stage.revision();
    assert!(matches!(stage.pass().await, Pass::Failed(_)));
    assert_eq!((stage.revision(), stage.seen(stage.km4)), (before, None));
}

#[tokio::test(start_paused = true)]
async fn who_asks_gets_a_look_at_once_also_without_news_and_only_one() {
    let stage = Stage::new();
    stage.pass().await;
    stage.group.say(&format!("hosts look {}", stage.km5));
    let asked = stage.revision();
    assert!(matches!(stage.pass().await, Pass::Did(_)));
    assert_eq!(stage.group.inside().state.hosts.hosts[&stage.km5].looked, asked);
    let greeted = stage.greetings();
    assert_eq!((stage.pass().await, stage.greetings()), (Pass::Nothing, greeted));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_reached_another_way_is_looked_at_at_once() {
    let stage = Stage::new();
    stage.pass().await;
    stage.group.say(&format!("hosts change {} transport=agent:elsewhere:7445", stage.km5));
    assert_eq!(stage.seen(stage.km5), None);
    stage.pass().await;
    assert_eq!(stage.seen(stage.km5), answers());
}
