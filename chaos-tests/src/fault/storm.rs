//! One checkpoint after the other: the group is flooded with changes, so that Managers freeze their facts, write them, and
//! throw away the log behind them as often as they ever do, whatever else is broken meanwhile.
//!
//! A Manager makes one when as much was written to its log as the last one is large, and in any case after twenty times
//! `store.checkpoint_after`: a thousand entries on these hosts. A checkpoint holds the history as well and has megabytes after a
//! few minutes, so it is the number of changes that counts. Values of some size make one due sooner as long as it is
//! small; being the same sign over and over they are hardly anything once packed, and neither disks nor later checkpoints grow by them.
//!
//! The properties are named like those that the harness writes at the end: of those watchers must all be told the same, and
//! nobody looks for a client that asked for it (`checker/watch.rs`). They stay, and the next storm writes over them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::Outcome;
use super::checkpoint::page;
use crate::Failure;
use crate::client::{Call, Client, Reply};
use crate::cluster::{Cluster, Manager};
use crate::history::{History, Line};
use crate::strikes::ABSENT;

/// What the names of its properties begin with.
const PREFIX: &str = "fresh.storm.";
const NAMES: u64 = 4;
/// How many connections flood, each with one call in flight.
const FLOODERS: usize = 6;
const VALUE_BYTES: usize = 200;
/// About so many changes and no more: watchers write down every value, and a long run has dozens of storms.
const CHANGES_MAX: u64 = 3_000;
/// How long it goes on where checkpoints are slow to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause after a change that was not made, so that a dead Manager is not asked in a busy loop.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// How often is looked where checkpoints stand. Managers look as often whether one is due.
const LOOK_PERIOD: Duration = Duration::from_millis(250);
/// How long one that is looked at may take to answer.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// How often the checkpoints of a majority must have moved on.
const MOVES_LEAST: u64 = 2;
/// `store.checkpoint_after` on these hosts: so many changes of the storm there must have been for each, or it was not the storm.
const ENTRIES_LEAST: u64 = 50;

/// Floods the group for so long, and until checkpoints were made again and again.
pub(super) async fn strike(
    cluster: &Cluster,
    history: &History,
    lasts: Duration,
) -> Result<Outcome, Failure> {
    if cluster.lab().is_none() {
        let why = "a checkpoint is made after a hundred times as many changes";
        return Ok(Outcome::Skipped(format!("{ABSENT}{why}")));
    }
    let client = |it: &Manager| Client::new(&cluster.access, it.id.clone(), &it.api_url);
    let lookers = cluster.managers.iter().map(client).collect::<Result<Vec<_>, _>>()?;
    let flooded = cluster.managers.iter().cycle().take(FLOODERS);
    let flooders = flooded.map(client).collect::<Result<Vec<_>, _>>()?;
    let made = Made::default();
    let seen = tokio::select! {
        seen = look(&lookers, &made, lasts) => seen,
        never = flood(&flooders, history, &made) => never,
    };
    let value = json!({
        "done": Made::count(&made.done),
        "unknown": Made::count(&made.unknown),
        "not": Made::count(&made.not),
        "checkpoints": seen.moves(),
    });
    history.record(Line::of_harness("storm", "flooded", None, value));
    Ok(seen.outcome(Made::count(&made.done)))
}

/// How many changes came to what.
#[derive(Debug, Default)]
struct Made {
    done: AtomicU64,
    unknown: AtomicU64,
    not: AtomicU64,
}

impl Made {
    fn count(changes: &AtomicU64) -> u64 {
        changes.load(Ordering::Relaxed)
    }

    /// Whether as much may have been written as a storm may write.
    fn is_enough(&self) -> bool {
        Self::count(&self.done) + Self::count(&self.unknown) >= CHANGES_MAX
    }

