//! From times and amounts to places on a drawing.

/// Where the drawing of the timeline begins and ends.
pub(super) const LEFT: f64 = 96.0;
pub(super) const RIGHT: f64 = 1_130.0;

/// The time of a run, left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// Nanoseconds.
    pub end: u64,
}

impl Time {
    pub(super) fn x(self, ns: u64) -> f64 {
        LEFT + (RIGHT - LEFT) * seconds(ns.min(self.end)) / seconds(self.end.max(1))
    }

    /// Round seconds to draw a line at, about ten of them.
    pub(super) fn ticks(self) -> impl Iterator<Item = u64> {
        let whole = self.end / 1_000_000_000;
        let step = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600]
            .into_iter()
            .find(|step| whole / step <= 12)
            .unwrap_or(7_200);
        (0..=whole / step).map(move |nth| nth * step)
    }
}

pub(super) fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

/// Milliseconds on a logarithmic scale from 0.1 ms to 10 s, bottom to top.
pub(super) fn latency_y(ms: f64, top: f64, height: f64) -> f64 {
    let share = (ms.clamp(0.1, 10_000.0).log10() + 1.0) / 5.0;
    top + height * (1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fills_the_width_and_latencies_the_height() {
        let time = Time { end: 60_000_000_000 };
        assert!((time.x(0) - LEFT).abs() < 0.01 && (time.x(time.end) - RIGHT).abs() < 0.01);
        assert!(time.x(u64::MAX) <= RIGHT);
        assert!(time.ticks().count() <= 13);
        assert!((latency_y(0.1, 10.0, 100.0) - 110.0).abs() < 0.01);
        assert!((latency_y(99_999.0, 10.0, 100.0) - 10.0).abs() < 0.01);
    }
}
