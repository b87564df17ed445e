//! `chaos`: one run against a `km` binary; exit 0 passed, 1 failed, 2 unknown or could not run.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::checker::Valid;
use chaos_tests::fault::Fault;
use chaos_tests::lab::Lab;
use chaos_tests::run::{Settings, run};
use chaos_tests::verdict::Verdict;
use clap::Parser;

/// Breaks a real group of Managers and judges what its clients saw
#[derive(Parser)]
struct Arguments {
    /// The binary under test
    #[arg(long, required_unless_present = "list", default_value = "")]
    km: PathBuf,
    /// How long faults go on
    #[arg(long, default_value_t = 60)]
    seconds: u64,
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
    /// No hosts of their own: all Managers on loopback, and what needs hosts is skipped
    #[arg(long)]
    loopback: bool,
    /// List the classes of faults and end
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { km, seconds, seed, out, managers, faults, loopback, list } = Arguments::parse();
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
    say(&format!("chaos: seed {seed}, {seconds} s, {managers} Managers, into {}", out.display()));
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
        duration: Duration::from_secs(seconds),
        seed,
        out,
        managers,
        faults: classes,
        lab: missing.is_none(),
        chosen: if faults.is_empty() {
            String::new()
        } else {
            format!(" FAULTS={}", faults.join(","))
        },
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
