//! What a run leaves behind, and all that is judged. A run that just ended and one that was kept are judged from the same:
//! the history, and the logs in its folder.
//!
//! A history of a harness of before lacks lines in which a run tells of itself; those facts come from its own
//! `result.json`, or are unknown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RATE_FLOOR;
use crate::Failure;
use crate::fault::{Fault, Tally};
use crate::history::{Line, read};
use crate::homes;
use crate::strikes::{self, End, Strike, strikes};
use crate::workload::Workload;

/// How the lines are called in which a run tells of itself.
pub const RUN: &str = "run";
/// The judgement of before, kept when a run is judged anew.
pub const BEFORE: &str = "result.before.json";
const RESULT: &str = "result.json";

/// What was chosen for a run, as it stands in its history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub seed: u64,
    /// `None`: each class of faults once.
    pub seconds: Option<u64>,
    pub managers: u16,
    /// How many faults at the same time, at most.
    pub overlap: usize,
    /// Names of the classes. `None`: it was not written down.
    pub faults: Option<Vec<String>>,
    /// Names of what clients did.
    pub workloads: Vec<String>,
    /// Calls that a majority answered per second, below which the run does not count.
    pub rate_floor: u64,
    pub zookeeper_away: bool,
    /// Whether the Managers had no hosts of their own.
    #[serde(default)]
    pub loopback: bool,
    /// What was chosen besides time, seed and Managers, to repeat the run.
    pub besides: String,
    /// The command line that repeats it, where `make chaos` does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<String>,
}

impl Chosen {
    /// What clients did.
    pub fn workloads(&self) -> Vec<Workload> {
        self.workloads.iter().filter_map(|name| Workload::from_str(name, true).ok()).collect()
    }

    /// Whether somebody named the classes of faults. Else all there are were drawn from, and a short run has not the time for all.
    pub fn names_classes(&self) -> bool {
        self.besides.split(' ').any(|word| word.starts_with("FAULTS="))
    }

    /// The command line that repeats it.
    pub fn repeat(&self) -> String {
        if let Some(repeat) = &self.repeat {
            return repeat.clone();
        }
        let Self { seed, managers, overlap, besides, .. } = self;
        let long = match self.seconds {
            Some(seconds) => format!("SECONDS={seconds}"),
            None => "EACH_ONCE=1".to_owned(),
        };
        format!("make chaos {long} SEED={seed} MANAGERS={managers} OVERLAP={overlap}{besides}")
    }

    /// What a command line that repeats a run says of it.
    fn of_repeat(repeat: &str) -> Option<Self> {
        let words: BTreeMap<&str, &str> =
            repeat.split(' ').filter_map(|word| word.split_once('=')).collect();
        let number = |name: &str| words.get(name)?.parse::<u64>().ok();
        let list = |name: &str| -> Option<Vec<String>> {
            Some(words.get(name)?.split(',').map(str::to_owned).collect())
        };
        let besides = repeat.split(' ').filter(|word| {
            let names = ["FAULTS=", "WORKLOAD=", "ZOOKEEPER_AWAY=", "LOOPBACK=", "AFTER="];
            names.iter().any(|name| word.starts_with(name))
        });
        Some(Self {
            seed: number("SEED")?,
            seconds: number("SECONDS"),
            managers: u16::try_from(number("MANAGERS")?).ok()?,
            overlap: usize::try_from(number("OVERLAP")?).ok()?,
            // All there are, when nothing is said: what there was then is not known now.
            faults: list("FAULTS").map(|names| names_of(&Fault::chosen(&names))),
            workloads: list("WORKLOAD").unwrap_or_else(|| names_of_workloads(&of_before())),
            rate_floor: RATE_FLOOR,
            zookeeper_away: words.contains_key("ZOOKEEPER_AWAY"),
            loopback: words.contains_key("LOOPBACK"),
            besides: besides.map(|word| format!(" {word}")).collect(),
            repeat: None,
        })
    }
}

/// Names of classes.
pub fn names_of(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| fault.name()).collect()
}

/// Names of what clients can do.
pub fn names_of_workloads(workloads: &[Workload]) -> Vec<String> {
    let name = |it: &Workload| Some(it.to_possible_value()?.get_name().to_owned());
    workloads.iter().filter_map(name).collect()
}

