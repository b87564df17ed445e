//! One run from the first process to the verdict.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Failure;
use crate::checker::{Finding, Valid};
use crate::client::Client;
use crate::cluster::{Cluster, Plan};
use crate::fault::{self, Fault, Nemesis, Planned, Tally};
use crate::finale;
use crate::history::{History, operations};
use crate::measure;
use crate::probe::{self, Sighting};
use crate::verdict::{self, Evidence, Verdict};
use crate::workload::sessions::Person;
use crate::workload::{Shared, register, requests, sessions, set, watch};

/// Clients of the registers; three on each of three Managers.
const REGISTER_CLIENTS: u64 = 9;
/// Clients of the set.
const SET_CLIENTS: u32 = 3;
/// Clients that repeat their requests.
const REQUEST_CLIENTS: u64 = 3;
/// People who sign in and out.
const VISITORS: u32 = 3;
/// How long a killed Manager may take to have a process again.
const RETURN_PATIENCE: Duration = Duration::from_secs(30);
/// How long the group is left alone before the first fault may come and after the last.
const CALM: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub km: PathBuf,
    pub duration: Duration,
    pub seed: u64,
    /// Gets the history, the result, and the Managers' own folder.
    pub out: PathBuf,
    pub managers: u16,
    /// The classes of faults.
    pub faults: Vec<Fault>,
    /// Whether the Managers get hosts of their own.
    pub lab: bool,
    /// What the faults were chosen with, to repeat the run.
    pub chosen: String,
}

/// The tasks that ask and probe, and what stops them.
struct Load {
    clients: JoinSet<()>,
    probes: JoinSet<Result<(), Failure>>,
    stop_clients: Arc<AtomicBool>,
    stop_probes: Arc<AtomicBool>,
    watchers: JoinSet<()>,
    stop_watchers: Arc<AtomicBool>,
    /// What watchers are to be told of before they stop.
    last_revision: Arc<AtomicU64>,
    sighting: Arc<Sighting>,
}

/// Runs, judges, and writes `history.jsonl` and `result.json`.
pub async fn run(settings: &Settings) -> Result<Verdict, Failure> {
    fs::create_dir_all(&settings.out).map_err(Failure::doing(settings.out.display()))?;
    let restart_after = Duration::from_secs(1);
    let (km, dir) = (settings.km.clone(), settings.out.join("cluster"));
    let plan = Plan { km, dir, managers: settings.managers, restart_after };
    let cluster = match settings.lab {
        true => Cluster::start_in_lab(&plan).await?,
        false => Cluster::start(&plan).await?,
    };
    let history = Arc::new(History::create(&settings.out.join("history.jsonl"))?);
    let plan = fault::plan(settings.seed, settings.duration, &settings.faults);
    let (starved_us, started) = (measure::starved_us(), Instant::now());
    let (mut checks, faults) = break_and_heal(settings, &cluster, &history, &plan).await?;
    let waited_us = measure::starved_us().zip(starved_us).map(|(now, then)| now - then);
    let starved_percent = waited_us.map(|us| us / 10_000 / started.elapsed().as_secs().max(1));
    let managers = cluster.managers.clone();
    cluster.record_sayings(&history)?;
    cluster.stop().await?;
    let lines = history.lines()?;
    let evidence = Evidence {
        lines: &lines,
        managers: &managers,
        plan: &plan,
        faults: &faults,
        lasted: settings.duration,
        starved_percent,
    };
    checks.extend(verdict::findings(&evidence));
    let verdict = conclude(settings, checks, &evidence);
    let path = settings.out.join("result.json");
    let text = serde_json::to_vec_pretty(&verdict).expect("a verdict is plain data");
    fs::write(&path, text).map_err(Failure::doing(path.display()))?;
    Ok(verdict)
}

