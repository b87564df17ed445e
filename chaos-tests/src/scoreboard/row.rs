//! A line of the board, and what it says of a mistake. Pure.

use std::time::Duration;

use serde::Serialize;

use crate::workload::Workload;

/// What came of a mistake, or of the run without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    Caught,
    /// Caught, and later than it may be.
    CaughtTooLate,
    NotCaught,
    /// There was no mistake, and nothing was in doubt.
    Passed,
    DidNotPass,
}

impl Came {
    /// Whether it came out as it must.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Caught | Self::Passed)
    }
}

/// What comes of a mistake when it was looked for so long, all tries together. `None`: there is time for another try.
pub(super) fn came_of_bug(noticed: bool, took: Duration, patience: Duration) -> Option<Came> {
    match (noticed, took <= patience) {
        (true, true) => Some(Came::Caught),
        (true, false) => Some(Came::CaughtTooLate),
        (false, true) => None,
        (false, false) => Some(Came::NotCaught),
    }
}

/// The check that is made only where this workload runs. All others judge what several left, or the Managers and hosts.
fn own_check(workload: Workload) -> &'static str {
    match workload {
        Workload::Register => "linearizable",
        Workload::Set => "set",
        Workload::Append => "append",
        Workload::Watch => "watch",
        Workload::Requests => "once",
        Workload::Sessions => "sessions",
    }
}

/// The workloads whose own check is among these.
pub(super) fn workloads_of(checks: &[&str]) -> Vec<Workload> {
    let noticed = |workload: &Workload| checks.contains(&own_check(*workload));
    Workload::ALL.into_iter().filter(noticed).collect()
}

/// A line of the board.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The mistake; `none` for the run without one.
    pub bug: &'static str,
    pub came: Came,
    /// The checks that noticed.
    pub caught_by: Vec<&'static str>,
    /// The workloads whose own check is one of them.
    pub workloads: Vec<String>,
    /// What the first of them says.
    pub because: String,
    pub faults: String,
    /// Of the last run.
    pub seed: u64,
    pub runs: u64,
    /// All runs together, with starting and ending the group.
    pub seconds: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::evidence::names_of_workloads;
    use crate::verdict::{Chosen, Evidence, findings};

    #[test]
    fn a_mistake_that_is_noticed_after_its_time_does_not_count() {
        let patience = Duration::from_secs(600);
        let after = |noticed, seconds| came_of_bug(noticed, Duration::from_secs(seconds), patience);
        assert_eq!(after(true, 600), Some(Came::Caught));
        assert_eq!(after(true, 601), Some(Came::CaughtTooLate));
        assert_eq!(after(false, 600), None);
        assert_eq!(after(false, 601), Some(Came::NotCaught));
        let good = [Came::Caught, Came::CaughtTooLate, Came::NotCaught].map(Came::is_good);
        assert_eq!(good, [true, false, false]);
    }

    #[test]
    fn a_workload_s_own_check_is_made_only_where_it_runs() {
        let checks = |workloads: &[Workload]| -> Vec<&str> {
            let chosen = Chosen { workloads: names_of_workloads(workloads), ..Chosen::default() };
            let evidence = Evidence { chosen, ..Evidence::default() };
            findings(&evidence).iter().map(|finding| finding.check).collect()
        };
        for workload in Workload::ALL {
            let others: Vec<Workload> =
                Workload::ALL.into_iter().filter(|other| *other != workload).collect();
            let (mut own, elsewhere) = (checks(&[workload]), checks(&others));
            own.retain(|check| !elsewhere.contains(check));
            assert_eq!(own, [own_check(workload)]);
            assert_eq!(workloads_of(&own), [workload]);
        }
        assert_eq!(workloads_of(&checks(&[])), []);
    }
}
