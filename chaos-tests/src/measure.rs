//! What every measurement here needs: percentiles, and what the machine and its disk are doing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Failure;

/// What is appended before each flush of a disk sample, in bytes.
const APPEND: [u8; 256] = [0x5A; 256];

/// For how long somebody on this machine has waited for a processor since it started, in microseconds; `None`
/// where the kernel does not say. On a starved machine a time measured says little of the product.
pub fn starved_us() -> Option<u64> {
    let pressure = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    pressure.lines().next()?.rsplit_once("total=")?.1.parse().ok()
}

/// The value below which so many of a hundred lie; 0 of nothing.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or(0)
}

/// How often per second the disk under `dir` takes 256 bytes and a flush from one writer. Absolute speeds of one
/// moment mean little on a shared machine; beside this they do.
pub fn flushes_per_second(dir: &Path, lasts: Duration) -> Result<f64, Failure> {
    let path = dir.join("flush-sample");
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let mut file = file.map_err(Failure::doing(path.display()))?;
    let (started, mut flushes) = (Instant::now(), 0_u32);
    while started.elapsed() < lasts {
        let flushed = file.write_all(&APPEND).and_then(|()| file.sync_data());
        flushed.map_err(Failure::doing(path.display()))?;
        flushes += 1;
    }
    let per_second = f64::from(flushes) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(Failure::doing(path.display()))?;
    Ok(per_second)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (51, 100));
        assert_eq!((percentile(&[7], 99), percentile(&[], 50)), (7, 0));
    }
}
