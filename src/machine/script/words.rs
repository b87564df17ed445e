//! A line of a script taken apart: words, `"quoted words"`, `key=value`, and `repeat(text,times)`.

use std::collections::BTreeMap;
use std::str::FromStr;

use uuid::Uuid;

use crate::base::{Digest, ManagerId, Revision};

/// The words of one step, taken from the front, and its options, taken by name.
pub(crate) struct Words {
    line: String,
    plain: Vec<String>,
    options: BTreeMap<String, String>,
}

impl Words {
    pub(crate) fn of(line: &str) -> Self {
        let mut words = Self { line: line.into(), plain: Vec::new(), options: BTreeMap::new() };
        for word in split(line) {
            match word.split_once('=').filter(|(key, _)| is_key(key)) {
                Some((key, value)) => {
                    words.options.insert(key.into(), unfold(value));
                }
                None => words.plain.push(unfold(&word)),
            }
        }
        words.plain.reverse();
        words
    }

    /// The next plain word.
    pub(crate) fn next(&mut self) -> String {
        let Some(word) = self.plain.pop() else { panic!("a word is missing: {}", self.line) };
        word
    }

    /// All plain words that are left.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.plain.pop()).collect()
    }

    /// The next plain word, read.
    pub(crate) fn read<T: FromStr>(&mut self) -> T {
        let word = self.next();
        let Ok(value) = word.trim_start_matches('@').parse() else {
            panic!("{word} does not fit: {}", self.line)
        };
        value
    }

    pub(crate) fn manager(&mut self) -> ManagerId {
        self.read()
    }

    pub(crate) fn revision(&mut self) -> Revision {
        self.read()
    }

    /// A stand-in for the digest of a secret, from a word.
    pub(crate) fn digest(&mut self) -> Digest {
        Digest::of(self.next().as_bytes())
    }

    /// An option, if it is given.
    pub(crate) fn option(&mut self, key: &str) -> Option<String> {
        self.options.remove(key)
    }

    /// An option, read, if it is given.
    pub(crate) fn read_option<T: FromStr>(&mut self, key: &str) -> Option<T> {
        let value = self.option(key)?;
        let Ok(read) = value.trim_start_matches('@').parse() else {
            panic!("{key}={value} does not fit: {}", self.line)
        };
        Some(read)
    }

    /// A disk's number, from a word.
    pub(crate) fn disk(&mut self, word: &str) -> Uuid {
        let named = self.option("disk").unwrap_or_else(|| word.into());
        let digest = Digest::of(named.as_bytes());
        Uuid::from_slice(&digest.0[..16]).unwrap()
    }

    /// Every word must have been understood.
    pub(crate) fn done(self) {
        assert!(
            self.plain.is_empty() && self.options.is_empty(),
            "not all words are understood: {} (left: {:?} {:?})",
            self.line,
            self.plain,
            self.options
        );
    }
}

/// Milliseconds, from `90s`, `15m`, `12h` or `7d`.
pub(crate) fn duration_ms(word: &str) -> u64 {
    let (number, unit) = word.split_at(word.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => panic!("{word} is no duration: 90s, 15m, 12h, 7d"),
    };
    number.parse::<u64>().unwrap() * seconds * 1000
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                words.last_mut().unwrap().push('\u{0}');
            }
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Takes the marks of quotes away, spells out `\n` and `\t`, and carries out `repeat(text,times)`.
fn unfold(word: &str) -> String {
    let word = word.replace('\u{0}', "").replace("\\n", "\n").replace("\\t", "\t");
    let inner = word.strip_prefix("repeat(").and_then(|rest| rest.strip_suffix(')'));
    match inner.and_then(|inner| inner.rsplit_once(',')) {
        Some((text, times)) => text.repeat(times.parse().unwrap()),
        None => word,
    }
}
