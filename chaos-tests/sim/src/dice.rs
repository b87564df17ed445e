//! All choices of a run, from one seed. Each part of the world draws from dice of its own, so that one part's drawing
//! more does not change another's luck.

use std::ops::Range;

/// Draws numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a part of a run.
    pub fn of(seed: u64, part: &str) -> Self {
        let mixed =
            part.bytes().fold(seed ^ 0x5EED, |mixed, byte| chance::next(mixed ^ u64::from(byte)).0);
        Self(mixed)
    }

    /// The dice of a part of these dice's part. Draws nothing of theirs.
    pub fn part(&self, part: &str) -> Self {
        Self::of(self.0, part)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        let (number, state) = chance::next(self.0);
        self.0 = state;
        number
    }

    /// A number in a range, which must not be empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.number() % (range.end - range.start)
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        let at = self.within(0..these.len() as u64);
        &these[usize::try_from(at).expect("an index")]
    }

    /// True so many times out of a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.within(0..1000) < per_mille
    }

    /// These in another order.
    pub fn shuffled<T: Clone>(&mut self, these: &[T]) -> Vec<T> {
        let mut these = these.to_vec();
        for at in (1..these.len()).rev() {
            let other = self.within(0..at as u64 + 1);
            these.swap(at, usize::try_from(other).expect("an index"));
        }
        these
    }
}
