//! What must hold of the acts on one host, judged from what its agent lets through and keeps out, whatever its gate
//! believes. It forgets nothing when the agent is killed.

use std::collections::BTreeMap;

/// What is known of one host.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    /// The highest epoch in which anybody asked here.
    asked: u64,
    /// The highest epoch that was let through.
    highest: u64,
    /// How many acts of each epoch are under way.
    under_way: BTreeMap<u64, u64>,
}

impl Fence {
    /// Somebody asks to act.
    pub fn asked(&mut self, epoch: u64) {
        self.asked = self.asked.max(epoch);
    }

    /// An act begins.
    pub fn let_through(&mut self, epoch: u64) -> Result<(), String> {
        let before = self.highest;
        let other = self.under_way.keys().find(|other| **other != epoch).copied();
        self.highest = before.max(epoch);
        *self.under_way.entry(epoch).or_default() += 1;
        match other {
            _ if epoch < before => {
                Err(format!("an act of epoch {epoch} begins after one of epoch {before}"))
            }
            Some(other) => {
                Err(format!("an act of epoch {epoch} begins while one of epoch {other} goes on"))
            }
            None => Ok(()),
        }
    }

    /// An act is not begun, since a later epoch is said to have.
    pub fn kept_out(&self, epoch: u64, by: u64) -> Result<(), String> {
        match epoch < by && by <= self.asked {
            true => Ok(()),
            false => {
                Err(format!("an act of epoch {epoch} is kept out by epoch {by}, {}", self.told()))
            }
        }
    }

    /// An act is broken off, since a later epoch is said to have begun.
    pub fn broken_off(&self, epoch: u64) -> Result<(), String> {
        match epoch < self.asked {
            true => Ok(()),
            false => Err(format!("an act of epoch {epoch} is broken off, {}", self.told())),
        }
    }

    fn told(&self) -> String {
        format!("and nobody asked in a later one than {}", self.asked)
    }

    /// An act has ended.
    pub fn ended(&mut self, epoch: u64) {
        if let Some(count) = self.under_way.get_mut(&epoch) {
            *count -= 1;
        }
        self.under_way.retain(|_, count| *count > 0);
    }

    /// The agent is gone, and every act with it.
    pub fn gone(&mut self) {
        self.under_way.clear();
    }
}
