//! A Manager comes and goes, and whoever is Active dies at the boundaries of the steps by which the group does it: of the addition,
//! and again of the removal. Both must come to an end all the same, under whoever is Active by then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::sleep;

use super::Outcome;
use super::network::bitten;
use super::operator::Operator;
use super::steps::{Asked, LOOK_PERIOD, kill_at_boundaries};
use crate::Failure;
use crate::cluster::{Cluster, Manager};
use crate::history::History;
use crate::probe::Sighting;

/// Lets a Manager in on the spare host and takes it out again, and kills the Active at each step.
pub(super) async fn strike(
    cluster: &Cluster,
    history: &History,
    sighting: &Sighting,
) -> Result<Outcome, Failure> {
    let spare = cluster.spare().and_then(|place| Some((place, cluster.at(place)?)));
    let (place, visitor) = spare.ok_or_else(|| Failure("there is no spare host".into()))?;
    let operator = &Operator::new(cluster, history)?;
    let before = visitor.id.get();
    let (since, last) = (history.now(), AtomicU64::new(0));
    let killer = Killer { operator, cluster, history, sighting, visitor, since, last };
    let comes = operator.let_in(place, "manager");
    let (came, added) = killer.beside(comes, "/join", |id| id != before).await;
    let id = came?;
    let goes = operator.take_out(id, place, false);
    let (gone, removed) = killer.beside(goes, &format!("/managers/{id}"), |_| true).await;
    gone?;
    Ok(bitten(added? + removed? > 0, "nobody was killed at a boundary"))
}

/// What it takes to kill whoever is Active while somebody comes or goes.
struct Killer<'a> {
    operator: &'a Operator<'a>,
    cluster: &'a Cluster,
    history: &'a History,
    sighting: &'a Sighting,
    visitor: &'a Manager,
    /// Before anything was asked for.
    since: u64,
    /// The last operation that was killed at: a later one has a higher number, and who lags behind still tells of it.
    last: AtomicU64,
}

impl Killer<'_> {
    /// Lets something be done, and meanwhile kills at the boundaries of the operation that it takes. What came of the one, and
    /// how many were killed. `is_it`: whether the visitor has got the number that it is about.
    async fn beside<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
        path: &str,
        is_it: impl Fn(u64) -> bool,
    ) -> (Result<T, Failure>, Result<usize, Failure>) {
        let over = AtomicBool::new(false);
        let work = async {
            let done = work.await;
            over.store(true, Ordering::Relaxed);
            done
        };
        let kills = async {
            let Self { operator, cluster, history, sighting, .. } = self;
            let Some(id) = self.operation(&over, is_it).await else { return Ok(0) };
            let asked = Asked { path, since: self.since, id };
            kill_at_boundaries(operator, cluster, history, sighting, &asked).await
        };
        tokio::join!(work, kills)
    }

    /// The operation about the visitor; `None`: there was none to be seen until all was over.
    async fn operation(&self, over: &AtomicBool, is_it: impl Fn(u64) -> bool) -> Option<u64> {
        while !over.load(Ordering::Relaxed) {
            let id = self.visitor.id.get();
            let about = if is_it(id) { self.operator.about(id).await } else { None };
            let last = self.last.load(Ordering::Relaxed);
            if let Some(operation) = about.filter(|operation| *operation > last) {
                self.last.store(operation, Ordering::Relaxed);
                return Some(operation);
            }
            sleep(LOOK_PERIOD).await;
        }
        None
    }
}
