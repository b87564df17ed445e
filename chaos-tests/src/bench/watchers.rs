//! A thousand watchers on a thousand connections: how long until the last of them knows of a write.
//!
//! Ours follow the live events; ZooKeeper's set their watch anew each time, as its clients must.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::group::Group;
use super::link::{CALL_DEADLINE, Link, What};
use super::load::value_of;
use super::row::Row;
use crate::Failure;
use crate::measure::percentile;

const WATCHERS: usize = 1_000;
const WRITES: usize = 50;
/// Between two writes: everybody has been told by then.
const PAUSE: Duration = Duration::from_millis(60);
const WATCHED: &str = "/bench.1";

/// Of one group. Writes go to the leader, watchers are spread over all nodes.
pub async fn watched(group: &Group) -> Result<Vec<Row>, Failure> {
    let (told, mut tells) = mpsc::channel(WATCHERS * 2);
    let mut watchers = JoinSet::new();
    for nth in 0..WATCHERS {
        let link = group.connect(nth % group.size()).await?;
        watchers.spawn(watch(link, told.clone()));
    }
    drop(told);
    all_told(&mut tells).await?;
    let mut writer = group.connect(group.leader().await?).await?;
    let (mut last_us, mut acked_us) = (Vec::new(), Vec::new());
    for turn in 0..WRITES {
        sleep(PAUSE).await;
        let asked = Instant::now();
        writer.call(What::Write, 1, &value_of(turn as u64)).await?;
        acked_us.push(asked.elapsed().as_micros() as u64);
        let last = all_told(&mut tells).await?;
        last_us.push(last.saturating_duration_since(asked).as_micros() as u64);
    }
    watchers.shutdown().await;
    last_us.sort_unstable();
    acked_us.sort_unstable();
    let row = |figure: &str, sorted: &[u64], percent| {
        Row::new(group.name(), figure, percentile(sorted, percent) as f64 / 1e3, "ms")
    };
    Ok(vec![
        row("last of 1,000 watchers: p50", &last_us, 50),
        row("last of 1,000 watchers: p99", &last_us, 99),
        row("the watched write itself: p50", &acked_us, 50),
    ])
}

/// Waits until every watcher has told once more; when the last one did.
async fn all_told(
    tells: &mut mpsc::Receiver<Result<Instant, Failure>>,
) -> Result<Instant, Failure> {
    let mut last = Instant::now();
    for _ in 0..WATCHERS {
        let told = timeout(CALL_DEADLINE, tells.recv()).await;
        let told = told.map_err(|_| Failure("a watcher was not told".into()))?;
        last = last.max(told.ok_or_else(|| Failure("the watchers ended".into()))??);
    }
    Ok(last)
}

/// Tells once when it watches, and again whenever it is told.
async fn watch(mut link: Link, told: mpsc::Sender<Result<Instant, Failure>>) {
    let ended = async {
        begin(&mut link).await?;
        while told.send(Ok(Instant::now())).await.is_ok() {
            next(&mut link).await?;
        }
        Ok::<_, Failure>(())
    };
    if let Err(failure) = ended.await {
        // Nobody listens any more when the measurement is over.
        drop(told.send(Err(failure)).await);
    }
}

async fn begin(link: &mut Link) -> Result<(), Failure> {
    match link {
        Link::Https(link) => link.open_stream("/api/v1/events").await,
        Link::Jute(link) => link.get(WATCHED, true).await,
        Link::Grpc(_) => Err(Failure("etcd's watches are not measured".into())),
    }
}

async fn next(link: &mut Link) -> Result<(), Failure> {
    match link {
        Link::Https(link) => link.until_line("event: change").await,
        Link::Jute(link) => {
            link.notified().await?;
            link.get(WATCHED, true).await
        }
        Link::Grpc(_) => Err(Failure("etcd's watches are not measured".into())),
    }
}
