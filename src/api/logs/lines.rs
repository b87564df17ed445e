//! Which lines of a log are of a time: each begins with its moment, in either form; one that does not belongs to the
//! line before it.

use serde::Deserialize;

use crate::base::Timestamp;

/// From when to when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// Not before.
    pub(super) since: Option<Timestamp>,
    /// Before this.
    pub(super) until: Option<Timestamp>,
}

impl Window {
    fn holds(self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// Looks at the lines of one file in order.
#[derive(Debug)]
pub(super) struct Lines {
    window: Window,
    inside: bool,
}

impl Lines {
    pub(super) fn of(window: Window) -> Self {
        // What comes before the first moment belongs to a line of the part before.
        Self { window, inside: window == Window::default() }
    }

    /// Whether the line is of the time asked for.
    pub(super) fn takes(&mut self, line: &str) -> bool {
        if let Some(at) = told_at(line) {
            self.inside = self.window.holds(at);
        }
        self.inside
    }
}

/// A line as a log collector gets it.
#[derive(Deserialize)]
struct Collected {
    timestamp: jiff::Timestamp,
}

fn told_at(line: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = match line.starts_with('{') {
        true => serde_json::from_str::<Collected>(line).ok()?.timestamp,
        false => line.split_whitespace().next()?.parse().ok()?,
    };
    u64::try_from(at.as_millisecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<'l>(window: Window, lines: &[&'l str]) -> Vec<&'l str> {
        let mut of = Lines::of(window);
        lines.iter().copied().filter(|line| of.takes(line)).collect()
    }

    #[test]
    fn lines_of_either_form_are_taken_by_their_moment_with_those_that_belong_to_them() {
        let lines = [
            "of the part before",
            "2026-11-28T01:00:00.000001Z  INFO one",
            "  and more of it",
            r#"{"timestamp":"2026-11-28T02:00:00.5Z","level":"INFO","message":"two"}"#,
            "2026-11-28T03:00:00Z ERROR three",
        ];
        let at = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            Some(Timestamp(at.as_millisecond().try_into().unwrap()))
        };
        assert_eq!(taken(Window::default(), &lines), lines);
        let since = at("2026-11-28T02:00:00.500Z");
        assert_eq!(taken(Window { since, until: None }, &lines), lines[3..]);
        assert_eq!(taken(Window { since: None, until: since }, &lines), lines[1..3]);
        let until = at("2026-11-28T01:00:00Z");
        assert!(taken(Window { since: None, until }, &lines).is_empty());
    }
}
