//! Who may say what to whom. Decisions only: nothing here knows a socket.

use std::time::Duration;

use crate::lab::Filter;

/// What becomes of what a host sends and is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// What it does not let in.
    pub lets_in: Filter,
    /// How late everything is that it sends.
    pub late: Duration,
    /// So many kilobits a second it can send; `None`: as many as there are.
    pub kilobits: Option<u32>,
}

/// What holds between all hosts, by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(Vec<Host>);

impl Rules {
    /// Nothing is broken.
    pub fn whole(hosts: usize) -> Self {
        Self(vec![Host::default(); hosts])
    }

    /// What holds for a host; everything is let in where none is known.
    pub fn of(&self, place: usize) -> Host {
        self.0.get(place).cloned().unwrap_or_default()
    }

    pub(super) fn of_mut(&mut self, place: usize) -> Option<&mut Host> {
        self.0.get_mut(place)
    }

    fn filter<T>(&self, place: usize, read: impl FnOnce(&Filter) -> T, otherwise: T) -> T {
        self.0.get(place).map_or(otherwise, |host| read(&host.lets_in))
    }

    /// Whether what one says reaches the other, who was sent so many bytes since its filter was set.
    pub fn passes(&self, from: usize, to: usize, came_in: u64) -> bool {
        let passes = |filter: &Filter| {
            let quota = filter.quota_kib.map(|kib| u64::from(kib) * 1024);
            !filter.deaf_to.contains(&from) && quota.is_none_or(|quota| came_in <= quota)
        };
        self.filter(to, passes, true)
    }

    /// Whether one can open a connection to the other: that takes an answer, too.
    pub fn may_call(&self, from: usize, to: usize) -> bool {
        let refuses = |filter: &Filter| filter.no_calls_from.contains(&from);
        self.passes(from, to, 0) && self.passes(to, from, 0) && !self.filter(to, refuses, false)
    }

    /// Whether connections between two are reset, whoever opened them: what one of them sends is answered so.
    pub fn resets(&self, one: usize, other: usize) -> bool {
        let by = |place, whose: usize| {
            self.filter(place, |filter| filter.resets.contains(&whose), false)
        };
        by(one, other) || by(other, one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Break;
    use crate::fault::network::{Sides, filters};

    fn rules(hosts: usize, way: Break, victims: &[usize]) -> Rules {
        let host = |lets_in| Host { lets_in, ..Host::default() };
        Rules(filters(Sides::of(hosts), way, victims).into_iter().map(host).collect())
    }

    /// The pairs of three for whom something holds.
    fn pairs(holds: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        let all = (0..3).flat_map(|from| (0..3).map(move |to| (from, to)));
        all.filter(|(from, to)| from != to && holds(*from, *to)).collect()
    }

    #[test]
    fn nothing_is_kept_from_anybody_while_nothing_is_broken() {
        let rules = Rules::whole(3);
        assert_eq!(pairs(|from, to| rules.passes(from, to, u64::MAX)).len(), 6);
        assert_eq!(pairs(|from, to| rules.may_call(from, to)).len(), 6);
        assert!(pairs(|from, to| rules.resets(from, to)).is_empty());
    }

    #[test]
    fn in_a_split_nothing_passes_between_the_sides_and_everything_within_them() {
        let rules = rules(3, Break::Split, &[1]);
        let within = [(0, 2), (2, 0)];
        assert_eq!(pairs(|from, to| rules.passes(from, to, 0)), within);
        assert_eq!(pairs(|from, to| rules.may_call(from, to)), within);
    }

    #[test]
    fn who_is_deaf_is_heard_and_cannot_be_called_and_cannot_call() {
        let rules = rules(3, Break::Deaf, &[1]);
        assert_eq!(pairs(|from, to| rules.passes(from, to, 0)), [(0, 2), (1, 0), (1, 2), (2, 0)]);
        assert_eq!(pairs(|from, to| rules.may_call(from, to)), [(0, 2), (2, 0)]);
    }

    #[test]
    fn who_takes_no_calls_can_call_and_what_is_open_goes_on() {
        let rules = rules(3, Break::NoCalls, &[1]);
        assert_eq!(pairs(|from, to| rules.passes(from, to, 0)).len(), 6);
        assert_eq!(pairs(|from, to| rules.may_call(from, to)), [(0, 2), (1, 0), (1, 2), (2, 0)]);
    }

    #[test]
    fn connections_are_reset_whoever_opened_them() {
        let mut rules = Rules::whole(3);
        rules.0[1].lets_in.resets = [0].into();
        assert_eq!(pairs(|from, to| rules.resets(from, to)), [(0, 1), (1, 0)]);
        // What is reset at once need not be refused.
        assert!(rules.may_call(0, 1));
    }

    #[test]
    fn beyond_its_quota_a_host_hears_nobody_and_is_heard() {
        let mut rules = Rules::whole(3);
        rules.0[1].lets_in.quota_kib = Some(2);
        assert!(rules.passes(0, 1, 2048) && !rules.passes(0, 1, 2049));
        assert!(rules.passes(1, 0, 2049));
    }
}
