//! What happened in a run, in one number: equal runs have the same.

/// Grows with every event.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    pub events: u64,
    told: bool,
}

impl Trace {
    /// `told`: every event is printed as well.
    pub fn new(told: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, events: 0, told }
    }

    /// Something happened.
    #[expect(clippy::print_stderr, reason = "asked for on the command line")]
    pub fn note(&mut self, at_us: u64, what: &str) {
        if self.told {
            eprintln!("{:>10.3} {what}", at_us as f64 / 1e6);
        }
        for byte in at_us.to_le_bytes().iter().chain(what.as_bytes()) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.events += 1;
    }

    /// The number.
    pub fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }
}
