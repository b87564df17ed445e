//! `chaos`: one run against a `km` binary, or with `judge` the judgement of a run that was kept; exit 0 passed, 1 failed,
//! 2 unknown or could not run. Of what kind the doubts are that leave it unknown stands in `result.json`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::Failure;
use chaos_tests::fault::Fault;
use chaos_tests::lab::{self, Lab};
use chaos_tests::run::{Settings, Terms, commit, run};
use chaos_tests::verdict::{FAILED, UNKNOWN, Verdict, judge};
use chaos_tests::workload::Workload;
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::Value;

/// The longest run there is: its history is read as a whole.
const DAY_S: u64 = 24 * 3600;

/// Breaks a real group of Managers and judges what its clients saw
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// The binary under test
    #[arg(long, required_unless_present = "list")]
    km: Option<PathBuf>,
    /// How long faults go on
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=DAY_S))]
    seconds: u64,
    /// Each class of faults once, however long it takes, instead of so many seconds
    #[arg(long, conflicts_with = "seconds")]
    each_once: bool,
    /// Decides all that is random; drawn and printed when not given
    #[arg(long)]
    seed: Option<u64>,
    /// Where history.jsonl, result.json and the Managers' folder go
    #[arg(long, default_value = "target/chaos")]
    out: PathBuf,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(3..=9))]
    managers: u16,
    /// Only classes of faults whose names begin so, such as power-cut or kill-active; may be given several times. The
    /// run counts when each of them came up
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// How many faults at the same time, at most
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    overlap: u8,
    /// What clients do; all of it when not given
    #[arg(long, value_delimiter = ',', value_enum)]
    workload: Vec<Workload>,
    /// No hosts of their own: all Managers on loopback behind proxies, and what needs hosts is skipped
    #[arg(long)]
    loopback: bool,
    /// The group looks for a ZooKeeper that never comes
    #[arg(long, conflicts_with = "loopback")]
    zookeeper_away: bool,
    /// Go on with the pairs of faults that these kept runs left over; may be given several times
    #[arg(long, value_delimiter = ',', value_name = "DIR", conflicts_with = "each_once")]
    after: Vec<PathBuf>,
    /// The commit of the sources, where the folder this was built in does not tell it
    #[arg(long)]
    commit: Option<String>,
    /// List the classes of faults and end
    #[arg(long)]
    list: bool,
}

