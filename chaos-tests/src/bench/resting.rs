//! What a node takes while nobody asks for anything: memory and processor time.

use std::time::Duration;

use tokio::time::sleep;

use super::group::Group;
use super::machine::{cpu_seconds, own_mib, resident_mib, with_children};
use super::row::Row;
use crate::Failure;

const SPAN: Duration = Duration::from_secs(10);

/// Memory and idle processor use per node, of all groups at once. `state` says what they hold.
pub async fn look(groups: &[Group], state: &str) -> Result<Vec<Row>, Failure> {
    let mut before = Vec::new();
    for group in groups {
        before.push(cpu_seconds(&group.pids()?));
    }
    sleep(SPAN).await;
    let mut rows = Vec::new();
    for (group, before) in groups.iter().zip(before) {
        let used = cpu_seconds(&group.pids()?) - before;
        let percent = used / SPAN.as_secs_f64() / group.size() as f64 * 100.0;
        rows.push(Row::new(group.name(), &format!("CPU per node, {state}"), percent, "%"));
        let largest = largest_mib(group)?;
        rows.push(Row::new(group.name(), &format!("memory of a node, {state}"), largest, "MiB"));
    }
    Ok(rows)
}

/// What the node that holds most holds. Its children run the same program: only what is their own comes on top.
fn largest_mib(group: &Group) -> Result<f64, Failure> {
    let mut largest: f64 = 0.0;
    for nth in 0..group.size() {
        let Some(pid) = group.pid(nth)? else { continue };
        let children: f64 = with_children(&[pid]).into_iter().skip(1).map(own_mib).sum();
        largest = largest.max(resident_mib(pid) + children);
    }
    Ok(largest)
}
