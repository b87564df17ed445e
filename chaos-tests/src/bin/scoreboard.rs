//! `scoreboard`: which planted mistakes the chaos runs notice; exit 0 all in time, 1 not all, 2 could not run.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chaos_tests::Failure;
use chaos_tests::lab::{self, Lab};
use chaos_tests::scoreboard::{Board, Came, Row, SCENARIOS, Scenario};
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
    if let Err(failure) = lab::enter() {
        return fail(&failure.to_string());
    }
    let board = Board { km, out, patience: Duration::from_secs(60 * minutes) };
    let ended = tokio::select! {
        ended = rows(&board, &chosen) => ended,
        failure = chaos_tests::interrupted() => Err(failure),
    };
    lab::leave();
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
        "\n| bug | checks that noticed | workloads whose own they are | faults | seed | runs | seconds |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        writeln!(table, "{}", line(row)).expect("it is a String");
    }
    say(&table);
    let planted = rows.iter().filter(|row| !is_control(row)).count();
    let caught = rows.iter().filter(|row| row.came == Came::Caught).count();
    say(&format!("scoreboard: {caught} of {planted} caught in time"));
    for row in rows.iter().filter(|row| is_control(row)) {
        say(&format!("without a mistake: {}", came(row)));
    }
    ExitCode::from(u8::from(!rows.iter().all(|row| row.came.is_good())))
}

fn is_control(row: &Row) -> bool {
    matches!(row.came, Came::Passed | Came::DidNotPass)
}

fn line(row: &Row) -> String {
    let Row { bug, workloads, faults, seed, runs, seconds, .. } = row;
    // Most checks judge what several workloads left, or the Managers and hosts.
    let workloads = match workloads.is_empty() {
        true => "–".to_owned(),
        false => workloads.join(", "),
    };
    format!("| `{bug}` | {} | {workloads} | {faults} | {seed} | {runs} | {seconds} |", came(row))
}

fn came(row: &Row) -> String {
    let by = row.caught_by.join(", ");
    match row.came {
        Came::Caught => by,
        Came::CaughtTooLate => format!("**too late**: {by}"),
        Came::NotCaught => "**not caught**".to_owned(),
        Came::Passed => "passed".to_owned(),
        Came::DidNotPass => format!("**did not pass**: {by}"),
    }
}

fn fail(why: &str) -> ExitCode {
    say(&format!("scoreboard: unknown: {why}"));
    ExitCode::from(2)
}

fn say(line: &str) {
    // A closed pipe is no reason to lose the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
