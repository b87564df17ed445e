//! `bench`: three Managers beside three nodes of etcd and of ZooKeeper, on one machine and under the same work.
//!
//! What is measured stands in `chaos_tests::bench`, one measure a file. Rows are added to a file of JSON lines, so
//! that a long measurement can be made in pieces and shown as one table.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::Failure;
use chaos_tests::bench::failover::{self, Event};
use chaos_tests::bench::group::{Group, System};
use chaos_tests::bench::row::{self, Row};
use chaos_tests::bench::{calm, handover, report, restarts, resting, scale, steady, watchers};
use clap::{Parser, ValueEnum};

/// Measures our Managers beside etcd and ZooKeeper
#[derive(Parser)]
struct Arguments {
    /// The binary to measure; a release build
    #[arg(long)]
    km: PathBuf,
    /// Whom to measure
    #[arg(long, value_enum, value_delimiter = ',', default_value = "km,etcd,zookeeper")]
    systems: Vec<System>,
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_value = "resting,writes,reads")]
    measures: Vec<Measure>,
    /// How long each line of work lasts
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How often writes and reads are gone through
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How often everything else is tried
    #[arg(long, default_value_t = 5)]
    trials: usize,
    /// Gets a line of JSON for each figure, behind those that are there
    #[arg(long, default_value = "target/bench.jsonl")]
    json: PathBuf,
    /// Where the servers keep their data: the disk to measure
    #[arg(long, default_value = "target")]
    disk: PathBuf,
    /// Show the table of what the file holds, and measure nothing
    #[arg(long)]
    table: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Memory and processor time while nothing is asked, before and after the keys are there
    Resting,
    Writes,
    Reads,
    /// kill -9 of the leader
    Killed,
    /// SIGSTOP of the leader
    Paused,
    /// Of ours only
    Handover,
    Restarts,
    /// Of ours and ZooKeeper only
    Watchers,
    /// Elections of ours while 256 clients write for `--seconds`
    Calm,
    /// Of ours only: 1,250 hosts and five thousand services. The group is left with them, so it comes last
    Scale,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let measured = match arguments.table {
        true => Ok(()),
        false => tokio::select! {
            measured = measure(&arguments) => measured,
            failure = chaos_tests::interrupted() => Err(failure),
        },
    };
    let shown = measured.and_then(|()| row::read(&arguments.json));
    match shown {
        Ok(rows) => {
            say(&report::tables(&rows));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&format!("bench: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Failure> {
    std::fs::create_dir_all(&arguments.disk).map_err(Failure::doing(arguments.disk.display()))?;
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in(&arguments.disk);
    let folder = folder.map_err(Failure::doing(arguments.disk.display()))?;
    let mut groups = Vec::new();
    for system in &arguments.systems {
        groups.push(Group::start(*system, &arguments.km, folder.path()).await?);
    }
    let measured = all(arguments, &mut groups, folder.path()).await;
    for group in groups {
        group.stop().await?;
    }
    measured
}

async fn all(arguments: &Arguments, groups: &mut [Group], dir: &Path) -> Result<(), Failure> {
    let keep = |rows: Vec<Row>| row::append(&arguments.json, &rows);
    let wanted = |measure| arguments.measures.contains(&measure);
    if wanted(Measure::Resting) {
        keep(resting::look(groups, "empty").await?)?;
    }
    for group in groups.iter() {
        group.fill().await?;
    }
    let lasts = Duration::from_secs(arguments.seconds);
    for round in 1..=arguments.rounds {
        if wanted(Measure::Writes) {
            say(&format!("round {round}: writes"));
            keep(steady::writes(groups, dir, lasts).await?)?;
        }
        if wanted(Measure::Reads) {
            say(&format!("round {round}: reads"));
            keep(steady::reads(groups, dir, lasts).await?)?;
        }
    }
    for measure in &arguments.measures {
        keep(tried(*measure, arguments, groups, (lasts, dir)).await?)?;
    }
    Ok(())
}

/// What is tried again and again rather than gone through in rounds.
async fn tried(
    measure: Measure,
    arguments: &Arguments,
    groups: &mut [Group],
    (lasts, dir): (Duration, &Path),
) -> Result<Vec<Row>, Failure> {
    let trials = arguments.trials;
    match measure {
        Measure::Writes | Measure::Reads => return Ok(Vec::new()),
        Measure::Resting => return resting::look(groups, "full").await,
        Measure::Killed => return failover::trials(groups, Event::Killed, trials).await,
        Measure::Paused => return failover::trials(groups, Event::Paused, trials).await,
        Measure::Restarts => return restarts::trials(groups, trials).await,
        Measure::Handover | Measure::Watchers | Measure::Calm | Measure::Scale => {}
    }
    let mut rows = Vec::new();
    for group in groups {
        rows.extend(match (measure, &group) {
            (Measure::Handover, Group::Km(_)) => handover::trials(group, trials).await?,
            (Measure::Calm, Group::Km(km)) => calm::elections(km, lasts).await?,
            (Measure::Scale, Group::Km(km)) => scale::of(group, km, &arguments.km, dir).await?,
            (Measure::Watchers, Group::Km(_) | Group::ZooKeeper(_)) => {
                watchers::watched(group).await?
            }
            _ => Vec::new(),
        });
    }
    Ok(rows)
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
