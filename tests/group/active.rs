//! One Active: elected, handed over, cut off, and never two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use kyvos_manager::base::{Code, Epoch, ManagerId};
use kyvos_manager::cluster::Draft;
use kyvos_manager::leadership::{
    Driver, HandOverFailure, Milestone, Mode, Office, Pass, Reconciler, Record, Tenure,
};
use raft_store::{Allocator, Fallocate};
use tokio::time::Instant;

use crate::long_leases::three_with_long_leases;
use crate::support::{
    Member, committed, eventually, first_member, first_member_on, greeting, leader_of, set, three,
    three_with, until,
};

/// Notes under which epochs it ran, and whether it ever ran without a valid tenure.
#[derive(Default)]
struct Witnessing {
    epochs: Mutex<Vec<Epoch>>,
    passes: AtomicU64,
}

impl Reconciler for Witnessing {
    fn name(&self) -> &'static str {
        "witnessing"
    }

    fn period(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn pass<'a>(&'a self, tenure: &'a Tenure) -> BoxFuture<'a, Pass> {
        Box::pin(async {
            let mut epochs = self.epochs.lock().unwrap();
            if epochs.last() != Some(&tenure.epoch()) {
                epochs.push(tenure.epoch());
            }
            self.passes.fetch_add(1, Ordering::SeqCst);
            Pass::Nothing
        })
    }
}

struct Led {
    driver: Driver,
    work: Arc<Witnessing>,
}

fn lead(member: &Member) -> Led {
    let work = Arc::new(Witnessing::default());
    let driver = Driver::start(member.group(), vec![work.clone()]);
    Led { driver, work }
}

fn active(office: &Office) -> Option<Epoch> {
    match office.mode() {
        Mode::Active(epoch) => Some(epoch),
        Mode::Passive | Mode::NoQuorum => None,
    }
}

