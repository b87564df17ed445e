//! The command line of the simulation.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use clap::{Parser, Subcommand};
use simulation::disk::Lie;
use simulation::many::{self, Seed, Sum};
use simulation::plan::Wanted;
use simulation::{homes, kept, run};
use tracing_subscriber::EnvFilter;

/// Runs the group in a simulated world.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One run, in this process. Prints its report; ends with 1 when something was violated.
    One {
        /// Everything follows from it.
        #[arg(long)]
        seed: u64,
        /// For how long things go wrong, in simulated seconds.
        #[arg(long, default_value_t = 50)]
        seconds: u64,
        /// A lie the disks tell, to see that it is found.
        #[arg(long)]
        lie: Option<Lie>,
        /// Tells every event.
        #[arg(long)]
        trace: bool,
    },
    /// Many runs, each in a process of its own.
    Many {
        /// The first seed; the others follow it.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 200, conflicts_with = "hours")]
        seeds: u64,
        /// Instead: until so many hours were simulated.
        #[arg(long)]
        hours: Option<f64>,
        /// For how long things go wrong in each.
        #[arg(long, default_value_t = 50)]
        seconds: u64,
        /// How many at a time.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Where seeds that fail are added.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::One { seed, seconds, lie, trace } => one(&Wanted { seed, seconds, lie }, trace),
        What::Many { from, seeds, hours, seconds, jobs, keep } => {
            let simulated_ms = AtomicU64::new(0);
            let wanted = |seed: &Seed| match hours {
                Some(hours) => simulated_ms.load(Ordering::Relaxed) as f64 / 3_600e3 < hours,
                None => seed.seed < from + seeds,
            };
            let seeds = (from..).map(|seed| Seed { seed, seconds }).take_while(wanted);
            many(seeds, jobs, keep.as_deref(), &simulated_ms)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn one(wanted: &Wanted, told: bool) -> ExitCode {
    let homes = match homes::make() {
        Ok(homes) => homes,
        Err(error) => {
            println!("no place for homes: {error}");
            return ExitCode::from(2);
        }
    };
    // Always there, so that a run whose log is read draws as one whose log is not.
    let filter = EnvFilter::try_from_env("SIM_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    let report = run::run(wanted, homes.path().to_owned(), told);
    println!("{}", serde_json::to_string(&report).expect("plain data"));
    ExitCode::from(u8::from(!report.violations.is_empty()))
}

#[expect(clippy::print_stdout, reason = "progress and the outcome are what this program is for")]
fn many(
    seeds: impl Iterator<Item = Seed> + Send,
    jobs: usize,
    keep: Option<&Path>,
    simulated_ms: &AtomicU64,
) -> ExitCode {
    let program = std::env::current_exe().expect("a running program has a file");
    let commit = keep.map(|_| commit()).unwrap_or_default();
    let (began, told, failed) = (Instant::now(), AtomicU64::new(0), AtomicUsize::new(0));
    let tell = |sum: &Sum| {
        let before = failed.swap(sum.failed.len(), Ordering::Relaxed);
        for (seed, violations) in &sum.failed[before..] {
            println!("{}: {}", seed.told(), violations.join("; "));
            if let Some(keep) = keep
                && let Err(error) = kept::add(keep, &kept::line(*seed, &commit, violations))
            {
                println!("{} cannot be written: {error}", keep.display());
            }
        }
        simulated_ms.store((sum.simulated_s * 1e3) as u64, Ordering::Relaxed);
        let due = began.elapsed().as_secs() / 15;
        if told.swap(due, Ordering::Relaxed) != due {
            println!("{}", sum.told());
        }
    };
    let sum = many::all(&program, seeds, jobs, &tell);
    println!("{}", sum.told());
    println!("{:?}", sum.faults);
    if sum.is_given_up() {
        println!("given up: the last {} runs left no report", sum.unreported);
    }
    ExitCode::from(u8::from(!sum.failed.is_empty()))
}

/// Of the sources this was built from; empty where they are gone.
fn commit() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map(|runtime| runtime.block_on(chaos_tests::run::commit())).unwrap_or_default()
}
