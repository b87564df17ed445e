//! Seeds that failed once, as they are kept: a line each, `SEED SECONDS`, and after a `#` at which commit the number does
//! what it did, and what it was.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::many::Seed;

/// Letters of what was found that are kept.
const WORDS_MOST: usize = 120;

/// The seeds in a file of them.
pub fn read(text: &str) -> VecDeque<Seed> {
    let seed = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        Some(Seed { seed: words.next()?.parse().ok()?, seconds: words.next()?.parse().ok()? })
    };
    text.lines().filter_map(seed).collect()
}

/// A seed's line.
pub fn line(seed: Seed, commit: &str, violations: &[String]) -> String {
    let first = violations.iter().flat_map(|violation| violation.lines()).next();
    let words: String = first.unwrap_or_default().chars().take(WORDS_MOST).collect();
    format!("{} {} # at {commit}: {words}\n", seed.seed, seed.seconds)
}

/// Adds it to the file, on the disk when this returns: a run of hours may be ended before its end.
pub fn add(file: &Path, line: &str) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(file)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()
}
