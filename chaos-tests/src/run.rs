//! One run from the first process to the verdict.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Client;
use crate::cluster::{Cluster, Plan};
use crate::fault::{self, Fault, Nemesis, Planned};
use crate::history::{History, Line};
use crate::lab::Variables;
use crate::pasts::Pasts;
use crate::probe::{self, Sighting};
use crate::verdict::evidence::{self, RUN};
use crate::verdict::{self, Chosen, Ended, Evidence, RATE_FLOOR, Verdict, Versions};
use crate::workload::sessions::Person;
use crate::workload::watch::Watch;
use crate::workload::{Shared, Workload, append, register, requests, sessions, set, watch};
use crate::{Failure, checker, finale, glance, measure};

/// Clients of the registers; three on each of three Managers.
const REGISTER_CLIENTS: u64 = 9;
/// Clients of the set.
const SET_CLIENTS: u32 = 3;
/// Clients of the lists; more than there are lists in use.
const APPEND_CLIENTS: u32 = 3;
/// Clients that repeat their requests.
const REQUEST_CLIENTS: u64 = 3;
/// Watchers that move from Manager to Manager.
const MOVING_WATCHERS: u64 = 2;
/// People who sign in and out.
const VISITORS: u32 = 3;
/// How long clients go on once the group is whole again: long enough for a rate.
const CALM: Duration = Duration::from_secs(3);
/// Faults take longer than planned on a slow machine; so many times longer, and the rest is left out.
const SLACK: u32 = 3;
/// How often is said how far the run is.
const PROGRESS: Duration = Duration::from_secs(10);

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub km: PathBuf,
    /// `None`: as long as it takes to have each class of faults once.
    pub duration: Option<Duration>,
    pub seed: u64,
    /// Gets the history, the result, the report, and the Managers' own folder.
    pub out: PathBuf,
    pub managers: u16,
    /// The classes of faults.
    pub faults: Vec<Fault>,
    /// How many of them at the same time, at most.
    pub overlap: usize,
    pub workloads: Vec<Workload>,
    pub terms: Terms,
    /// Whether the Managers get hosts of their own.
    pub lab: bool,
    /// What was chosen besides time, seed and Managers, to repeat the run.
    pub chosen: String,
    /// Of the sources, where somebody knows better than the folder this was built in.
    pub commit: Option<String>,
    /// The command line that repeats it, where `make chaos` does not.
    pub repeat: Option<String>,
}

impl Settings {
    /// What of it stands in the history.
    fn written(&self) -> Chosen {
        Chosen {
            seed: self.seed,
            seconds: self.duration.map(|duration| duration.as_secs()),
            managers: self.managers,
            overlap: self.overlap,
            faults: Some(evidence::names_of(&[&*self.faults, &self.terms.beside].concat())),
            workloads: evidence::names_of_workloads(&self.workloads),
            rate_floor: self.terms.rate_floor,
            zookeeper_away: self.terms.zookeeper_away,
            loopback: !self.lab,
            besides: self.chosen.clone(),
            repeat: self.repeat.clone(),
        }
    }
}

/// What makes a run a special one; by default nothing does.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What Managers on hosts of their own find in their environment besides.
    pub variables: Variables,
    /// How many times as long as usual faults last.
    pub longer: u32,
    /// Classes that come by a plan of their own, at the same time.
    pub beside: Vec<Fault>,
    /// How long is waited for the group to be whole again.
    pub patience: Duration,
    /// So many calls must be answered in a second for the run to count.
    pub rate_floor: u64,
    /// Whether the group looks for a ZooKeeper that never comes.
    pub zookeeper_away: bool,
    /// Pairs of faults that were together in runs before, by name: others come first.
    pub met: BTreeSet<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            longer: 1,
            beside: Vec::new(),
            patience: Duration::from_secs(60),
            rate_floor: RATE_FLOOR,
            zookeeper_away: false,
            met: BTreeSet::new(),
        }
    }
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

