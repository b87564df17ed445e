//! The Active watches, and nobody else. When it goes, its successor looks itself before it believes anything.

use kyvos_manager::capabilities::services::model::{Freshness, freshness};
use kyvos_manager::leadership::Mode;
use kyvos_manager::machine::State;

use crate::ensemble::{Ensemble, make};
use crate::stage::{drive, is_there, point, there, until};
use crate::support::{greeting, leader_of, set, three};

const BI1: &str = "/kyvos/bi_servers/bi1:8081";
const BI2: &str = "/kyvos/bi_servers/bi2:8081";

fn fresh(state: &State) -> bool {
    freshness(state) == Freshness::Fresh
}

/// Connections to the ensemble's one server, as this machine counts them: ours, and not the tests' own.
fn sessions(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    let ours = table.lines().filter(|line| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next() == Some(remote.as_str()) && fields.next() == Some("01")
    });
    ours.count()
}

// rows 29, 30, 32, 84
#[tokio::test(flavor = "multi_thread")]
async fn a_passive_shows_what_the_active_saw_and_takes_the_watch_over_with_the_office() {
    let mut ensemble = Ensemble::of(1).await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI1, "").await;
    drop(kyvos);
    let mut members = three().await;
    let mut drivers: Vec<_> = members.iter().map(|member| Some(drive(member.group()))).collect();
    let leader = leader_of(&members).await;
    point(members[leader].group(), ensemble.port(), 1).await;
    for member in &members {
        until(member.group(), "every Manager shows it", is_there(BI1)).await;
        until(member.group(), "and that it is so", fresh).await;
    }
    assert_eq!(sessions(ensemble.port()), 1);

    // The Active goes, while something changes.
    let (gone, epoch) = (leader, members[leader].group().view(|state| state.managers.epoch()));
    drivers[gone].take().unwrap().shutdown().await;
    members[gone].stop().await;
    let kyvos = ensemble.client().await;
    make(&kyvos, BI2, "").await;
    kyvos.delete(BI1, None).await.unwrap();
    drop(kyvos);
    for place in (0..3).filter(|place| *place != gone) {
        let group = members[place].group();
        until(group, "the successor looked", |state| {
            state.managers.epoch() > epoch && fresh(state)
        })
        .await;
        until(group, "what came meanwhile is seen", is_there(BI2)).await;
        assert_eq!(there(group), [BI2]);
    }
    assert_eq!(sessions(ensemble.port()), 1);

    // Without ZooKeeper the office changes hands as well.
    ensemble.kill(0);
    let leader = leader_of(&members).await;
    until(members[leader].group(), "it is away", crate::stage::is_away).await;
    let other = (0..3).find(|place| *place != gone && *place != leader).unwrap();
    members[gone].restart().await;
    drivers[gone] = Some(drive(members[gone].group()));
    leader_of(&members).await;
    drivers[leader].take().unwrap().shutdown().await;
    members[leader].stop().await;
    set(members[other].group(), greeting("without ZooKeeper")).await.unwrap();
    let active = || {
        let left = drivers.iter().flatten();
        left.filter(|driver| matches!(driver.office().mode(), Mode::Active(_))).count()
    };
    crate::support::until("another is Active", || active() == 1).await;
    until(members[other].group(), "what was seen is stale and still there", |state| {
        !fresh(state) && is_there(BI2)(state)
    })
    .await;
    for driver in drivers.into_iter().flatten() {
        driver.shutdown().await;
    }
    for member in members.iter_mut().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}
