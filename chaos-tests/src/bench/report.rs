//! One table: medians, ratios, and beside them what must be and what is aimed at.

use std::collections::BTreeMap;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use super::row::Row;

/// What a figure of ours is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Against {
    /// The same figure of another system.
    System(&'static str),
    /// Another figure of ours.
    Figure(&'static str),
    /// Nothing: it is judged as it is.
    Nothing,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Better {
    More,
    Less,
}

/// What must be, and what is aimed at.
#[derive(Clone, Copy, Debug)]
struct Target {
    figure: &'static str,
    against: Against,
    better: Better,
    floor: f64,
    moonshot: f64,
}

const fn target(
    figure: &'static str,
    against: Against,
    better: Better,
    floor: f64,
    moonshot: f64,
) -> Target {
    Target { figure, against, better, floor, moonshot }
}

const ETCD: Against = Against::System("etcd");
const ZOOKEEPER: Against = Against::System("zookeeper");
const ITSELF: Against = Against::Nothing;

use Better::{Less, More};

const TARGETS: [Target; 26] = [
    target("write at leader, 64 clients: rate", ETCD, More, 2.5, 4.5),
    target("write at leader, 64 clients: rate", ZOOKEEPER, More, 1.1, 1.8),
    target("write at leader, 256 clients: rate", ETCD, More, 2.5, 4.5),
    target("write at leader, 256 clients: rate", ZOOKEEPER, More, 0.9, 1.5),
    target("write at leader, 1 client: p50", ETCD, Less, 0.8, 0.55),
    target("write at leader, 1 client: p50", ZOOKEEPER, Less, 1.0, 0.75),
    target("write at leader, 64 clients: p99", ETCD, Less, 0.5, 0.25),
    target("write at leader, 64 clients: CPU of three nodes per call", ITSELF, Less, 100.0, 50.0),
    target("write at leader, 1 client: flushes per call", ITSELF, More, 2.0, 3.0),
    target("read at leader, 64 clients: rate", ETCD, More, 2.0, 3.5),
    target("read at leader, 64 clients: rate", ZOOKEEPER, More, 1.3, 2.0),
    target(
        "write at follower, 1 client: p50",
        Against::Figure("write at leader, 1 client: p50"),
        Less,
        1.15,
        1.05,
    ),
    target(
        "write at follower, 64 clients: rate",
        Against::Figure("write at leader, 64 clients: rate"),
        More,
        0.85,
        0.95,
    ),
    target("first write after kill -9 of the leader", ITSELF, Less, 140.0, 25.0),
    target("first write after SIGSTOP of the leader", ITSELF, Less, 500.0, 150.0),
    target("false elections, 256 clients", ITSELF, Less, 0.0, 0.0),
    target("planned hand-over: failed calls", ITSELF, Less, 0.0, 0.0),
    target("planned hand-over: added p99", ITSELF, Less, 250.0, 50.0),
    target("node restart to first local read", ITSELF, Less, 1_000.0, 300.0),
    target("whole restart to first write", ITSELF, Less, 2_000.0, 700.0),
    target("memory of a node, empty", ITSELF, Less, 40.0, 32.0),
    target("memory of a node, full", ITSELF, Less, 150.0, 100.0),
    target("CPU per node, empty", ITSELF, Less, 1.0, 0.4),
    target("last of 1,000 watchers: p50", ZOOKEEPER, Less, 1.0, 0.5),
    target("local read, 64 clients: rate", ETCD, More, 2.0, 4.0),
    target("local read, 64 clients: rate", ZOOKEEPER, More, 1.0, 1.5),
];

/// Medians by figure and system.
struct Medians(BTreeMap<(String, String), f64>);

impl Medians {
    fn of(rows: &[Row]) -> Self {
        let usual = median(rows.iter().map(|row| row.disk).filter(|disk| *disk > 0.0));
        let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        // While the disk was at less than half its usual speed, nobody's figures mean anything.
        let fair =
            |row: &&Row| row.disk <= 0.0 || usual.is_none_or(|usual| row.disk >= usual / 2.0);
        for row in rows.iter().filter(fair) {
            let key = (row.figure.clone(), row.system.clone());
            values.entry(key).or_default().push(row.value);
        }
        let medians = values.into_iter().filter_map(|(key, all)| Some((key, median(all)?)));
        Self(medians.collect())
    }

    fn get(&self, figure: &str, system: &str) -> Option<f64> {
        self.0.get(&(figure.to_owned(), system.to_owned())).copied()
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (below, above) =
        (sorted.get((sorted.len().max(1) - 1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*below, *above))
}

/// Every figure of every system, then what ours are held against.
pub fn tables(rows: &[Row]) -> String {
    let medians = Medians::of(rows);
    format!("{}\n\n{}", figures(rows, &medians), targets(&medians))
}

fn figures(rows: &[Row], medians: &Medians) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["figure", "unit", "km", "etcd", "zookeeper", "km/etcd", "km/zookeeper"]);
    let mut seen = Vec::new();
    for row in rows {
        if seen.contains(&&row.figure) {
            continue;
        }
        seen.push(&row.figure);
        let of = |system| medians.get(&row.figure, system);
        let (km, etcd, zookeeper) = (of("km"), of("etcd"), of("zookeeper"));
        table.add_row([
            row.figure.clone(),
            row.unit.clone(),
            shown(km),
            shown(etcd),
            shown(zookeeper),
            shown(ratio(km, etcd)),
            shown(ratio(km, zookeeper)),
        ]);
    }
    table
}

fn targets(medians: &Medians) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["figure of ours", "held against", "measured", "floor", "moonshot", ""]);
    for target in &TARGETS {
        let own = medians.get(target.figure, "km");
        let (measured, against) = match target.against {
            Against::Nothing => (own, "-"),
            Against::System(system) => (ratio(own, medians.get(target.figure, system)), system),
            Against::Figure(other) => (ratio(own, medians.get(other, "km")), other),
        };
        let Some(measured) = measured else { continue };
        let sign = if target.better == More { "≥" } else { "≤" };
        table.add_row([
            target.figure.to_owned(),
            against.to_owned(),
            shown(Some(measured)),
            format!("{sign} {}", shown(Some(target.floor))),
            format!("{sign} {}", shown(Some(target.moonshot))),
            verdict(target, measured).to_owned(),
        ]);
    }
    table
}

fn verdict(target: &Target, measured: f64) -> &'static str {
    let reaches = |bound| match target.better {
        More => measured >= bound,
        Less => measured <= bound,
    };
    match (reaches(target.floor), reaches(target.moonshot)) {
        (_, true) => "moonshot",
        (true, false) => "floor",
        (false, false) => "MISSED",
    }
}

fn ratio(own: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(own? / other.filter(|other| *other > 0.0)?)
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn what_was_measured_on_a_starved_disk_does_not_count() {
        let row = |value, disk| Row { disk, ..Row::new("km", "a", value, "ms") };
        let rows = [row(1.0, 100.0), row(1.0, 110.0), row(9.0, 20.0)];
        assert_eq!(Medians::of(&rows).get("a", "km"), Some(1.0));
    }

    #[test]
    fn a_floor_is_met_from_the_better_side() {
        let rate = TARGETS[0];
        assert_eq!([2.4, 2.5, 4.5].map(|got| verdict(&rate, got)), ["MISSED", "floor", "moonshot"]);
        let p50 = TARGETS[4];
        assert_eq!([0.9, 0.8, 0.5].map(|got| verdict(&p50, got)), ["MISSED", "floor", "moonshot"]);
    }
}
