//! Who belongs to the group changes while everything goes on: a Manager or a witness comes on a spare host and goes
//! again; a host is put in the place of itself under a new number. By the public API and the documented verbs alone.

use std::time::Duration;

use tokio::time::sleep;

use super::operator::Operator;
use super::{Outcome, own_failure};
use crate::Failure;
use crate::cluster::Cluster;
use crate::history::History;

/// What becomes of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A Manager comes on a spare host, stays a while, and goes.
    Manager,
    /// A witness does.
    Witness,
    /// A Manager goes and its host comes back under a new number.
    Replace,
}

/// Changes who belongs to the group.
pub(super) async fn strike(
    cluster: &Cluster,
    history: &History,
    change: Change,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let operator = Operator::new(cluster, history)?;
    match change {
        Change::Manager => visit(&operator, cluster, "manager", lasts).await?,
        Change::Witness => visit(&operator, cluster, "witness", lasts).await?,
        Change::Replace => {
            for place in victims {
                let Some(manager) = cluster.at(*place) else { continue };
                operator.take_out(manager.id.get(), *place, false).await?;
                sleep(lasts).await;
                operator.let_back_in(*place).await?;
            }
        }
    }
    Ok(Outcome::Installed)
}

async fn visit(
    operator: &Operator<'_>,
    cluster: &Cluster,
    role: &str,
    lasts: Duration,
) -> Result<(), Failure> {
    let place = cluster.spare().ok_or_else(|| own_failure("there is no spare host"))?;
    let id = operator.let_in(place, role).await?;
    sleep(lasts).await;
    operator.take_out(id, place, false).await
}