/// All that clients did when nobody chose, as long as a history did not tell what was chosen: there were no lists then.
fn of_before() -> Vec<Workload> {
    Workload::ALL.into_iter().filter(|workload| *workload != Workload::Append).collect()
}

/// What a run tells of itself when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How long faults and clients went on.
    pub took_ms: u64,
    /// Slots of the plan whose time came when the run was over.
    pub not_reached: usize,
    /// Share of that in which somebody waited for a processor.
    pub starved_percent: Option<u64>,
}

/// What was run on what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// As `km --version` says.
    pub km: String,
    /// Of that program's file.
    pub km_sha256: String,
    /// Of the sources the harness was built from, when the run began; `-dirty` when they were changed since.
    pub commit: String,
    pub kernel: String,
}

/// The logs of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// From 1.
    pub host: u64,
    pub manager: PathBuf,
    pub agent: PathBuf,
}

/// A run that is over.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub lines: Vec<Line>,
    /// Every fault, in the order they began.
    pub strikes: Vec<Strike>,
    pub papers: Vec<Papers>,
    pub chosen: Chosen,
    pub ended: Ended,
    pub versions: Versions,
    /// The run's own `result.json`, for what its history does not tell.
    pub told_before: Option<Value>,
}

impl Evidence {
    /// Of the folder of a run.
    pub fn of(dir: &Path) -> Result<Self, Failure> {
        let lines = read(&dir.join("history.jsonl"))?;
        let before = [BEFORE, RESULT].iter().find_map(|name| fs::read(dir.join(name)).ok());
        let before: Option<Value> = before.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self::from_lines(lines, papers(&dir.join("cluster")), before)
    }

    /// Of a history and what stands beside it.
    pub fn from_lines(
        lines: Vec<Line>,
        papers: Vec<Papers>,
        told_before: Option<Value>,
    ) -> Result<Self, Failure> {
        let of_run = |f: &str| lines.iter().rfind(|line| line.is_by(RUN) && line.f == f);
        let began = of_run("began").map(|line| line.value.clone());
        let before = told_before.as_ref();
        let chosen = match began.as_ref().map(|value| value["chosen"].clone()) {
            Some(chosen) => {
                serde_json::from_value(chosen).map_err(Failure::doing("what was chosen"))?
            }
            None => {
                before.and_then(|before| Chosen::of_repeat(before["repeat"].as_str()?)).ok_or_else(
                    || Failure("neither history nor result tells what was chosen".into()),
                )?
            }
        };
        let versions = began.as_ref().map(|value| value["versions"].clone());
        let versions = versions.or_else(|| before.map(|before| before["versions"].clone()));
        let ended = match of_run("ended") {
            Some(line) => serde_json::from_value(line.value.clone())
                .map_err(Failure::doing("how the run ended"))?,
            None => before.map(ended_before).unwrap_or_default(),
        };
        Ok(Self {
            strikes: strikes(&lines),
            papers,
            chosen,
            ended,
            versions: versions.and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default(),
            told_before,
            lines,
        })
    }

    /// Numbers of the Managers that clients used, as they are at the end.
    pub fn managers(&self) -> Vec<u64> {
        let last = u64::from(self.chosen.managers);
        let homes = homes::last_numbers(&self.lines);
        homes.into_iter().filter(|(host, _)| *host <= last).map(|(_, id)| id).collect()
    }

    /// How every fault came out.
    pub fn tally(&self) -> Tally {
        let not_reached = self.ended.not_reached;
        Tally { not_reached, ..strikes::tally(&self.strikes) }
    }

