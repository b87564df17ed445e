//! One measured figure, as it stands in the JSON lines and comes back from them.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Failure;

/// One figure of one system in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose figure: `km`, `etcd` or `zookeeper`.
    pub system: String,
    /// What was measured, as the report names it.
    pub figure: String,
    pub value: f64,
    /// Of the value, as people read it.
    pub unit: String,
    /// How often per second the disk took 256 bytes and a flush just before; 0 when that says nothing here.
    pub disk: f64,
    /// Processor use of the clients meanwhile, in percent of one core.
    pub client_cpu: f64,
}

impl Row {
    pub fn new(system: &str, figure: &str, value: f64, unit: &str) -> Self {
        Self {
            system: system.to_owned(),
            figure: figure.to_owned(),
            value,
            unit: unit.to_owned(),
            disk: 0.0,
            client_cpu: 0.0,
        }
    }
}

/// Adds rows to a file of JSON lines.
pub fn append(path: &Path, rows: &[Row]) -> Result<(), Failure> {
    let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let mut file = open.map_err(Failure::doing(path.display()))?;
    for row in rows {
        let line = serde_json::to_string(row).expect("a row is plain data");
        writeln!(file, "{line}").map_err(Failure::doing(path.display()))?;
    }
    Ok(())
}

/// Reads them back.
pub fn read(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::doing(path.display()))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Failure::doing(line))).collect()
}
