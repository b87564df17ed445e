//! The repository (rows 18, 19) from each Manager's host: the host looks whether it reaches it, and the Manager that lives
//! there signs in. What one host may do at a repository, another may not: there is a firewall between, or a line in its
//! `pg_hba.conf`.

use super::cells::{Cell, blocked};
use super::here::{MEND_LOGIN, login};
use super::site::{Place, Site};
use super::{Answer, Answers, Question, of_host, silence};
use crate::base::ManagerId;
use crate::capabilities::managers::model::Role;
use crate::capabilities::prechecks::model::{Check, Finding, Trouble};

/// What is said of a repository whenever Kyvos Manager itself is well.
const UNAFFECTED: &str = "Kyvos Manager works without it.";

/// What a host must reach; a witness needs none.
pub(super) fn cells(site: &Site<'_>, place: &Place<'_>) -> Vec<Cell> {
    if place.is_witness() {
        return Vec::new();
    }
    let addresses = site.repositories().into_iter();
    addresses.map(|address| Cell { address, what: "repository" }).collect()
}

/// A Manager tries where its host reaches the port, and where its host cannot tell. The Active is asked by `here`.
pub(super) fn questions<'a>(
    site: &'a Site<'_>,
    answers: &'a Answers,
) -> impl Iterator<Item = Question> + 'a {
    let places = site.places().into_iter();
    let passives = places.filter_map(move |place| Some((tried_by(site, &place)??, place)));
    passives.flat_map(move |(by, place)| {
        let addresses = site.repositories().into_iter();
        let tried = addresses.filter(move |address| may_try(site, &place, address, answers));
        tried.filter_map(move |address| login(site, &address, Some(by)))
    })
}

/// Nobody knocks at a port that was just seen to be shut, nor before it was looked at.
fn may_try(site: &Site<'_>, place: &Place<'_>, address: &str, answers: &Answers) -> bool {
    let Some(host) = place.id else { return true };
    let port = Question::Port { host, address: address.to_owned() };
    match answers.get(&port).or_else(|| answers.get(&site.find(host))) {
        Some(Answer::Silent(_) | Answer::Unasked(_)) => true,
        Some(Answer::Good(_)) => answers.contains_key(&port),
        Some(Answer::Denied(_) | Answer::Bad(_)) | None => false,
    }
}

pub(super) fn judge(site: &Site<'_>, answers: &Answers) -> Vec<Finding> {
    if site.repositories().is_empty() {
        return Vec::new();
    }
    site.places().iter().filter_map(|place| judged(site, place, answers)).collect()
}

fn judged(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Option<Finding> {
    let by = tried_by(site, place);
    match (site.login(), by) {
        (Some(_), _) if place.is_witness() => Some(of_witness(place)),
        (None, _) if place.is_witness() => None,
        (Some(who), Some(by)) => Some(signed_in(site, place, who, by, answers)),
        _ => Some(reached(site, place, answers)),
    }
}

/// Who signs in from a host: the Active is here itself. `None`: no Manager lives there.
fn tried_by(site: &Site<'_>, place: &Place<'_>) -> Option<Option<ManagerId>> {
    let (manager, role) = place.member?;
    let is_active = site.state.managers.is_active(manager);
    (role == Role::Manager).then_some((!is_active).then_some(manager))
}

fn of_witness(place: &Place<'_>) -> Finding {
    let detail = format!(
        "Not tried from {}: a witness has no key that opens REPOSITORY_PASSWORD, and needs no repository.",
        place.name
    );
    of_host(Check::Repository, place.name).pass(detail)
}

/// Nobody is there to sign in, or nobody is set to: the port tells.
fn reached(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Finding {
    let of = of_host(Check::Repository, place.name);
    if let Some((trouble, detail)) = silence(site, place, answers) {
        return of.warn(trouble, detail);
    }
    let cells = cells(site, place);
    let blocked = blocked(place, cells.iter(), answers);
    if blocked.is_empty() {
        return of.pass(format!("{} reaches {}.", place.name, site.repositories().join(", ")));
    }
    let detail = format!("{}. {UNAFFECTED}", blocked.join("; "));
    of.warn(Trouble::RepositoryUnreachable, detail)
}

fn signed_in(
    site: &Site<'_>,
    place: &Place<'_>,
    (user, database): (&str, &str),
    by: Option<ManagerId>,
    answers: &Answers,
) -> Finding {
    let of = of_host(Check::Repository, place.name);
    let cells = cells(site, place);
    let trouble = |cell: &Cell| {
        let (host, address) = (place.name, cell.address.as_str());
        match login(site, address, by).and_then(|login| answers.get(&login)) {
            Some(Answer::Good(_)) => None,
            Some(Answer::Denied(why) | Answer::Bad(why)) => {
                let told = format!(
                    "{address} does not let {user} sign in to {database} from {host}: {why}"
                );
                Some((Trouble::RepositoryLoginRefused, told))
            }
            Some(Answer::Silent(why)) => {
                let told = format!("{host} → {address} (repository): {why}");
                Some((Trouble::RepositoryUnreachable, told))
            }
            Some(Answer::Unasked(why)) => {
                let told = format!(
                    "The Kyvos Manager on {host} did not try to sign in at {address}: {why}"
                );
                Some((Trouble::HostSilent, told))
            }
            None => {
                let not_tried = || format!("{host} → {address} (repository): no sign-in was tried");
                let told = blocked(place, [cell].into_iter(), answers).pop();
                Some((Trouble::RepositoryUnreachable, told.unwrap_or_else(not_tried)))
            }
        }
    };
    let troubles: Vec<_> = cells.iter().filter_map(trouble).collect();
    let told = troubles.iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>().join("; ");
    let refused = (Trouble::RepositoryLoginRefused, told.as_str());
    match troubles.first() {
        None => {
            let addresses = site.repositories().join(", ");
            of.pass(format!("{user} signs in to {database} at {addresses} from {}.", place.name))
        }
        Some(_) if troubles.iter().any(|(trouble, _)| *trouble == refused.0) => {
            of.fail(refused.0, format!("{told}. {MEND_LOGIN}"))
        }
        Some((trouble, _)) => of.warn(*trouble, format!("{told}. {UNAFFECTED}")),
    }
}
