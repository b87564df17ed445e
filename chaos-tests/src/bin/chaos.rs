//! `chaos`: one run against a `km` binary; exit 0 passed, 1 failed, 2 unknown or could not run.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::checker::Valid;
use chaos_tests::fault::Fault;
use chaos_tests::lab::Lab;
use chaos_tests::run::{Settings, Terms, run};
use chaos_tests::verdict::Verdict;
use chaos_tests::workload::Workload;
use clap::{Parser, ValueEnum};

/// Breaks a real group of Managers and judges what its clients saw
#[derive(Parser)]
struct Arguments {
    /// The binary under test
    #[arg(long, required_unless_present = "list", default_value = "")]
    km: PathBuf,
    /// How long faults go on
    #[arg(long, default_value_t = 60)]
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
    /// Only classes of faults whose names begin so, such as power-cut or kill-active; may be given several times
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// How many faults at the same time, at most
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    overlap: u8,
    /// What clients do; all of it when not given
    #[arg(long, value_delimiter = ',', value_enum)]
    workload: Vec<Workload>,
    /// No hosts of their own: all Managers on loopback, and what needs hosts is skipped
    #[arg(long)]
    loopback: bool,
    /// The group looks for a ZooKeeper that never comes
    #[arg(long, conflicts_with = "loopback")]
    zookeeper_away: bool,
    /// List the classes of faults and end
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = chosen(&arguments);
    let Arguments {
        km, seconds, each_once, seed, out, managers, faults, overlap, workload, ..
    } = arguments;
    let Arguments { loopback, zookeeper_away, list, .. } = arguments;
    let workloads = if workload.is_empty() { Workload::ALL.to_vec() } else { workload };
    let classes = Fault::chosen(&faults);
    if list {
        classes.iter().for_each(|class| say(&class.name()));
        return ExitCode::SUCCESS;
    }
    if classes.is_empty() {
        say("chaos: no class of faults is called so; --list shows them all");
        return ExitCode::from(2);
    }
    let missing = if loopback { Some("asked for".to_owned()) } else { Lab::missing() };
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let out = out.join(seed.to_string());
    let long = if each_once { "each fault once".to_owned() } else { format!("{seconds} s") };
    say(&format!("chaos: seed {seed}, {long}, {managers} Managers, into {}", out.display()));
    if out.exists() {
        say("chaos: that folder exists already: choose another --out, or remove it");
        return ExitCode::from(2);
    }
    if let Some(why) = &missing {
        say(&format!(
            "chaos: on loopback ({why}): faults of hosts, disks and the network are skipped"
        ));
    }
    let settings = Settings {
        km,
        duration: (!each_once).then(|| Duration::from_secs(seconds)),
        seed,
        out,
        managers,
        faults: classes,
        overlap: usize::from(overlap),
        workloads,
        terms: Terms { zookeeper_away, ..Terms::default() },
        lab: missing.is_none(),
        chosen,
    };
    let ended = tokio::select! {
        ended = run(&settings) => ended,
        failure = chaos_tests::interrupted() => Err(failure),
    };
    match ended {
        Ok(verdict) => tell(&verdict),
        Err(failure) => {
            say(&format!("chaos: unknown: {failure}"));
            ExitCode::from(2)
        }
    }
}

/// What is to be said besides to have the same run again.
fn chosen(arguments: &Arguments) -> String {
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
    chosen
}

fn tell(verdict: &Verdict) -> ExitCode {
    for finding in &verdict.checks {
        let mark = match finding.valid {
            Valid::Yes => "ok     ",
            Valid::No => "FAILED ",
            Valid::Unknown => "unknown",
        };
        say(&format!("  {mark} {:<13} {}", finding.check, finding.facts));
        finding.because.iter().for_each(|because| say(&format!("          {because}")));
    }
    for (class, counts) in &verdict.faults {
        say(&format!("  fault   {class:<19} {} of {}", counts.installed, counts.tried()));
    }
    let pairs: Vec<&str> = verdict.pairs.keys().map(String::as_str).collect();
    say(&format!("  at the same time: {}", pairs.join(", ")));
    say(&format!(
        "  {} calls/s · failovers {:?} ms",
        verdict.calls_per_second, verdict.failover_ms
    ));
    say(&format!("chaos: {}; again: {}", verdict.word(), verdict.repeat));
    ExitCode::from(match verdict.valid {
        Valid::Yes => 0,
        Valid::No => 1,
        Valid::Unknown => 2,
    })
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
