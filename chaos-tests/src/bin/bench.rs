//! `bench`: what a fresh group of a `km` binary does per second, through the Active and through a Passive.
//!
//! Every row carries a disk sample taken just before and the clients' own processor use: on a machine that all
//! share, only ratios within one round can be compared. `system` says who was measured, so that others can stand
//! in the same table.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::Failure;
use chaos_tests::client::{Call, Client, Reply};
use chaos_tests::cluster::{Cluster, Manager, Plan};
use chaos_tests::measure::{Speed, closed_loop, flushes_per_second};
use clap::Parser;
use futures::{StreamExt, stream};
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

/// Clients in the three rounds of every measurement.
const CLIENTS: [usize; 3] = [1, 16, 64];
const VALUE_BYTES: usize = 256;
const FILL_AT_ONCE: usize = 16;
const DISK_SAMPLE: Duration = Duration::from_millis(500);

/// Measures durable writes and reads of a fresh three-Manager group
#[derive(Parser)]
struct Arguments {
    /// The binary to measure; a release build
    #[arg(long)]
    km: PathBuf,
    /// How long each row is measured
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often the whole table is measured
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// How many properties, of 256 bytes each, are written and read
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    keys: u64,
    /// Gets a line of JSON per row
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Acknowledged when a majority of disks has it.
    Write,
    Read,
    /// From this Manager's own memory, with its age.
    LocalRead,
}

/// One row.
#[derive(Debug, Serialize)]
struct Row {
    system: &'static str,
    round: u32,
    what: What,
    through: &'static str,
    clients: usize,
    #[serde(flatten)]
    speed: Speed,
    flushes_per_second: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("bench: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::doing("make a folder"))?;
    let dir = folder.path().join("cluster");
    let (km, restart_after) = (arguments.km.clone(), Duration::from_secs(1));
    let cluster = Cluster::start(&Plan { km, dir, managers: 3, restart_after }).await?;
    let rows = tokio::select! {
        rows = all_rounds(arguments, &cluster, folder.path()) => rows,
        failure = chaos_tests::interrupted() => Err(failure),
    };
    cluster.stop().await?;
    let rows = rows?;
    say(&table(&rows));
    let lines =
        rows.iter().map(|row| serde_json::to_string(row).expect("a row is plain data") + "\n");
    match &arguments.json {
        Some(path) => {
            std::fs::write(path, lines.collect::<String>()).map_err(Failure::doing(path.display()))
        }
        None => {
            lines.for_each(|line| say(line.trim_end()));
            Ok(())
        }
    }
}

async fn all_rounds(
    arguments: &Arguments,
    cluster: &Cluster,
    disk: &std::path::Path,
) -> Result<Vec<Row>, Failure> {
    let keys = arguments.keys;
    fill(cluster, keys).await?;
    let (lasts, mut rows) = (Duration::from_secs(arguments.seconds), Vec::new());
    for round in 1..=arguments.rounds {
        for what in [What::Write, What::Read, What::LocalRead] {
            for through in ["active", "passive"] {
                for clients in CLIENTS {
                    let flushes_per_second = flushes_per_second(disk, DISK_SAMPLE)?;
                    // Asked anew for every row: office may have changed hands meanwhile.
                    let manager = find(cluster, through).await?;
                    let speed = closed_loop(
                        connect(cluster, manager, clients)?,
                        lasts,
                        move |nth, turn| {
                            let turn = nth as u64 * 7_919 + turn;
                            call(what, turn % keys, turn)
                        },
                    );
                    let speed = speed.await?;
                    let system = "km";
                    rows.push(Row {
                        system,
                        round,
                        what,
                        through,
                        clients,
                        speed,
                        flushes_per_second,
                    });
                }
            }
        }
    }
    Ok(rows)
}

/// Every property exists before the first row.
async fn fill(cluster: &Cluster, keys: u64) -> Result<(), Failure> {
    let client = Client::new(&cluster.access, 0, &find(cluster, "active").await?.api_url)?;
    let writes = (0..keys).map(|key| client.send(call(What::Write, key, key)));
    let mut replies = stream::iter(writes).buffer_unordered(FILL_AT_ONCE);
    while let Some(reply) = replies.next().await {
        if !matches!(reply, Reply::Done(_)) {
            return Err(Failure(format!("a first write: {reply:?}")));
        }
    }
    Ok(())
}

fn connect(cluster: &Cluster, manager: &Manager, clients: usize) -> Result<Vec<Client>, Failure> {
    // A client each, not clones of one: a clone would share its connection.
    (0..clients).map(|_| Client::new(&cluster.access, manager.id, &manager.api_url)).collect()
}

async fn find<'a>(cluster: &'a Cluster, through: &str) -> Result<&'a Manager, Failure> {
    for manager in &cluster.managers {
        let client = Client::new(&cluster.access, manager.id, &manager.api_url)?;
        if let Reply::Done(answer) = client.send(Call::get("/cluster")).await
            && answer.body["mode_here"] == through
        {
            return Ok(manager);
        }
    }
    Err(Failure(format!("no Manager is {through}")))
}

fn call(what: What, key: u64, turn: u64) -> Call {
    let path = format!("/properties/custom/bench.{key}");
    match what {
        What::Write => {
            let value = format!("{turn:0>VALUE_BYTES$}");
            Call::change(Method::PUT, path, Some(json!({ "value": value })))
        }
        What::Read => Call::get(path),
        What::LocalRead => Call::get(path + "?consistency=local"),
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "system",
        "what",
        "through",
        "clients",
        "per s",
        "p50 µs",
        "p99 µs",
        "errors",
        "client CPU %",
        "flushes/s",
    ]);
    for Row { system, what, through, clients, speed, flushes_per_second, .. } in rows {
        table.add_row([
            (*system).to_owned(),
            format!("{what:?}"),
            (*through).to_owned(),
            clients.to_string(),
            format!("{:.0}", speed.per_second),
            speed.p50_us.to_string(),
            speed.p99_us.to_string(),
            speed.errors.to_string(),
            format!("{:.0}", speed.client_cpu),
            format!("{flushes_per_second:.0}"),
        ]);
    }
    table.to_string()
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