async fn break_and_heal(
    settings: &Settings,
    cluster: &Cluster,
    history: &Arc<History>,
    plan: &[Planned],
) -> Result<(Vec<Finding>, Tally), Failure> {
    let clients = cluster
        .managers
        .iter()
        .map(|manager| Client::new(&cluster.access, manager.id, &manager.api_url))
        .collect::<Result<Vec<_>, _>>()?;
    let people = sessions::people(&clients[0], VISITORS).await?;
    let mut load = start(settings, cluster, history, clients.clone(), people);
    let over = Instant::now() + settings.duration;
    let nemesis = Nemesis { cluster, history, sighting: &load.sighting, stop: &load.stop_clients };
    let faults = nemesis.run(plan).await?;
    sleep_until(over).await;
    cluster.all_running(RETURN_PATIENCE).await?;
    let recovery = finale::recovery(&clients, history, &load.sighting).await;
    sleep(CALM).await;
    load.stop_clients.store(true, Ordering::Relaxed);
    while load.clients.join_next().await.is_some() {}
    load.last_revision.store(last_acknowledged(history)?, Ordering::Relaxed);
    load.stop_watchers.store(true, Ordering::Relaxed);
    while load.watchers.join_next().await.is_some() {}
    finale::read_sets(&clients, history).await;
    finale::read_pasts(&clients, history).await?;
    let convergence = finale::convergence(&clients).await;
    load.stop_probes.store(true, Ordering::Relaxed);
    while let Some(ended) = load.probes.join_next().await {
        ended.map_err(Failure::doing("probe"))??;
    }
    Ok((vec![recovery, convergence], faults))
}

fn start(
    settings: &Settings,
    cluster: &Cluster,
    history: &Arc<History>,
    clients: Vec<Client>,
    people: Vec<Person>,
) -> Load {
    let mut load = Load {
        clients: JoinSet::new(),
        probes: JoinSet::new(),
        stop_clients: Arc::default(),
        stop_probes: Arc::default(),
        watchers: JoinSet::new(),
        stop_watchers: Arc::default(),
        last_revision: Arc::default(),
        sighting: Arc::default(),
    };
    for manager in cluster.managers.clone() {
        let (history, sighting) = (history.clone(), load.sighting.clone());
        load.probes.spawn(probe::run(manager, history, sighting, load.stop_probes.clone()));
    }
    for client in clients.clone() {
        let (stop, last) = (load.stop_watchers.clone(), load.last_revision.clone());
        load.watchers.spawn(watch::run(client, history.clone(), stop, last));
    }
    let shared = Arc::new(Shared {
        history: history.clone(),
        stop: load.stop_clients.clone(),
        seed: settings.seed,
        clients,
        values: AtomicU64::new(1),
        processes: AtomicU64::new(0),
    });
    let keys = Arc::new(register::Keys::default());
    for number in 0..REGISTER_CLIENTS {
        load.clients.spawn(register::run(shared.clone(), keys.clone(), number));
    }
    for nth in 0..SET_CLIENTS {
        let number = REGISTER_CLIENTS + u64::from(nth);
        load.clients.spawn(set::run(shared.clone(), number, SET_CLIENTS, settings.duration));
    }
    let mut number = REGISTER_CLIENTS + u64::from(SET_CLIENTS);
    for _ in 0..REQUEST_CLIENTS {
        load.clients.spawn(requests::run(shared.clone(), number));
        number += 1;
    }
    for person in people {
        load.clients.spawn(sessions::run(shared.clone(), number, person));
        number += 1;
    }
    load
}

/// The newest revision that a client was told of.
fn last_acknowledged(history: &History) -> Result<u64, Failure> {
    Ok(operations(&history.lines()?)
        .iter()
        .filter_map(|operation| operation.rev)
        .max()
        .unwrap_or(0))
}

fn conclude(settings: &Settings, checks: Vec<Finding>, evidence: &Evidence<'_>) -> Verdict {
    let valid = checks.iter().fold(Valid::Yes, |valid, finding| valid.and(finding.valid));
    let Settings { seed, managers, duration, .. } = settings;
    let seconds = duration.as_secs();
    Verdict {
        valid,
        seed: *seed,
        seconds,
        managers: evidence.managers.len(),
        repeat: format!(
            "make chaos SECONDS={seconds} SEED={seed} MANAGERS={managers}{}",
            settings.chosen
        ),
        checks,
        counts: verdict::counts(evidence.lines),
        faults: evidence.faults.clone(),
        calls_per_second: verdict::rate(&operations(evidence.lines), evidence.lasted),
        failover_ms: verdict::failovers_ms(evidence.lines),
    }
}
