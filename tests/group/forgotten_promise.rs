//! A member that does not know any more how long a lease it promised (row 47).

use std::path::PathBuf;
use std::time::Duration;

use kyvos_manager::capabilities::managers::model::LEASE_MAX_MS;
use kyvos_manager::cluster::Timers;

use crate::support::{Member, three, until};

/// Long enough for a member to have announced itself several times.
const A_WHILE: Duration = Duration::from_secs(4);

fn file_of(member: &Member) -> PathBuf {
    member.dir.path().join("identity/clocks.json")
}

fn promises(member: &Member, lease_ms: u64) -> bool {
    let kept = std::fs::read_to_string(file_of(member)).unwrap();
    kept.contains(&format!("\"lease_ms\":{lease_ms}}}"))
}

fn lease_ms(member: &Member) -> u64 {
    member.group().timers().lease_ms()
}

// Its own facts tell what it announced, but they may have gone back: only with the leader's word it promises less.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_forgot_its_promise_keeps_to_the_longest_lease_until_the_group_tells_another() {
    let usual = Timers::default().lease_ms();
    let mut members = three().await;
    for member in &mut members {
        member.stop().await;
    }
    let mut forgetful = members.remove(2);
    std::fs::remove_file(file_of(&forgetful)).unwrap();

    forgetful.restart().await;
    assert_eq!(lease_ms(&forgetful), LEASE_MAX_MS);
    tokio::time::sleep(A_WHILE).await;
    assert!(promises(&forgetful, LEASE_MAX_MS), "alone it cannot know");
    // It has a file now, and is none the wiser.
    forgetful.stop().await;
    forgetful.restart().await;
    assert_eq!(lease_ms(&forgetful), LEASE_MAX_MS);

    // One of two that remember needs its vote, and does not get it.
    members[0].restart().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!members[0].group().standing().leading && promises(&forgetful, LEASE_MAX_MS));
    members[1].restart().await;
    until("it promises the usual lease", || promises(&forgetful, usual)).await;
    let over = forgetful.group().may_use_own_lease();
    tokio::time::timeout(5 * A_WHILE, over)
        .await
        .expect("it need not run with the longest any more");
    assert_eq!(lease_ms(&forgetful), LEASE_MAX_MS, "not before it is started anew");
    forgetful.stop().await;
    forgetful.restart().await;
    assert_eq!(lease_ms(&forgetful), usual);
    members.push(forgetful);
    for member in &mut members {
        member.stop().await;
    }
}
