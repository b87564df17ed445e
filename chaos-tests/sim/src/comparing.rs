//! At which revision the digests of all facts are compared next, and whose was taken there.
//!
//! Members come to a revision one after the other. If all were looked at at one moment, those that are behind would be seen where
//! nobody else was seen. So a revision is chosen, the last that anybody is at, and whoever comes to stand at it has its
//! digest taken there, now or later.

use std::collections::BTreeSet;

/// Where digests are compared.
#[derive(Debug, Default)]
pub struct Comparing {
    revision: Option<u64>,
    /// Member and run of its process.
    taken: BTreeSet<(usize, u64)>,
}

impl Comparing {
    /// From now on it is this revision.
    pub fn at(revision: Option<u64>) -> Self {
        Self { revision, taken: BTreeSet::new() }
    }

    /// Whether the digest of a member that stands at a revision is to be taken. Once in each run of its process.
    pub fn takes(&mut self, member: usize, run: u64, revision: u64) -> bool {
        self.revision == Some(revision) && self.taken.insert((member, run))
    }
}
