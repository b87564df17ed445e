//! Passes of the hosts' room over a group and hosts that do what the test says.

use std::time::Duration;

use super::{AT_ONCE, Memory, pass};
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
        let (km4, km5, new) =
            (invited(&group, "km4"), invited(&group, "km5"), invited(&group, "new"));
        [km4, km5].into_iter().for_each(|host| enrols(&group, host));
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

fn invited(group: &FakeGroup, name: &str) -> HostId {
    group.say(&format!("hosts register {name} agent"));
    let host = HostId(group.inside().state.kernel.revision.0);
    group.say(&format!("hosts invite {host} t{host}"));
    host
}

fn enrols(group: &FakeGroup, host: HostId) {
    group.say(&format!("hosts enrol {host} t{host} km{host}:7445"));
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
async fn hosts_that_know_a_later_active_end_the_pass_and_nothing_is_noted() {
    let stage = Stage::new();
    // Both of them: they are greeted at the same time.
    stage.hosts.inside().gates.extend([stage.km4, stage.km5].map(|host| (host, Epoch(99))));
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

// issue 6: no thundering herd, neither when an Active begins nor later
#[tokio::test(start_paused = true)]
async fn of_very_many_hosts_a_few_are_greeted_at_a_time_each_once_and_later_each_in_its_turn() {
    const MANY: usize = 990;
    let stage = Stage::new();
    for n in 2..MANY {
        let host = invited(&stage.group, &format!("many{n}"));
        enrols(&stage.group, host);
    }
    for epoch in [2, 9] {
        stage.group.inside().epoch = Epoch(epoch);
        stage.hosts.inside().epoch = Epoch(epoch);
        stage.hosts.inside().done.clear();
        stage.pass().await;
        assert_eq!(stage.greetings(), MANY, "the tenure of {epoch} greets each of them once");
        assert_eq!(stage.hosts.inside().greeting_most, AT_ONCE);
        stage.pass().await;
        assert_eq!(stage.greetings(), MANY, "nobody is greeted again before its turn");
    }
    let (mut most, mut before) = (0, MANY);
    for _ in 0..120 {
        tokio::time::advance(Duration::from_secs(1)).await;
        stage.pass().await;
        most = most.max(stage.greetings() - before);
        before = stage.greetings();
    }
    assert!(before >= 5 * MANY, "in two minutes {before}");
    assert!(most <= MANY / 4, "in one second {most}");
    assert_eq!(stage.hosts.inside().greeting_most, AT_ONCE);
}
