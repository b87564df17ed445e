//! How long nobody acknowledges a write after the leader is killed, or stands still.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::group::{Door, Group};
use super::link::{Link, What};
use super::load::value_of;
use super::nodes::START_PATIENCE;
use super::row::Row;
use crate::Failure;

/// Quiet between two trials: every lease and session timer has started over by then.
const SETTLE: Duration = Duration::from_millis(2_500);
/// Longest time one write is waited for before it is made again.
const ATTEMPT: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(2);

/// What happens to the leader.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The process is killed; its host lives.
    Killed,
    /// The process stands still, as on a host that hangs.
    Paused,
}

/// One trial after the other, of all groups in turn.
pub async fn trials(groups: &mut [Group], event: Event, count: usize) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for trial in 0..count {
        for group in groups.iter_mut() {
            let took = one(group, event, trial as u64).await;
            let took = took.map_err(Failure::doing(format!("{}: {event:?}", group.name())))?;
            let figure = match event {
                Event::Killed => "first write after kill -9 of the leader",
                Event::Paused => "first write after SIGSTOP of the leader",
            };
            rows.push(Row::new(group.name(), figure, took.as_secs_f64() * 1e3, "ms"));
        }
    }
    Ok(rows)
}

async fn one(group: &mut Group, event: Event, trial: u64) -> Result<Duration, Failure> {
    group.whole().await?;
    sleep(SETTLE).await;
    let leader = group.leader().await?;
    let mut writers = JoinSet::new();
    let (go, _) = tokio::sync::broadcast::channel::<Instant>(1);
    for nth in (0..group.size()).filter(|nth| *nth != leader) {
        let (door, address) = (group.door()?, group.address(nth)?);
        let mut link = door.connect(address).await?;
        link.call(What::Write, nth as u64, &value_of(trial)).await?;
        let mut begin = go.subscribe();
        writers.spawn(async move {
            let since = begin.recv().await.map_err(Failure::doing("begin"))?;
            first_write(&door, address, Some(link), since).await
        });
    }
    let signal = match event {
        Event::Killed => Signal::KILL,
        Event::Paused => Signal::STOP,
    };
    let since = Instant::now();
    group.signal(leader, signal)?;
    go.send(since).map_err(Failure::doing("begin"))?;
    let first = timeout(START_PATIENCE, writers.join_next()).await;
    writers.shutdown().await;
    match event {
        Event::Killed => group.start_again(leader).await?,
        Event::Paused => group.signal(leader, Signal::CONT)?,
    }
    let first = first.map_err(|_| Failure("nobody took over".into()))?;
    first.expect("there are writers").map_err(Failure::doing("write"))?
}

/// Writes through one survivor until it is acknowledged.
async fn first_write(
    door: &Door,
    address: SocketAddr,
    mut link: Option<Link>,
    since: Instant,
) -> Result<Duration, Failure> {
    for turn in 0.. {
        let attempt = async {
            let mut open = match link.take() {
                Some(open) => open,
                None => door.connect(address).await?,
            };
            open.call(What::Write, turn, &value_of(turn)).await
        };
        if let Ok(Ok(())) = timeout(ATTEMPT, attempt).await {
            break;
        }
        sleep(RETRY).await;
    }
    Ok(since.elapsed())
}
