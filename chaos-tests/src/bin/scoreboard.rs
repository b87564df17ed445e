//! `scoreboard`: which planted mistakes the chaos runs notice; exit 0 all, 1 not all, 2 could not run.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::Failure;
use chaos_tests::lab::Lab;
use chaos_tests::scoreboard::{Board, Row, SCENARIOS, Scenario};
use clap::Parser;

/// Runs Managers that make one mistake at a time, and tells which checker noticed
#[derive(Parser)]
struct Arguments {
    /// A binary with planted bugs
    #[arg(long)]
    km: PathBuf,
    /// Only these mistakes, by name; `none` is the run without one
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where every run's history and result go, and scoreboard.json
    #[arg(long, default_value = "target/scoreboard")]
    out: PathBuf,
    /// How long a mistake may go unnoticed
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { km, only, out, minutes } = Arguments::parse();
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|scenario| only.is_empty() || only.iter().any(|name| name == scenario.name()))
        .collect();
    if chosen.is_empty() || chosen.len() < only.len() {
        let names: Vec<_> = SCENARIOS.iter().map(Scenario::name).collect();
        return fail(&format!("the mistakes are {}", names.join(", ")));
    }
    if let Some(why) = Lab::missing() {
        return fail(&why);
    }
    let board = Board { km, out, patience: Duration::from_secs(60 * minutes) };
    let ended = tokio::select! {
        ended = rows(&board, &chosen) => ended,
        failure = chaos_tests::interrupted() => Err(failure),
    };
    match ended {
        Ok(rows) => tell(&rows),
        Err(failure) => fail(&failure.to_string()),
    }
}

async fn rows(board: &Board, chosen: &[&Scenario]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for scenario in chosen {
        let row = board.row(scenario).await?;
        say(&line(&row));
        say(&format!("    {}", row.because));
        rows.push(row);
        let path = board.out.join("scoreboard.json");
        let text = serde_json::to_vec_pretty(&rows).expect("rows are plain data");
        std::fs::write(&path, text).map_err(Failure::doing(path.display()))?;
    }
    Ok(rows)
}

fn tell(rows: &[Row]) -> ExitCode {
    let mut table = String::from(
        "\n| bug | caught by | faults | seed | runs | seconds |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        writeln!(table, "{}", line(row)).expect("it is a String");
    }
    say(&table);
    let good = rows.iter().filter(|row| row.good).count();
    say(&format!("scoreboard: {good} of {} as they must be", rows.len()));
    ExitCode::from(u8::from(good < rows.len()))
}

fn line(row: &Row) -> String {
    let Row { bug, good, caught_by, faults, seed, runs, seconds, .. } = row;
    let by = match (good, *bug) {
        (true, "none") => "passed".to_owned(),
        (true, _) => caught_by.join(", "),
        (false, "none") => format!("**did not pass**: {}", caught_by.join(", ")),
        (false, _) => "**not caught**".to_owned(),
    };
    format!("| `{bug}` | {by} | {faults} | {seed} | {runs} | {seconds} |")
}

fn fail(why: &str) -> ExitCode {
    say(&format!("scoreboard: unknown: {why}"));
    ExitCode::from(2)
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