    /// The classes whose time came.
    pub fn came_up(&self) -> Vec<String> {
        let mut classes: Vec<String> =
            self.strikes.iter().map(|strike| strike.class.clone()).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// The classes that were chosen; `None` when nobody can tell. A deck is dealt to its end before it is dealt again, so
    /// once a class that bit came again, all that were chosen had come up.
    pub fn classes(&self) -> Option<Vec<String>> {
        if let Some(chosen) = &self.chosen.faults {
            return Some(chosen.clone());
        }
        let mut bit: Vec<&str> = self
            .strikes
            .iter()
            .filter(|strike| strike.end == End::Bit)
            .map(|it| &*it.class)
            .collect();
        let all = bit.len();
        bit.sort_unstable();
        bit.dedup();
        (bit.len() < all).then(|| self.came_up())
    }

    /// What a check of the run itself said, for one that was kept.
    pub fn finding_before(&self, check: &str) -> Option<&Value> {
        let checks = self.told_before.as_ref()?["checks"].as_array()?;
        checks.iter().find(|finding| finding["check"] == check)
    }
}

/// What a `result.json` tells of the end of its run.
fn ended_before(before: &Value) -> Ended {
    let checks = before["checks"].as_array();
    let mut checks = checks.into_iter().flatten();
    let coverage = checks.find(|finding| finding["check"] == "coverage");
    let facts = coverage.map(|finding| &finding["facts"]);
    let number = |name: &str| facts.and_then(|facts| facts[name].as_u64());
    Ended {
        took_ms: before["seconds"].as_u64().unwrap_or(0) * 1_000,
        not_reached: number("not_reached").and_then(|it| usize::try_from(it).ok()).unwrap_or(0),
        starved_percent: number("starved_percent"),
    }
}

/// The logs of every host, the spare one too, below the folder of a group: of hosts of their own, or of a demo.
pub fn papers(cluster: &Path) -> Vec<Papers> {
    let of_host = |host: u64| {
        let home = cluster.join(format!("host-{host}"));
        home.is_dir().then(|| Papers {
            host,
            manager: home.join("km.log"),
            agent: home.join("agent.log"),
        })
    };
    let own: Vec<Papers> = (1..).map_while(of_host).collect();
    if !own.is_empty() {
        return own;
    }
    let record = fs::read(cluster.join("cluster.json")).unwrap_or_default();
    let record: Value = serde_json::from_slice(&record).unwrap_or_default();
    let logs = |of: &str| -> Vec<PathBuf> {
        let all = record[of].as_array().into_iter().flatten();
        all.filter_map(|it| it["log"].as_str().map(PathBuf::from)).collect()
    };
    let (managers, agents) = (logs("managers"), logs("agents"));
    let both = (1..).zip(managers.into_iter().zip(agents));
    both.map(|(host, (manager, agent))| Papers { host, manager, agent }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_read_off_the_line_that_repeats_a_run() {
        let line = "make chaos SECONDS=1200 SEED=601 MANAGERS=5 OVERLAP=3 FAULTS=kill-all,wiped ZOOKEEPER_AWAY=1";
        let chosen = Chosen::of_repeat(line).expect("it is complete");
        assert_eq!((chosen.seed, chosen.seconds, chosen.managers), (601, Some(1200), 5));
        assert_eq!(chosen.faults, Some(vec!["kill-all".to_owned(), "wiped-one".to_owned()]));
        assert!(chosen.zookeeper_away);
        assert_eq!(chosen.workloads(), of_before());
        assert_eq!(chosen.repeat(), line);
    }

    #[test]
    fn a_run_on_loopback_is_repeated_on_loopback() {
        let line = "make chaos SECONDS=60 SEED=1 MANAGERS=3 OVERLAP=3 LOOPBACK=1 AFTER=a,b";
        let chosen = Chosen::of_repeat(line).expect("it is complete");
        assert!(chosen.loopback);
        assert_eq!(chosen.repeat(), line);
    }

    #[test]
    fn a_run_that_make_chaos_does_not_repeat_says_what_does() {
        let line = "make chaos-scoreboard BUGS=none".to_owned();
        let chosen = Chosen { repeat: Some(line.clone()), ..Chosen::default() };
        assert_eq!(chosen.repeat(), line);
        let kept = serde_json::to_value(Chosen::default()).expect("it is plain data");
        assert_eq!(serde_json::from_value::<Chosen>(kept).expect("it is one"), Chosen::default());
    }

    #[test]
    fn without_a_list_the_classes_of_a_run_of_before_are_not_known_at_first() {
        let chosen = Chosen::of_repeat("make chaos EACH_ONCE=1 SEED=1 MANAGERS=3 OVERLAP=3");
        let chosen = chosen.expect("it is complete");
        assert_eq!((chosen.faults, chosen.seconds), (None, None));
    }
}