async fn active_among(led: &[Led]) -> (usize, Epoch) {
    let mut found = None;
    until("one is Active", || {
        found = led
            .iter()
            .enumerate()
            .find_map(|(place, one)| active(one.driver.office()).map(|epoch| (place, epoch)));
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Every claim of every record as an interval on the one monotonic clock of this machine.
fn overlaps(records: &[Record]) -> Vec<(Epoch, Epoch)> {
    let mut claims = Vec::new();
    for (owner, record) in records.iter().enumerate() {
        let mut began = None;
        for milestone in record.milestones() {
            match milestone {
                Milestone::Began { epoch, at_ns } => began = Some((epoch, at_ns)),
                Milestone::Renewed { .. } => {}
                Milestone::Ended { epoch, at_ns, .. } => {
                    let (_, from) = began.take().unwrap();
                    claims.push((owner, epoch, from, at_ns));
                }
            }
        }
        if let Some((epoch, from)) = began {
            claims.push((owner, epoch, from, u64::MAX));
        }
    }
    let mut found = Vec::new();
    for (index, a) in claims.iter().enumerate() {
        for b in &claims[index + 1..] {
            if a.2 < b.3 && b.2 < a.3 {
                found.push((a.1, b.1));
            }
        }
    }
    found
}

async fn end(led: Vec<Led>, members: &mut [Member]) {
    for one in led {
        one.driver.shutdown().await;
    }
    for member in members.iter_mut().filter(|member| member.group.is_some()) {
        member.stop().await;
    }
}

// rows 47, 80
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_becomes_active_and_its_reconcilers_run_under_its_epoch() {
    let mut members = vec![first_member().await];
    let led = vec![lead(&members[0])];
    let (_, epoch) = active_among(&led).await;
    until("the reconciler runs", || led[0].work.passes.load(Ordering::SeqCst) > 2).await;
    assert_eq!(*led[0].work.epochs.lock().unwrap(), [epoch]);
    let tenure = members[0].group().view(|state| state.managers.tenure.clone()).unwrap();
    assert_eq!((tenure.epoch, tenure.active), (epoch, ManagerId(1)));
    end(led, &mut members).await;
}

// rows 49, 91, 95
#[tokio::test(flavor = "multi_thread")]
async fn when_the_active_dies_another_one_takes_over_and_the_log_refuses_the_old_epoch() {
    let mut members = three().await;
    let mut led: Vec<Led> = members.iter().map(lead).collect();
    let (place, epoch) = active_among(&led).await;
    // A crash: nothing is said to anybody.
    drop(led.remove(place));
    drop(members[place].group.take());
    let (_, next) = active_among(&led).await;
    assert!(next > epoch);

    let stale = members.iter().find(|member| member.group.is_some()).unwrap().group();
    let draft = Draft { fence: Some(epoch), ..Draft::own(stale.here(), greeting("stale")) };
    let refusal = stale.propose(draft).await.unwrap().answer.into_result().unwrap_err();
    assert_eq!(refusal.code, Code::StaleEpoch);
    end(led, &mut members).await;
}

// row 45
#[tokio::test(flavor = "multi_thread")]
async fn a_planned_hand_over_makes_the_chosen_one_active_without_losing_a_change() {
    let mut members = three().await;
    let led: Vec<Led> = members.iter().map(lead).collect();
    let (place, epoch) = active_among(&led).await;
    let next = (place + 1) % 3;
    let successor = members[next].group().here();
    let writer = members[(place + 2) % 3].group().clone();
    let writing = tokio::spawn(async move {
        for round in 0..40 {
            committed(&writer, greeting(&round.to_string())).await;
        }
    });

    led[place].driver.hand_over(successor).await.unwrap();
    let office = led[next].driver.office();
    until("the successor is Active", || active(office).is_some_and(|now| now > epoch)).await;
    assert_eq!(active(led[place].driver.office()), None);
    writing.await.unwrap();

    let records: Vec<Record> = led.iter().map(|one| one.driver.record().clone()).collect();
    assert_eq!(overlaps(&records), []);
    let refused = led[place].driver.hand_over(successor).await.unwrap_err();
    assert_eq!(refused, HandOverFailure::NotActive);
    end(led, &mut members).await;
}

// rows 47, 91, 94
#[tokio::test(flavor = "multi_thread")]
async fn an_active_without_its_quorum_stops_being_active_within_the_lease() {
    let mut members = three_with_long_leases().await;
    let led: Vec<Led> = members.iter().map(lead).collect();
    let (place, _) = active_among(&led).await;
    for (other, member) in members.iter_mut().enumerate() {
        if other != place {
            drop(member.group.take());
        }
    }
    let (office, alone) = (led[place].driver.office(), members[place].group());
    let (mut claimed, mut acked): (Option<Instant>, Option<Instant>) = (None, None);
    until("it knows that it has no quorum", || {
        let asked = Instant::now();
        let mode = office.mode();
        if let Mode::Active(_) = mode {
            claimed = Some(asked);
        }
        // A look that is held up takes it for longer ago: the latest of all looks is right.
        acked = acked.max(alone.standing().quorum_acked);
        mode == Mode::NoQuorum
    })
    .await;
    let lease = Duration::from_millis(alone.timers().lease_ms());
    let over = acked.map(|acked| acked + lease);
    assert!(
        claimed.is_none() || claimed < over,
        "asked at {claimed:?}, the lease ended at {over:?}"
    );
    assert!(alone.standing().leading, "Raft itself has not noticed");
    end(led, &mut members).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_goes_down_in_order_leaves_the_lead_to_another_at_once() {
    let mut members = three_with_long_leases().await;
    let mut led: Vec<Led> = members.iter().map(lead).collect();
    let (place, _) = active_among(&led).await;
    let leaving = led.remove(place);
    let here = members[place].group().here();
    leaving.driver.shutdown().await;
    // It is still there, and the others would not miss it for a minute: who leads now has the lead from it.
    until("it follows another", || {
        members[place].group().standing().leader.is_some_and(|leader| leader != here)
    })
    .await;
    members[place].stop().await;
    active_among(&led).await;
    leader_of(&members).await;
    end(led, &mut members).await;
}

/// A disk that is full when the test says so.
#[derive(Default)]
struct Disk {
    full: AtomicBool,
}

impl Allocator for Disk {
    fn reserve(&self, file: &std::fs::File, bytes: u64) -> std::io::Result<()> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(std::io::ErrorKind::StorageFull.into()),
            false => Fallocate.reserve(file, bytes),
        }
    }
}

// promise 17
#[tokio::test(flavor = "multi_thread")]
async fn the_office_leaves_a_manager_whose_disk_is_full_for_one_that_has_room() {
    let disk = Arc::new(Disk::default());
    let store = raft_store::Options {
        segment_bytes: 64 << 10,
        allocator: disk.clone(),
        ..raft_store::Options::default()
    };
    let mut members = three_with(first_member_on(store).await).await;
    let led: Vec<Led> = members.iter().map(lead).collect();
    assert_eq!(active_among(&led).await.0, 0, "its founder leads");
    disk.full.store(true, Ordering::SeqCst);
    let writer = members[1].group().clone();
    let elsewhere = || led[1..].iter().any(|one| active(one.driver.office()).is_some());
    eventually("somebody with room is Active", || async {
        // Refused, or of unknown outcome, while the office changes hands.
        let _ = set(&writer, greeting(&"x".repeat(4_000))).await;
        if elsewhere() { Ok(()) } else { Err(()) }
    })
    .await;
    committed(&writer, greeting("there is room")).await;

    // Told to lead by somebody who does not know, it passes the lead on before it is Active.
    let (place, _) = active_among(&led[1..]).await;
    let full = members[0].group().here();
    let _ = led[1 + place].driver.hand_over(full).await;
    until("somebody with room is Active again", elsewhere).await;
    committed(&writer, greeting("there still is")).await;
    let records: Vec<Record> = led.iter().map(|one| one.driver.record().clone()).collect();
    assert_eq!(overlaps(&records), []);

    disk.full.store(false, Ordering::SeqCst);
    end(led, &mut members).await;
}