/// What else there is to do
#[derive(Subcommand)]
enum Instead {
    /// Judge kept runs anew: result.json and report.html are written again, what was said before stays as result.before.json
    Judge {
        /// Folders with history.jsonl, result.json and cluster/
        #[arg(required = true)]
        runs: Vec<PathBuf>,
    },
    /// Tell why no hosts of their own can be made here; nothing when they can
    Hosts,
    /// Remove what runs on hosts of their own left that were killed; each such run does so first
    Sweep,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.instead {
        Some(Instead::Judge { runs }) => return judge_all(runs).await,
        Some(Instead::Hosts) => {
            Lab::missing().iter().for_each(|why| say(why));
            return ExitCode::SUCCESS;
        }
        Some(Instead::Sweep) => {
            lab::sweep();
            return ExitCode::SUCCESS;
        }
        None => {}
    }
    let missing = if arguments.loopback { Some("asked for".to_owned()) } else { Lab::missing() };
    if missing.is_none()
        && !arguments.list
        && let Err(failure) = lab::enter()
    {
        say(&format!("chaos: unknown: {failure}"));
        return ExitCode::from(UNKNOWN);
    }
    let chosen = chosen(&arguments, missing.is_some());
    let met = match met(&arguments.after) {
        Ok(met) => met,
        Err(failure) => {
            say(&format!(
                "chaos: {failure}; --after takes folders of runs that ended and did not fail"
            ));
            return ExitCode::from(UNKNOWN);
        }
    };
    let Arguments {
        km, seconds, each_once, seed, out, managers, faults, overlap, workload, ..
    } = arguments;
    let Arguments { zookeeper_away, list, commit, .. } = arguments;
    let workloads = if workload.is_empty() { Workload::ALL.to_vec() } else { workload };
    let classes = Fault::chosen(&faults);
    if list {
        classes.iter().for_each(|class| say(&class.name()));
        return ExitCode::SUCCESS;
    }
    if classes.is_empty() {
        say("chaos: no class of faults is called so; --list shows them all");
        return ExitCode::from(UNKNOWN);
    }
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let out = out.join(seed.to_string());
    let long = if each_once { "each fault once".to_owned() } else { format!("{seconds} s") };
    say(&format!("chaos: seed {seed}, {long}, {managers} Managers, into {}", out.display()));
    if out.exists() {
        say("chaos: that folder exists already: choose another --out, or remove it");
        return ExitCode::from(UNKNOWN);
    }
    if let Some(why) = &missing {
        say(&format!(
            "chaos: on loopback ({why}): connections between Managers are broken by proxies; what needs hosts, disks or packets is \
             skipped, and so nothing passes"
        ));
    }
    let settings = Settings {
        km: km.unwrap_or_default(),
        duration: (!each_once).then(|| Duration::from_secs(seconds)),
        seed,
        out,
        managers,
        faults: classes,
        overlap: usize::from(overlap),
        workloads,
        terms: Terms { zookeeper_away, met, ..Terms::default() },
        lab: missing.is_none(),
        chosen,
        commit,
        repeat: None,
    };
    let ended = tokio::select! {
        ended = run(&settings) => ended,
        failure = chaos_tests::interrupted() => Err(failure),
    };
    lab::leave();
    match ended {
        Ok(verdict) => ExitCode::from(tell(&verdict)),
        Err(failure) => {
            say(&format!("chaos: unknown: {failure}"));
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Judges one kept run after the other; the worst of what they come to.
async fn judge_all(runs: &[PathBuf]) -> ExitCode {
    let by = commit().await;
    let one = |run: &PathBuf| {
        say(&format!("chaos: {}", run.display()));
        match judge(Path::new(run), by.clone()) {
            Ok(verdict) => tell(&verdict),
            Err(failure) => {
                say(&format!("chaos: unknown: {failure}"));
                UNKNOWN
            }
        }
    };
    // A promise that was broken is worse than anything unknown.
    let worst = |code: &u8| [0, UNKNOWN, FAILED].iter().position(|it| it == code);
    ExitCode::from(runs.iter().map(one).max_by_key(worst).unwrap_or(UNKNOWN))
}

/// What is to be said besides to have the same run again.
fn chosen(arguments: &Arguments, loopback: bool) -> String {
    let mut chosen = String::new();
    if !arguments.faults.is_empty() {
        chosen.push_str(&format!(" FAULTS={}", arguments.faults.join(",")));
    }
    let names = arguments
        .workload
        .iter()
        .filter_map(|it| Some(it.to_possible_value()?.get_name().to_owned()));
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        chosen.push_str(&format!(" WORKLOAD={}", names.join(",")));
    }
    if arguments.zookeeper_away {
        chosen.push_str(" ZOOKEEPER_AWAY=1");
    }
    if loopback {
        chosen.push_str(" LOOPBACK=1");
    }
    if !arguments.after.is_empty() {
        let after: Vec<String> =
            arguments.after.iter().map(|run| run.display().to_string()).collect();
        chosen.push_str(&format!(" AFTER={}", after.join(",")));
    }
    chosen
}

/// The pairs of faults that were together in kept runs, none of which failed.
fn met(runs: &[PathBuf]) -> Result<BTreeSet<String>, Failure> {
    let mut met = BTreeSet::new();
    for run in runs {
        let path = run.join("result.json");
        let bytes = fs::read(&path).map_err(Failure::doing(path.display()))?;
        let result: Value =
            serde_json::from_slice(&bytes).map_err(Failure::doing(path.display()))?;
        if result["valid"] == false {
            return Err(Failure(format!(
                "{} failed: what it came by counts for nothing",
                path.display()
            )));
        }
        let pairs = result["pairs"].as_object();
        let pairs = pairs.ok_or_else(|| Failure(format!("{} has no pairs", path.display())))?;
        met.extend(pairs.keys().cloned());
    }
    Ok(met)
}

/// Says what a run came to; its exit code.
fn tell(verdict: &Verdict) -> u8 {
    verdict.summary().iter().for_each(|line| say(line));
    verdict.exit_code()
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
