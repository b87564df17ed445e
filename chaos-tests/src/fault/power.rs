//! A power cut: hosts go dark at one instant, and what their disks had not flushed is lost.

use std::fs::File;
use std::time::Duration;

use tokio::time::sleep;

use super::Outcome;
use crate::Failure;
use crate::lab::{Lab, to_each};

/// Cuts the power of all victims at one instant and brings it back after so long.
pub(super) async fn strike(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    lab.cut_power(victims).await?;
    let dark = victims.iter().all(|place| {
        let path = lab.hosts[*place].disk().path().join("alive");
        File::create(path).is_err()
    });
    sleep(lasts).await;
    lab.restore_power(victims).await?;
    match dark {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("a dark disk took a file".into())),
    }
}

/// The file systems of all victims take no more changes for so long, as a kernel makes them when it finds an error;
/// then they are mounted anew, and their hosts with them.
pub(super) async fn read_only(
    lab: &Lab,
    victims: &[usize],
    lasts: Duration,
) -> Result<Outcome, Failure> {
    let stopped = to_each(victims, |place| {
        let mut disk = lab.hosts[*place].disk();
        disk.stop_writing().map_err(Failure::doing("make a file system read-only"))
    });
    let refused = victims.iter().all(|place| {
        let path = lab.hosts[*place].disk().path().join("written");
        File::create(path).is_err()
    });
    sleep(lasts).await;
    lab.cut_power(victims).await?;
    lab.restore_power(victims).await?;
    // Only now: whose file system takes no more changes is mounted anew also when another's could not be stopped.
    stopped?;
    match refused {
        true => Ok(Outcome::Installed),
        false => Ok(Outcome::Indeterminate("a read-only file system took a file".into())),
    }
}
