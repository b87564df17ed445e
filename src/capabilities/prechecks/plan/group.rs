//! What the facts and Raft's own record tell: the roles of hosts, and how many failures the group outlives.

use super::site::Site;
use super::{of_group, of_host};
use crate::capabilities::hosts::model::HostRole;
use crate::capabilities::managers::plan::Seen;
use crate::capabilities::prechecks::model::{Check, Finding, Trouble};
use crate::machine::State;

/// So many Web Portals are Web Portal HA (row 13).
const PORTALS_MIN: usize = 2;

pub(super) fn judge(site: &Site<'_>, seen: &Seen) -> Vec<Finding> {
    let places = site.places();
    let portals = places.iter().filter(|place| !place.is_witness());
    let mut findings: Vec<_> = portals.map(|place| portal_role(site.state, place.name)).collect();
    findings.push(portal_ha(site.state));
    findings.push(failure_tolerance(seen));
    findings
}

/// Row 11: a Manager is only on a host with the Web Portal.
pub fn portal_role(state: &State, host: &str) -> Finding {
    let of = of_host(Check::PortalRole, host);
    match state.hosts.named(host) {
        Ok((_, found)) if found.roles.contains(&HostRole::WebPortal) => {
            of.pass(format!("{host} runs the Kyvos Web Portal."))
        }
        Ok(_) => {
            let detail = format!(
                "{host} does not run the Kyvos Web Portal. A Kyvos Manager is only on hosts that do; a witness may be anywhere."
            );
            of.fail(Trouble::KmRequiresWebPortal, detail)
        }
        Err(_) => {
            let detail = format!(
                "{host} is not registered as a host. Register it with km hosts add, with the role web_portal."
            );
            of.warn(Trouble::HostNotRegistered, detail)
        }
    }
}

/// Row 13: Kyvos Manager HA requires Web Portal HA.
pub fn portal_ha(state: &State) -> Finding {
    let of = of_group(Check::PortalHa);
    let portals = state.hosts.with_role(HostRole::WebPortal).count();
    if portals >= PORTALS_MIN {
        return of.pass(format!("{portals} hosts run the Kyvos Web Portal."));
    }
    let detail = format!(
        "Kyvos Manager HA requires Web Portal HA: {PORTALS_MIN} hosts with the Kyvos Web Portal, and there are {portals}."
    );
    of.fail(Trouble::WebPortalHaRequired, detail)
}

/// A5: two voters are accepted and said to be no HA.
fn failure_tolerance(seen: &Seen) -> Finding {
    let of = of_group(Check::FailureTolerance);
    let voters = seen.voters.len();
    let (quorum, answering) =
        (voters / 2 + 1, seen.voters.iter().filter(|id| seen.answers(**id)).count());
    let tolerates = answering.saturating_sub(quorum);
    let detail = match (voters, tolerates) {
        (0 | 1, _) => "No automatic failover: there is 1 Kyvos Manager instance. Add two more, or one and a witness.".to_owned(),
        (2, _) => "No automatic failover: 2 of 2 Kyvos Manager instances are required. Add a third instance or a witness.".to_owned(),
        (_, 0) => format!("One more failure stops Kyvos Manager: {answering} of {voters} voters answer, {quorum} are required."),
        _ => {
            let failures = if tolerates == 1 { "failure" } else { "failures" };
            return of.pass(format!("Quorum {quorum} of {voters} · tolerates {tolerates} {failures}."));
        }
    };
    of.warn(Trouble::NoAutomaticFailover, detail)
}