    fn take(&self, reply: &Reply) {
        let counter = match reply {
            Reply::Done(_) => &self.done,
            Reply::Unknown(_) => &self.unknown,
            Reply::Refused { .. } | Reply::Untried(_) => &self.not,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Changes over all connections, until there were enough; then waits to be ended.
async fn flood(flooders: &[Client], history: &History, made: &Made) -> ! {
    join_all(flooders.iter().map(|client| change_again(client, history, made))).await;
    loop {
        std::future::pending::<()>().await;
    }
}

async fn change_again(client: &Client, history: &History, made: &Made) {
    while !made.is_enough() {
        let now = history.now();
        let path = format!("/properties/custom/{PREFIX}{}", now % NAMES);
        let body = json!({ "value": format!("{now:.<VALUE_BYTES$}") });
        let reply = client.send(Call::change(Method::PUT, path, Some(body))).await;
        made.take(&reply);
        if !matches!(reply, Reply::Done(_)) {
            sleep(AFTER_REFUSAL).await;
        }
    }
}

/// Looks where the checkpoints stand, for so long at least, and until they moved on often enough or nobody waits longer.
async fn look(lookers: &[Client], made: &Made, lasts: Duration) -> Seen {
    let (begun, mut seen) = (Instant::now(), Seen::of(lookers.len()));
    loop {
        let checkpoints = join_all(lookers.iter().map(checkpoint)).await;
        for (place, checkpoint) in checkpoints.into_iter().enumerate() {
            seen.take(place, checkpoint);
        }
        let bit = seen.bit(Made::count(&made.done));
        let enough = if bit { lasts } else { lasts.max(PATIENCE) };
        if begun.elapsed() >= enough {
            return seen;
        }
        sleep(LOOK_PERIOD).await;
    }
}

/// Where a Manager says that its checkpoint stands; `None`: it says nothing.
async fn checkpoint(client: &Client) -> Option<u64> {
    timeout(LOOK_PATIENCE, page(client)).await.ok()??["checkpoint"].as_u64()
}

/// Where the checkpoint of each Manager stood at most, and how often it moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen(Vec<(Option<u64>, u64)>);

impl Seen {
    fn of(managers: usize) -> Self {
        Self(vec![(None, 0); managers])
    }

    /// One that is started anew, or came back with an empty disk, may tell less than before: that is no move.
    fn take(&mut self, place: usize, checkpoint: Option<u64>) {
        let (Some(now), Some((most, moves))) = (checkpoint, self.0.get_mut(place)) else { return };
        *moves += u64::from(most.is_some_and(|most| now > most));
        *most = (*most).max(Some(now));
    }

    fn moves(&self) -> Vec<u64> {
        self.0.iter().map(|(_, moves)| *moves).collect()
    }

    /// Whether most made checkpoints again and again, by so many changes of the storm.
    fn bit(&self, changes: u64) -> bool {
        let often = self.0.iter().filter(|(_, moves)| *moves >= MOVES_LEAST).count();
        often > self.0.len() / 2 && changes >= MOVES_LEAST * ENTRIES_LEAST
    }

    fn outcome(&self, changes: u64) -> Outcome {
        match self.bit(changes) {
            true => Outcome::Installed,
            false => Outcome::Indeterminate(format!(
                "{changes} changes, in which checkpoints moved on {:?} times",
                self.moves()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What three Managers told, one look after the other.
    fn seen(looks: &[[Option<u64>; 3]]) -> Seen {
        let mut seen = Seen::of(3);
        for look in looks {
            look.iter().enumerate().for_each(|(place, told)| seen.take(place, *told));
        }
        seen
    }

    #[test]
    fn a_storm_bites_when_most_made_two_checkpoints_by_enough_changes() {
        let two = seen(&[
            [Some(50), Some(40), None],
            [Some(1_050), Some(1_040), None],
            [Some(2_060), Some(2_100), None],
        ]);
        assert_eq!(two.moves(), [2, 2, 0]);
        assert_eq!(two.outcome(100), Outcome::Installed);
        let Outcome::Indeterminate(why) = two.outcome(99) else { panic!("clients made them") };
        assert_eq!(why, "99 changes, in which checkpoints moved on [2, 2, 0] times");
        let one = seen(&[[Some(1); 3], [Some(2), Some(1), Some(2)], [Some(3), Some(1), Some(2)]]);
        assert_eq!((one.moves(), one.bit(3_000)), (vec![2, 0, 1], false));
    }

    #[test]
    fn silence_the_first_sight_and_coming_back_with_less_are_no_checkpoints() {
        let told = [Some(10), None, Some(0), Some(10), Some(9), Some(10), Some(11)];
        let looks: Vec<_> = told.iter().map(|told| [*told, None, Some(7)]).collect();
        assert_eq!(seen(&looks).moves(), [1, 0, 0]);
    }

    #[test]
    fn what_may_have_been_written_counts_and_what_was_refused_does_not() {
        let made = Made::default();
        let refused = || Reply::Refused { status: 413, code: "TOO_LARGE".into() };
        (0..CHANGES_MAX).for_each(|_| made.take(&refused()));
        (1..CHANGES_MAX).for_each(|_| made.take(&Reply::Unknown("timeout".into())));
        assert!(!made.is_enough());
        made.take(&Reply::Unknown("timeout".into()));
        assert!(made.is_enough());
    }
}
