//! A checkpoint that is cut off in the middle. The victim is away until the Active no longer keeps the entries it lacks, so
//! that nothing but a checkpoint helps it; then it is let in as much as the beginning of one, and cut off again.
//!
//! How long that takes cannot be planned: a checkpoint is made when as much was written as the last one is large. So it is
//! looked for, on the pages that Managers have of themselves.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Outcome;
use super::between::Between;
use super::network::{Break, Broken, bitten, filters, set};
use crate::Failure;
use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager};
use crate::lab::Filter;

/// More than a Manager keeps behind its checkpoint on these hosts, and more than was under way when the victim was cut off.
const KEPT_BEHIND: u64 = 100;
/// How long connections are reset before nothing comes in any more.
const RESETTING: Duration = Duration::from_millis(300);
/// How long the Active may take to make a checkpoint.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(30);
/// How long nobody may be Active: where too few are left nobody will be, and no checkpoint is made.
const ACTIVE_PATIENCE: Duration = Duration::from_secs(10);
/// How long the victim may take to be sent more than the beginning of it: connections wait for seconds after a cut.
const SENDING_PATIENCE: Duration = Duration::from_secs(15);
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long a victim may take to tell how far it is: another fault may have ended its process, and one call alone may take 8 s.
const TELLING_PATIENCE: Duration = Duration::from_secs(25);
/// Part of a checkpoint. Handshakes and talk take a few kilobytes.
const BEGINNING_KIB: u32 = 48;

/// Cuts the victims off until they need a checkpoint, and once more in the middle of it, for so long.
pub(super) async fn cut(
    cluster: &Cluster,
    between: Between<'_>,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let client = |it: &Manager| Client::new(&cluster.access, it.id.clone(), &it.api_url);
    let (mut away, mut others) = (Vec::new(), Vec::new());
    let all = cluster.managers.iter().chain(&cluster.visitor).enumerate();
    for (place, manager) in all.filter(|(_, manager)| manager.id.get() > 0) {
        let side = if victims.contains(&place) { &mut away } else { &mut others };
        side.push(client(manager)?);
    }
    let broken = Broken(between);
    let filters = filters(between.sides(), Break::Checkpoint, victims);
    // What is under way would come in once the victim is let in again, before any checkpoint, and be as much.
    for place in victims {
        let resets = filters[*place].deaf_to.clone();
        between.filter(*place, &Filter { resets, ..Filter::default() })?;
    }
    sleep(RESETTING).await;
    set(between, &filters)?;
    let Some(known) = newest_known(&away).await else {
        return Ok(Outcome::Indeterminate("the victim did not tell how far it is".into()));
    };
    if !forgotten(&others, known).await {
        return Ok(Outcome::Indeterminate("the Active made no checkpoint meanwhile".into()));
    }
    for place in between.places() {
        let quota_kib = victims.contains(&place).then_some(BEGINNING_KIB);
        between.filter(place, &Filter { quota_kib, ..Filter::default() })?;
    }
    let deadline = Instant::now() + SENDING_PATIENCE;
    while between.kept_out()? == 0 && Instant::now() < deadline {
        sleep(LOOK_PERIOD).await;
    }
    let cut_midway = between.kept_out()? > 0;
    // Cut off it stays as it is, so it may be asked late: it may be on its way back.
    let all_lack_it = lack_it(&away, known).await;
    sleep(lasts).await;
    broken.mend()?;
    Ok(match cut_midway {
        true => bitten(all_lack_it, "the victim did not tell that it lacks the checkpoint"),
        false => bitten(false, "less came in than the beginning of a checkpoint"),
    })
}

/// Whether all who were away tell, in time, that they have not got a checkpoint of the Active's: whatever else may have come
/// in, it was not the whole of one.
async fn lack_it(away: &[Client], known: u64) -> bool {
    let deadline = Instant::now() + TELLING_PATIENCE;
    for client in away {
        if !page_by(client, deadline).await.is_some_and(|page| lacks_it(&page, known)) {
            return false;
        }
    }
    true
}

/// Whether a page is of one that has no more than what it had, and what was under way: with a checkpoint it would have
/// come to stand beyond that.
fn lacks_it(page: &Value, known: u64) -> bool {
    let is_behind = |field: &str| page[field].as_u64().is_none_or(|at| at <= known + KEPT_BEHIND);
    page["last_log"].is_u64() && is_behind("last_log") && is_behind("checkpoint")
}

/// The end of the longest log among those who are away; `None`: nobody told, in time.
async fn newest_known(away: &[Client]) -> Option<u64> {
    let (deadline, mut newest) = (Instant::now() + TELLING_PATIENCE, None);
    for client in away {
        let page = page_by(client, deadline).await;
        newest = newest.max(page.and_then(|page| page["last_log"].as_u64()));
    }
    newest
}

/// Waits until the Active no longer keeps what follows this entry.
async fn forgotten(others: &[Client], entry: u64) -> bool {
    let (deadline, mut active_at) = (Instant::now() + CHECKPOINT_PATIENCE, Instant::now());
    while Instant::now() < deadline && active_at.elapsed() < ACTIVE_PATIENCE {
        for client in others {
            let Some(page) = page(client).await.filter(|page| page["mode"] == "active") else {
                continue;
            };
            active_at = Instant::now();
            let checkpoint = page["checkpoint"].as_u64();
            if checkpoint.is_some_and(|checkpoint| checkpoint > entry + KEPT_BEHIND) {
                return true;
            }
        }
        sleep(LOOK_PERIOD).await;
    }
    false
}

/// What a Manager tells of itself; asked again until then.
async fn page_by(client: &Client, deadline: Instant) -> Option<Value> {
    loop {
        match page(client).await {
            None if Instant::now() < deadline => sleep(LOOK_PERIOD).await,
            told => return told,
        }
    }
}

/// What a Manager tells of itself.
pub(super) async fn page(client: &Client) -> Option<Value> {
    match client.send(Call::get(format!("/managers/{}", client.node.get()))).await {
        Reply::Done(answer) => Some(answer.body),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::lacks_it;
    use serde_json::json;

    #[test]
    fn whoever_was_cut_midway_has_no_more_than_before() {
        let page =
            |last: u64, checkpoint: u64| json!({ "last_log": last, "checkpoint": checkpoint });
        assert!(lacks_it(&page(2_000, 1_500), 2_000));
        // It made one of its own of what it had, and had taken some more changes as it was cut off.
        assert!(lacks_it(&page(2_060, 2_000), 2_000));
        assert!(lacks_it(&json!({ "last_log": 20, "checkpoint": null }), 20));
        // It has it; or tells nothing.
        assert!(!lacks_it(&page(3_100, 3_100), 2_000));
        assert!(!lacks_it(&page(2_000, 3_100), 2_000));
        assert!(!lacks_it(&json!({ "last_log": null, "checkpoint": 9 }), 20));
    }
}
