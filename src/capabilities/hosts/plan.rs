//! Which hosts the Active has to look at now, and why.

use std::collections::BTreeMap;

use super::model::{Facts, Host, Transport};
use crate::base::{HostId, Revision};

/// How often a host that answers is looked at.
const PERIOD_MS: u64 = 10_000;
/// How often one that does not is: people wait for it to come back.
const SILENT_PERIOD_MS: u64 = 3_000;
/// So many hosts are looked at in a second on average, at most: with very many, each waits longer for its turn.
const HOSTS_A_SECOND: u64 = 50;

/// One look at a host in this tenure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How long ago.
    pub age_ms: u64,
    /// The host's last change at that time.
    pub revision: Revision,
    /// The newest wish that was known then.
    pub asked: Revision,
    /// Whether it answered.
    pub answered: bool,
}

/// A host to look at, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub host: HostId,
    /// The host's last change, so that a later one brings another look.
    pub revision: Revision,
    /// The newest wish that the look fulfils.
    pub asked: Revision,
    /// Why.
    pub because: &'static str,
}

/// The hosts to look at now: whom somebody asked for first, then those that this tenure has not greeted yet.
pub fn plan(facts: &Facts, looks: &BTreeMap<HostId, Look>) -> Vec<Step> {
    let due = |(id, host): (&HostId, &Host)| {
        let because = because(*id, host, looks.get(id), facts.hosts.len())?;
        Some(Step { host: *id, revision: host.revision, asked: host.look_asked, because })
    };
    let mut steps: Vec<Step> = facts.hosts.iter().filter_map(due).collect();
    // Stable, so within a kind it is the order of registration.
    steps.sort_by_key(|step| !is_asked(&facts.hosts[&step.host], looks.get(&step.host)));
    steps
}

fn because(id: HostId, host: &Host, look: Option<&Look>, hosts: usize) -> Option<&'static str> {
    if is_asked(host, look) {
        return Some("somebody asked");
    }
    if is_unenrolled(host) {
        return None;
    }
    let Some(look) = look else { return Some("this tenure has not greeted it yet") };
    if look.revision != host.revision {
        return Some("it was changed");
    }
    (look.age_ms >= period_ms(id, look.answered, hosts)).then_some("it is its turn")
}

/// A wish that neither the facts nor this tenure know to be fulfilled.
fn is_asked(host: &Host, look: Option<&Look>) -> bool {
    host.look_asked > host.looked && look.is_none_or(|look| look.asked < host.look_asked)
}

/// There is no way to such a host yet, and no look tells more than that.
fn is_unenrolled(host: &Host) -> bool {
    matches!(host.transport, Transport::Agent { .. }) && host.enrolled_at.is_none()
}

/// Hosts are out of step with each other by their numbers, so that they are not all asked in one moment.
fn period_ms(id: HostId, answered: bool, hosts: usize) -> u64 {
    let period = if answered { PERIOD_MS } else { SILENT_PERIOD_MS };
    let stretched = period.max(hosts as u64 * 1_000 / HOSTS_A_SECOND);
    stretched + id.0.wrapping_mul(7_919) % (stretched / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn facts(hosts: u64) -> Facts {
        let host = |id: u64| {
            let host = Host {
                name: format!("km{id}"),
                roles: Default::default(),
                transport: Transport::Agent { address: format!("km{id}:7445") },
                enrolled_at: Some(Timestamp(1)),
                trusted_key: None,
                seen: None,
                look_asked: Revision(0),
                looked: Revision(0),
                registered_at: Timestamp(1),
                revision: Revision(id),
            };
            (HostId(id), host)
        };
        Facts { hosts: (1..=hosts).map(host).collect(), ..Facts::default() }
    }

    fn look(id: u64, age_ms: u64, answered: bool) -> (HostId, Look) {
        (HostId(id), Look { age_ms, revision: Revision(id), asked: Revision(0), answered })
    }

    #[test]
    fn every_host_has_its_turn_and_no_two_of_them_at_once_for_long() {
        let facts = facts(3);
        assert_eq!(plan(&facts, &BTreeMap::new()).len(), 3);
        let looks =
            BTreeMap::from([look(1, 0, true), look(2, 12_500, true), look(3, 3_750, false)]);
        let due: Vec<u64> = plan(&facts, &looks).iter().map(|step| step.host.0).collect();
        assert_eq!(due, [2, 3]);
        let periods: Vec<u64> = (1..=3).map(|id| period_ms(HostId(id), true, 3)).collect();
        assert!(periods.iter().all(|period| (PERIOD_MS..PERIOD_MS * 5 / 4).contains(period)));
        assert!(periods[0] != periods[1] && periods[1] != periods[2]);
    }

    #[test]
    fn a_thousand_hosts_are_asked_fifty_in_a_second_and_not_more() {
        assert!(period_ms(HostId(1), true, 1_000) >= 20_000);
        assert!(period_ms(HostId(1), false, 1_000) >= 20_000);
    }

    #[test]
    fn whom_somebody_asked_for_comes_first_also_without_a_way_there() {
        let mut facts = facts(3);
        let third = facts.hosts.get_mut(&HostId(3)).unwrap();
        (third.look_asked, third.enrolled_at) = (Revision(9), None);
        let steps = plan(&facts, &BTreeMap::new());
        assert_eq!((steps[0].host, steps[0].asked), (HostId(3), Revision(9)));
        facts.hosts.get_mut(&HostId(3)).unwrap().looked = Revision(9);
        assert_eq!(plan(&facts, &BTreeMap::new()).len(), 2);
    }
}
