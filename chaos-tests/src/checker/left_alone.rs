//! Who belongs to the group, and who of them is left alone: nothing befalls it.
//!
//! It is read conservatively: whoever was hit is left alone again only a lease after it answered a probe. Whom a
//! fault hits, and what follows from it, is not known here: `availability.rs` and `verdict/sides.rs` each say it for themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Change, Flush, Means};
use crate::history::Line;
use crate::strikes::Strike;

/// For which a Manager that was started anew neither votes nor stands.
const LEASE_NS: u64 = 1_000_000_000;

/// Something that changes who is left alone, or ends a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Founded(u64),
    Joined(u64),
    Leaves(u64),
    Left(u64),
    /// These are hit.
    Hit(Vec<u64>),
    HitAll,
    /// A fault is over, and whoever comes back by it may end a tenure.
    Over,
    /// Whoever joined in it has a vote.
    Settled,
    /// One of its victims is as before.
    Back(u64),
    BackAll,
    Acknowledged,
}

/// Whether a member's vote is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vote {
    Surely,
    Joining,
    Leaving,
}

/// Who belongs to the group, and whom something befalls.
#[derive(Default)]
pub(crate) struct Group {
    members: BTreeMap<u64, Vote>,
    hits: BTreeMap<u64, usize>,
    everybody: usize,
}

impl Group {
    /// Those that are left alone, if they are a majority whatever the votes of others are.
    pub(crate) fn majority(&self) -> Option<BTreeSet<u64>> {
        let alone: BTreeSet<u64> = self.sure().filter(|id| self.is_alone(*id)).collect();
        (self.everybody == 0 && alone.len() > self.members.len() / 2).then_some(alone)
    }

    /// All that are left alone, if they hold a majority of the votes that are surely there. Whoever joins or leaves is among
    /// them, and passes on what it is asked; but there is no majority by it, and none is missed for want of it.
    pub(crate) fn side(&self) -> Option<BTreeSet<u64>> {
        let alone = self.sure().filter(|id| self.is_alone(*id)).count();
        let majority = self.everybody == 0 && alone > self.sure().count() / 2;
        majority.then(|| self.members.keys().copied().filter(|id| self.is_alone(*id)).collect())
    }

    /// Whose vote is surely there.
    fn sure(&self) -> impl Iterator<Item = u64> {
        self.members.iter().filter(|(_, vote)| **vote == Vote::Surely).map(|(id, _)| *id)
    }

    fn is_alone(&self, id: u64) -> bool {
        self.hits.get(&id).is_none_or(|hits| *hits == 0)
    }

    pub(crate) fn take(&mut self, moment: &Moment) {
        match moment {
            Moment::Founded(id) => drop(self.members.insert(*id, Vote::Surely)),
            Moment::Joined(id) => drop(self.members.insert(*id, Vote::Joining)),
            Moment::Leaves(id) => drop(self.members.insert(*id, Vote::Leaving)),
            Moment::Left(id) => drop(self.members.remove(id)),
            Moment::Settled => {
                let joining = self.members.values_mut().filter(|vote| **vote == Vote::Joining);
                joining.for_each(|vote| *vote = Vote::Surely);
            }
            Moment::Hit(victims) => {
                victims.iter().for_each(|id| *self.hits.entry(*id).or_default() += 1);
            }
            Moment::Back(id) => *self.hits.entry(*id).or_default() -= 1,
            Moment::HitAll => self.everybody += 1,
            Moment::BackAll => self.everybody -= 1,
            Moment::Over | Moment::Acknowledged => {}
        }
    }
}

/// What a line says of who belongs to the group.
pub(crate) fn belonging(line: &Line) -> Option<Moment> {
    let id = line.node.filter(|_| line.is_by("member"))?;
    Some(match line.f.as_str() {
        "founded" => Moment::Founded(id),
        "joined" => Moment::Joined(id),
        "leaves" => Moment::Leaves(id),
        "left" => Moment::Left(id),
        _ => return None,
    })
}

