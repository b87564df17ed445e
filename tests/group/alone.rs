//! A group of one member: everything of a larger one is there from the first boot.

use kyvos_manager::base::{ManagerId, RequestId};
use kyvos_manager::cluster::{Consistency, Draft, Home, HomeFailure};

use crate::support::{HOLD, Member, committed, first_member, greeting, seen_greeting};

// rows 68, 76
#[tokio::test(flavor = "multi_thread")]
async fn a_first_member_alone_commits_reads_and_survives_a_restart() {
    let mut member = first_member().await;
    let settled = committed(member.group(), greeting("hello")).await;
    assert_eq!(settled.committed_by, ManagerId(1));
    let stamp = member.group().settle(Consistency::Linearizable).await.unwrap();
    assert!(stamp.revision >= settled.answer.revision);

    member.stop().await;
    member.restart().await;

    member.group().settle(Consistency::Linearizable).await.unwrap();
    assert_eq!(seen_greeting(member.group()).as_deref(), Some("hello"));
    member.stop().await;
}

// row 96
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_first_answer() {
    let mut member = first_member().await;
    let here = member.group().here();
    let draft = Draft {
        request: Some(RequestId::new("key-1").unwrap()),
        ..Draft::own(here, greeting("hello"))
    };
    let first = member.group().propose(draft.clone()).await.unwrap();
    let again = member.group().propose(draft).await.unwrap();
    assert_eq!(again.answer.revision, first.answer.revision);
    assert!(again.answer.repeated);
    member.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_is_founded_once() {
    let (member, _listener) =
        Member::new(kyvos_manager::capabilities::managers::model::Role::Manager).await;
    member.home().found("test", &[]).unwrap();
    let again = member.home().found("test", &[]).unwrap_err();
    assert!(matches!(again, HomeFailure::Occupied(_)));
    assert!(matches!(member.home().ask_to_join().unwrap_err(), HomeFailure::Occupied(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_disk_does_not_come_back_under_its_old_number() {
    let mut member = first_member().await;
    member.stop().await;
    std::fs::remove_dir_all(member.dir.path().join("store")).unwrap();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let seat = kyvos_manager::cluster::Seat {
        home: Home::at(member.dir.path()),
        role: member.role,
        profile: member.profile(),
        listener,
        hold: HOLD,
        store: raft_store::Options::default(),
        thresholds: kyvos_manager::cluster::Thresholds::default(),
    };
    let refused = kyvos_manager::cluster::Group::start(seat).await.err().unwrap().to_string();
    assert!(refused.contains("km join"), "{refused}");
    assert!(!member.dir.path().join("store").exists());
}
