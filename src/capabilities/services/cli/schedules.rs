//! `km services schedules`: when services go to sleep and wake by themselves.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::{Change, Client};
use crate::cli::outcome::Failure;
use crate::cli::output::{Column, Output};

/// What can be done with schedules.
#[derive(Subcommand, Debug)]
pub enum SchedulesVerb {
    /// All schedules, when each is due next, and what came of the last time
    List,
    /// Have services go to sleep at a time
    AddSleep(AddSchedule),
    /// Have services wake at a time
    AddWake(AddSchedule),
    /// Carry a schedule out again; what was missed meanwhile is not made up for
    On {
        /// Its number
        id: u64,
    },
    /// Do nothing at its times
    Off {
        /// Its number
        id: u64,
    },
    /// Remove a schedule
    Remove {
        /// Its number
        id: u64,
    },
}

/// When, and which.
#[derive(Args, Debug)]
pub struct AddSchedule {
    /// Its name
    name: String,
    /// At which time of the day, such as 22:00, or 22:00:30
    #[arg(long)]
    at: String,
    /// How far that clock is from UTC, such as +05:30; UTC when left out. It stays the same all year
    #[arg(long, allow_hyphen_values = true)]
    offset: Option<String>,
    /// On which days by that clock: mon,tue,wed,thu,fri,sat,sun; every day when left out
    #[arg(long, value_delimiter = ',')]
    days: Vec<String>,
    /// Only this type: bi_server, query_engine, web_portal, postgres, zookeeper
    #[arg(long = "type")]
    kind: Option<String>,
}

const SCHEDULES: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("STATE", "/state"),
    ("TYPE", "/type"),
    ("AT", "/at"),
    ("OFFSET", "/offset"),
    ("DAYS", "/days"),
    ("ENABLED", "/enabled"),
    ("NEXT", "/next"),
    ("LAST", "/last/at"),
    ("OUTCOME", "/last/outcome"),
    ("OPERATION", "/last/operation"),
];

pub(super) async fn run(
    verb: SchedulesVerb,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    match verb {
        SchedulesVerb::List => {
            output.list(&client.get_all("/services/schedules", &[]).await?, SCHEDULES);
        }
        SchedulesVerb::AddSleep(add) => added("stopped", add, client, output).await?,
        SchedulesVerb::AddWake(add) => added("running", add, client, output).await?,
        SchedulesVerb::On { id } => switch(id, true, client, output).await?,
        SchedulesVerb::Off { id } => switch(id, false, client, output).await?,
        SchedulesVerb::Remove { id } => {
            let path = format!("/services/schedules/{id}");
            let answer = client.change(Change::new(Method::DELETE, path, Value::Null)).await?.body;
            output.done(&format!("Schedule {id} is removed."), &answer);
        }
    }
    Ok(())
}

async fn added(
    state: &str,
    add: AddSchedule,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let AddSchedule { name, at, offset, days, kind } = add;
    let days = (!days.is_empty()).then_some(days);
    let body = json!({
        "name": name, "state": state, "at": at, "offset": offset, "days": days, "type": kind,
    });
    let answer = client.change(Change::post("/services/schedules", body)).await?.body;
    let next = answer["next"].as_str().unwrap_or("never");
    output.done(&format!("Schedule {} is set, due next at {next}.", answer["id"]), &answer);
    Ok(())
}

/// The rest stays as it was read, unless somebody changed it meanwhile.
async fn switch(id: u64, on: bool, client: &Client, output: Output) -> Result<(), Failure> {
    let all = client.get_all("/services/schedules", &[]).await?;
    let mut items = all["items"].as_array().into_iter().flatten();
    let known = items.find(|item| item["id"] == id);
    let missing = || Failure::Refused(format!("There is no schedule {id}."));
    let known = known.ok_or_else(missing)?;
    let mut body = json!({ "enabled": on });
    for field in ["name", "state", "type", "at", "offset", "days"] {
        body[field] = known[field].clone();
    }
    let path = format!("/services/schedules/{id}");
    let change = Change::new(Method::PUT, path, body).if_match(known["revision"].as_u64());
    let answer = client.change(change).await?.body;
    output.done(&format!("Schedule {id} is {}.", if on { "on" } else { "off" }), &answer);
    Ok(())
}
