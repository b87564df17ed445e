//! Members that cannot get the log any more get a checkpoint, and are refused nothing but what they lost.

use std::time::Duration;

use futures::StreamExt;
use kyvos_manager::capabilities::managers::model::{Command, Role};
use kyvos_manager::cluster::Group;
use kyvos_manager::machine;

use crate::support::{
    committed, first_member, greeting, join, join_any, properties_ha, seen_greeting, set, until,
};

/// Enough for a checkpoint, and for the entries before it to be purged.
const MANY: usize = 6_500;

async fn write_many(group: &Group) {
    let changes = (0..MANY).map(|round| committed(group, greeting(&round.to_string())));
    futures::stream::iter(changes).buffer_unordered(256).count().await;
}

// rows 81, 86, 93
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_away_and_a_new_one_catch_up_from_a_checkpoint() {
    let mut first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let mut second = join(first.group(), Role::Manager).await;
    let mut third = join_any(&[first.group(), second.group()], Role::Manager).await;
    third.stop().await;

    write_many(first.group()).await;
    until("a checkpoint was made", || first.group().standing().checkpoint.0 >= 5_000).await;
    let last = committed(first.group(), greeting("the end")).await.answer.revision;

    third.restart().await;
    until("the log begins later", || first.group().standing().purged.0 > 1_000).await;
    let present = [first.group(), second.group(), third.group()];
    let mut fourth = join_any(&present, Role::Manager).await;
    until("the new one got a checkpoint", || fourth.group().standing().checkpoint.0 >= 5_000).await;
    for member in [&third, &fourth] {
        until("it has everything", || *member.group().applied().borrow() >= last).await;
        assert_eq!(seen_greeting(member.group()).as_deref(), Some("the end"));
    }
    let members = [&first, &second, &third, &fourth];
    let facts =
        || members.map(|member| member.group().view(|s| (s.kernel.revision, machine::digest(s))));
    until("all have the same facts", || facts().iter().all(|one| *one == facts()[0])).await;
    for member in [&mut fourth, &mut third, &mut second, &mut first] {
        member.stop().await;
    }
}

// row 99
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_is_refused_and_disturbs_nobody() {
    let mut first = first_member().await;
    set(first.group(), properties_ha()).await.unwrap();
    let mut second = join(first.group(), Role::Manager).await;
    let removed = second.group().here();
    first.group().remove(removed).await.unwrap();
    let because = "test".to_owned();
    committed(first.group(), Command::Withdraw { manager: removed, because }).await;
    let term = first.group().standing().term;

    // It did not hear of its removal, and may stand for election as long as it likes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    committed(first.group(), greeting("undisturbed")).await;
    assert_eq!(first.group().standing().term, term);
    assert!(!second.group().standing().leading);
    let failure = set(second.group(), greeting("from outside")).await;
    assert!(failure.is_err());
    second.stop().await;
    first.stop().await;
}