/// Runs, judges, and writes `history.jsonl`, `result.json` and `report.html`.
pub async fn run(settings: &Settings) -> Result<Verdict, Failure> {
    fs::create_dir_all(&settings.out).map_err(Failure::doing(settings.out.display()))?;
    let versions = versions(settings).await;
    let restart_after = Duration::from_secs(1);
    let (km, dir) = (settings.km.clone(), settings.out.join("cluster"));
    let Terms { variables, zookeeper_away, .. } = settings.terms.clone();
    let managers = settings.managers;
    let plan = Plan { km, dir: dir.clone(), managers, restart_after, variables, zookeeper_away };
    let cluster = match settings.lab {
        true => Cluster::start_in_lab(&plan).await?,
        false => Cluster::start_behind_proxies(&plan).await?,
    };
    let history = Arc::new(History::create(&settings.out.join("history.jsonl"))?);
    tell(&history, "began", json!({ "chosen": settings.written(), "versions": versions }));
    for (place, manager) in cluster.managers.iter().enumerate() {
        let value = json!({ "host": place + 1, "role": "manager" });
        history.record(Line::of_harness("member", "founded", Some(manager.id.get()), value));
    }
    let (starved_us, started) = (measure::starved_us(), Instant::now());
    let not_reached = break_and_heal(settings, &cluster, &history).await?;
    let waited_us = measure::starved_us().zip(starved_us).map(|(now, then)| now - then);
    let took = started.elapsed();
    let ended = Ended {
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        not_reached,
        starved_percent: waited_us.map(|us| us / 10_000 / took.as_secs().max(1)),
    };
    tell(&history, "ended", json!(ended));
    cluster.record_sayings(&history)?;
    if let Some(proxies) = cluster.proxies() {
        tell(&history, "proxies", json!(proxies.seen()));
    }
    // A group that does not end is stopped by force, and judged all the same.
    if let Err(failure) = cluster.stop().await {
        tell(&history, "gave-up", json!({ "because": failure.to_string() }));
    }
    let evidence = Evidence::from_lines(history.lines()?, evidence::papers(&dir), None)?;
    let verdict = verdict::conclude(&evidence);
    verdict::write(&settings.out, &verdict, &evidence)?;
    Ok(verdict)
}

/// Writes down what the run tells of itself.
fn tell(history: &History, f: &str, value: serde_json::Value) {
    history.record(Line::of_harness(RUN, f, None, value));
}

/// What is broken when, and how long it takes.
fn planned(settings: &Settings) -> ([Vec<Planned>; 2], Duration) {
    let Settings { seed, faults, overlap, terms, .. } = settings;
    if let Some(duration) = settings.duration {
        let main = fault::plan_after(&terms.met, *seed, duration, faults, *overlap);
        let beside = match terms.beside.is_empty() {
            true => Vec::new(),
            false => fault::plan(!seed, duration, &terms.beside, *overlap),
        };
        return ([longer(main, terms.longer), beside], duration);
    }
    let plan = fault::each_once(*seed, faults, *overlap);
    let over = plan.iter().map(|planned| planned.at + planned.lasts).max().unwrap_or_default();
    ([plan, Vec::new()], over * SLACK)
}

/// The same faults, each so many times as long.
fn longer(mut plan: Vec<Planned>, times: u32) -> Vec<Planned> {
    let mut later = Duration::ZERO;
    for planned in &mut plan {
        planned.at += later;
        later += planned.lasts * (times - 1);
        planned.lasts *= times;
    }
    plan
}

/// Everything from the first call to the last reading; how many slots of the plan were not reached. Whatever becomes of the
/// group, it comes to its end: what a group does not do any more shows in what is written down.
async fn break_and_heal(
    settings: &Settings,
    cluster: &Cluster,
    history: &Arc<History>,
) -> Result<usize, Failure> {
    let ([main, beside], duration) = planned(settings);
    let clients = cluster
        .managers
        .iter()
        .map(|manager| Client::new(&cluster.access, manager.id.clone(), &manager.api_url))
        .collect::<Result<Vec<_>, _>>()?;
    let people = sessions::people(&clients[0], VISITORS).await?;
    let mut load = start(settings, duration, cluster, history, clients.clone(), people);
    let over = Instant::now() + duration;
    let nemesis = Nemesis { cluster, history, sighting: &load.sighting, stop: &load.stop_clients };
    let breaking =
        async { tokio::try_join!(nemesis.run(&main, duration), nemesis.run(&beside, duration)) };
    let mut pasts = Pasts::of(&clients, history);
    let broken = tokio::select! {
        broken = breaking => broken,
        never = progress(duration, history, &load.sighting) => never,
        never = pasts.read_what_is_left() => never,
    };
    let not_reached = match broken {
        Ok((faults, more)) => faults.not_reached + more.not_reached,
        Err(failure) => {
            tell(history, "gave-up", json!({ "because": failure.to_string() }));
            0
        }
    };
    // From the last fault on, not from the end of the run.
    let patience = settings.terms.patience;
    finale::recovery(cluster, history, &load.sighting, patience).await;
    if settings.duration.is_some() {
        sleep_until(over).await;
    }
    sleep(CALM).await;
    load.stop_clients.store(true, Ordering::Relaxed);
    while load.clients.join_next().await.is_some() {}
    history.record(Line::of_harness("final", "quiet", None, serde_json::Value::Null));
    let owed = checker::watch::last_owed(&checker::lists::with_lists(&history.lines()?));
    load.last_revision.store(owed, Ordering::Relaxed);
    load.stop_watchers.store(true, Ordering::Relaxed);
    let meeting = finale::convergence(&clients, history, owed, patience);
    let others = async {
        while load.watchers.join_next().await.is_some() {}
        finale::read_operations(&clients, history).await;
        finale::read_properties(&clients, history).await;
        pasts.read_the_rest().await;
        finale::read_members(&clients, history).await;
        if settings.terms.zookeeper_away {
            finale::read_zookeeper(&clients, history).await;
        }
    };
    tokio::join!(meeting, others);
    load.stop_probes.store(true, Ordering::Relaxed);
    while let Some(ended) = load.probes.join_next().await {
        ended.map_err(Failure::doing("probe"))??;
    }
    Ok(not_reached)
}