/// When each Manager was asked how it is, and said it.
pub(crate) fn answers(lines: &[Line]) -> BTreeMap<u64, Vec<u64>> {
    let mut answers: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_by("probe") && line.f != "silent") {
        let (Some(node), Some(sent)) = (line.node, line.value["sent"].as_u64()) else { continue };
        answers.entry(node).or_default().push(sent);
    }
    answers.values_mut().for_each(|sent| sent.sort_unstable());
    answers
}

/// When a fault hits these, or everybody, and when they are back.
pub(crate) fn hits(
    strike: &Strike,
    these: Option<&[u64]>,
    answers: &BTreeMap<u64, Vec<u64>>,
) -> Vec<(u64, Moment)> {
    let hit = these.map_or(Moment::HitAll, |these| Moment::Hit(these.to_vec()));
    let mut moments = vec![(strike.from, hit)];
    let Some(over) = strike.over() else { return moments };
    // A process that is started anew follows whoever leads.
    let started_anew = strike.is(|means| matches!(means, Means::Kill | Means::Memory));
    moments.extend((!started_anew).then_some((over, Moment::Over)));
    // When one of them is a Manager like any other: a lease after it said how it is.
    let back = |id: &u64| {
        let sent = answers.get(id)?;
        sent.get(sent.partition_point(|sent| *sent < over)).map(|sent| sent + LEASE_NS)
    };
    if let Some(these) = these {
        moments.extend(these.iter().filter_map(|id| Some((back(id)?, Moment::Back(*id)))));
    } else {
        // Whoever is hit is not back either while its own number never answers; one that was replaced has another.
        let last = strike.victims.iter().filter_map(back).max();
        moments.extend(last.map(|last| (last, Moment::BackAll)));
    }
    moments.extend(settles(strike));
    moments
}

/// When whoever a fault brought under a new number has a vote.
pub(crate) fn settles(strike: &Strike) -> Option<(u64, Moment)> {
    let brings = |means: Means| {
        let lies = Means::Flushes(Flush::Lies);
        means == lies || matches!(means, Means::Disk(_) | Means::Membership(Change::Replace))
    };
    Some((strike.over().filter(|_| strike.bit() && strike.is(brings))?, Moment::Settled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(moments: &[Moment]) -> Group {
        let mut group = Group::default();
        [Moment::Founded(1), Moment::Founded(4), Moment::Founded(7)]
            .iter()
            .chain(moments)
            .for_each(|moment| group.take(moment));
        group
    }

    #[test]
    fn who_joins_is_a_vote_that_is_needed_and_not_one_that_is_there() {
        assert_eq!(group(&[Moment::Joined(30)]).majority(), Some([1, 4, 7].into()));
        let cut = group(&[Moment::Joined(30), Moment::Hit(vec![1])]);
        assert_eq!(cut.majority(), None);
        let settled = group(&[Moment::Joined(30), Moment::Hit(vec![1]), Moment::Settled]);
        assert_eq!(settled.majority(), Some([4, 7, 30].into()));
    }

    #[test]
    fn who_joins_or_leaves_is_on_the_side_of_a_majority_and_makes_none() {
        let cut = group(&[Moment::Joined(30), Moment::Hit(vec![1])]);
        assert_eq!(cut.side(), Some([4, 7, 30].into()));
        let with_it = group(&[Moment::Joined(30), Moment::Hit(vec![1, 30])]);
        assert_eq!(with_it.side(), Some([4, 7].into()));
        let two_cut = group(&[Moment::Joined(30), Moment::Hit(vec![1, 4])]);
        assert_eq!(two_cut.side(), None);
        assert_eq!(group(&[Moment::Leaves(1)]).side(), Some([1, 4, 7].into()));
        assert_eq!(group(&[Moment::Leaves(1), Moment::Hit(vec![4])]).side(), None);
        assert_eq!(group(&[Moment::HitAll]).side(), None);
    }
}