/// Says now and then how far the run is, for ever.
async fn progress(duration: Duration, history: &History, sighting: &Sighting) -> ! {
    let (started, all) = (Instant::now(), duration.as_secs());
    loop {
        sleep(PROGRESS).await;
        let active = match sighting.active(history.now()) {
            Some(active) => format!("Manager {active} is Active"),
            None => "nobody is seen to be Active".to_owned(),
        };
        let (seconds, lines) = (started.elapsed().as_secs(), history.len());
        // A closed pipe is no reason to end.
        let _ = writeln!(
            std::io::stdout(),
            "chaos: {seconds} of {all} s, {lines} lines of history, {active}"
        );
    }
}

fn start(
    settings: &Settings,
    duration: Duration,
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
    for manager in cluster.managers.iter().chain(&cluster.visitor).cloned() {
        let (history, sighting) = (history.clone(), load.sighting.clone());
        load.probes.spawn(probe::run(manager, history, sighting, load.stop_probes.clone()));
    }
    let does = |workload: Workload| settings.workloads.contains(&workload);
    for watch in watches(settings.seed, &clients).into_iter().filter(|_| does(Workload::Watch)) {
        let (stop, last) = (load.stop_watchers.clone(), load.last_revision.clone());
        load.watchers.spawn(watch::run(watch, history.clone(), stop, last));
    }
    // Who is on the spare host is looked at as well. Where no client can be made for it there would be none for anybody.
    let visitor = cluster.visitor.iter();
    let visitor = visitor.map(|it| Client::new(&cluster.access, it.id.clone(), &it.api_url));
    for client in clients.iter().cloned().chain(visitor.filter_map(Result::ok)) {
        let (history, stop) = (history.clone(), load.stop_clients.clone());
        load.clients.spawn(glance::run(client, history, stop));
    }
    let shared = Arc::new(Shared {
        history: history.clone(),
        stop: load.stop_clients.clone(),
        seed: settings.seed,
        clients,
        values: AtomicU64::new(1),
        processes: AtomicU64::new(0),
        requests: AtomicU64::new(0),
    });
    let mut numbers = 0..;
    let mut number = || numbers.next().expect("it has no end");
    if does(Workload::Register) {
        let keys = Arc::new(register::Keys::default());
        for _ in 0..REGISTER_CLIENTS {
            load.clients.spawn(register::run(shared.clone(), keys.clone(), number()));
        }
    }
    for _ in (0..SET_CLIENTS).filter(|_| does(Workload::Set)) {
        load.clients.spawn(set::run(shared.clone(), number(), SET_CLIENTS, duration));
    }
    for _ in (0..REQUEST_CLIENTS).filter(|_| does(Workload::Requests)) {
        load.clients.spawn(requests::run(shared.clone(), number()));
    }
    for person in people.into_iter().filter(|_| does(Workload::Sessions)) {
        load.clients.spawn(sessions::run(shared.clone(), number(), person));
    }
    if does(Workload::Append) {
        let lists = Arc::new(append::Lists::default());
        for _ in 0..APPEND_CLIENTS {
            let (shared, lists) = (shared.clone(), lists.clone());
            load.clients.spawn(append::run(shared, lists, number(), APPEND_CLIENTS, duration));
        }
    }
    load
}

/// One watcher that stays with each Manager, and some that move.
fn watches(seed: u64, clients: &[Client]) -> Vec<Watch> {
    let stays = clients.iter().enumerate().map(|(place, client)| {
        let name = format!("watcher at host {}", place + 1);
        Watch { name, clients: vec![client.clone()], seed }
    });
    let moves = (1..=MOVING_WATCHERS).map(|nth| {
        let name = format!("moving watcher {nth}");
        Watch { name, clients: clients.to_vec(), seed: seed.wrapping_add(nth) }
    });
    stays.chain(moves).collect()
}

/// What is run on what, as far as it can be known; asked before anything is broken, so that it is what was run.
async fn versions(settings: &Settings) -> Versions {
    let km = settings.km.display().to_string();
    let sum = crate::lab::said(&["sha256sum", &km]).await;
    Versions {
        km_sha256: sum.split(' ').next().unwrap_or_default().trim_start_matches('\\').to_owned(),
        km: crate::lab::said(&[&km, "--version"]).await,
        commit: match &settings.commit {
            Some(commit) => commit.clone(),
            None => commit().await,
        },
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
    }
}

/// Of the sources this program was built from; empty where they are gone. `-dirty`: they are not as they were committed.
pub async fn commit() -> String {
    let sources = env!("CARGO_MANIFEST_DIR");
    crate::lab::said(&[
        "git",
        "-C",
        sources,
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ])
    .await
}
