//! What the Active looks at from where it is: ZooKeeper, the load balancer, the repository.

use super::site::Site;
use super::{Answer, Answers, Question, manager_named, of_group};
use crate::base::ManagerId;
use crate::capabilities::prechecks::model::{Check, Finding, Trouble};
use crate::capabilities::services::model as services;

/// Rows 14, 29–32: what is said whenever ZooKeeper is not as it should be.
const UNAFFECTED: &str = "Kyvos Manager HA is not affected.";

/// What is to be done about a sign-in that was refused.
pub(super) const MEND_LOGIN: &str = "Set REPOSITORY_USER, REPOSITORY_PASSWORD and REPOSITORY_DATABASE to what the repository takes: km properties set kyvos-manager REPOSITORY_PASSWORD asks for it.";

pub(super) fn questions<'a>(site: &'a Site<'_>) -> impl Iterator<Item = Question> + 'a {
    let watched = if site.watches_zookeeper() { site.zookeepers() } else { Vec::new() };
    let zookeepers = watched.into_iter().map(|address| Question::Zookeeper { address });
    let balancer = site.load_balancer().map(|url| Question::LoadBalancer { url: url.into() });
    let repositories =
        site.repositories().into_iter().map(|address| Question::Postgres { address });
    zookeepers.chain(balancer).chain(repositories)
}

pub(super) fn judge(site: &Site<'_>, answers: &Answers) -> Vec<Finding> {
    vec![zookeeper(site, answers), load_balancer(site, answers), repository(site, answers)]
}

fn zookeeper(site: &Site<'_>, answers: &Answers) -> Finding {
    let of = of_group(Check::Zookeeper);
    if !site.watches_zookeeper() {
        let detail = format!(
            "Not looked at: ENABLE_KM_HA or ZK_SERVICE_WATCH says that Kyvos Manager does not connect to ZooKeeper. {UNAFFECTED}"
        );
        return of.warn(Trouble::ZookeeperNotWatched, detail);
    }
    let members = site.zookeepers();
    if members.is_empty() {
        let detail = format!("No host is registered with the role zookeeper. {UNAFFECTED}");
        return of.warn(Trouble::NoZookeeper, detail);
    }
    let mut serving = Vec::new();
    let mut silent = Vec::new();
    for address in &members {
        match answers.get(&Question::Zookeeper { address: address.clone() }) {
            Some(Answer::Good(mode)) => serving.push(format!("{address} {mode}")),
            Some(
                Answer::Denied(why) | Answer::Bad(why) | Answer::Silent(why) | Answer::Unasked(why),
            ) => {
                silent.push(format!("{address}: {why}"));
            }
            None => silent.push(format!("{address}: not asked")),
        }
    }
    let all = members.len();
    if serving.len() <= all / 2 {
        let detail = format!(
            "{} of {all} ZooKeeper servers serve; service watch degraded. {UNAFFECTED} {}",
            serving.len(),
            silent.join("; ")
        );
        return of.warn(Trouble::ZookeeperDown, detail);
    }
    if !silent.is_empty() {
        let detail = format!(
            "{} of {all} ZooKeeper servers serve. {UNAFFECTED} {}",
            serving.len(),
            silent.join("; ")
        );
        return of.warn(Trouble::ZookeeperDegraded, detail);
    }
    if let Some(weakness) = services::weakness(all) {
        return of.warn(Trouble::ZookeeperNotRedundant, format!("{weakness} {UNAFFECTED}"));
    }
    of.pass(format!("{all} ZooKeeper servers serve: {}.", serving.join(", ")))
}

/// Row 17.
fn load_balancer(site: &Site<'_>, answers: &Answers) -> Finding {
    let of = of_group(Check::LoadBalancer);
    let Some(url) = site.load_balancer() else {
        return match site.in_a_cloud() {
            true => of.fail(
                Trouble::LoadBalancerRequired,
                "In a cloud a load balancer must be configured: set LOAD_BALANCER_URL.",
            ),
            false => of.pass("No load balancer is configured, and on premises none is needed."),
        };
    };
    let active = site.state.managers.tenure.as_ref().map(|tenure| tenure.active);
    match answers.get(&Question::LoadBalancer { url: url.into() }) {
        Some(Answer::Good(served_by)) => match manager_named(served_by) {
            Some(manager) if Some(manager) == active => {
                of.pass(format!("{url} leads to the Active, Kyvos Manager {manager}."))
            }
            _ => {
                let active = active.map_or("nobody".to_owned(), |active| active.to_string());
                let detail = format!(
                    "{url} leads to Kyvos Manager {served_by}, but {active} is Active. Have the load balancer ask /health/active of every instance."
                );
                of.fail(Trouble::LoadBalancerAstray, detail)
            }
        },
        Some(
            Answer::Denied(why) | Answer::Bad(why) | Answer::Silent(why) | Answer::Unasked(why),
        ) => of.fail(Trouble::LoadBalancerUnreachable, format!("{url}: {why}")),
        None => of.fail(Trouble::LoadBalancerUnreachable, format!("{url} was not asked.")),
    }
}

/// Rows 18, 19, 34: the repository is of Kyvos services. Kyvos Manager needs none, so that it is away is never worse
/// than a warning; what was set to sign in there is set by an operator, and that it does not is his to put right. What
/// each Manager's host reaches, and how its Manager signs in, is in `repository`.
fn repository(site: &Site<'_>, answers: &Answers) -> Finding {
    let of = of_group(Check::Repository);
    let addresses = site.repositories();
    if addresses.is_empty() {
        let detail = "No repository is known: REPOSITORY_HOST is empty and no host has the role postgres. Kyvos Manager itself needs none.";
        return of.warn(Trouble::NoRepository, detail);
    }
    let troubles: Vec<_> = addresses
        .iter()
        .filter_map(|address| {
            silent(address, answers).or_else(|| locked_out(site, address, answers))
        })
        .collect();
    let told = || troubles.iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>().join("; ");
    if troubles.iter().any(|(trouble, _)| *trouble == Trouble::RepositoryLoginRefused) {
        let detail = format!("{}. {MEND_LOGIN}", told());
        return of.fail(Trouble::RepositoryLoginRefused, detail);
    }
    match (troubles.first(), site.login()) {
        (None, None) => of.pass(format!(
            "PostgreSQL answers at {}. A sign-in is not tried: REPOSITORY_USER is empty.",
            addresses.join(", ")
        )),
        (None, Some((user, database))) => {
            of.pass(format!("{user} signs in to {database} at {}.", addresses.join(", ")))
        }
        (Some((trouble, _)), _) => {
            let detail = format!(
                "{}. Kyvos services may be affected; Kyvos Manager works without it.",
                told()
            );
            of.warn(*trouble, detail)
        }
    }
}

/// What is the matter with a repository that does not answer as one.
fn silent(address: &str, answers: &Answers) -> Option<(Trouble, String)> {
    match answers.get(&Question::Postgres { address: address.to_owned() }) {
        Some(Answer::Good(_)) => None,
        Some(Answer::Denied(why) | Answer::Bad(why)) => {
            Some((Trouble::RepositoryNotPostgres, format!("{address}: {why}")))
        }
        Some(Answer::Silent(why) | Answer::Unasked(why)) => {
            Some((Trouble::RepositoryUnreachable, format!("{address}: {why}")))
        }
        None => Some((Trouble::RepositoryUnreachable, format!("{address}: not asked"))),
    }
}

/// What is the matter with a repository that answers, and lets nobody in.
fn locked_out(site: &Site<'_>, address: &str, answers: &Answers) -> Option<(Trouble, String)> {
    let login = login(site, address, None)?;
    let (user, database) = site.login()?;
    match answers.get(&login) {
        Some(Answer::Good(_)) => None,
        Some(Answer::Denied(why) | Answer::Bad(why)) => {
            let told = format!("{address} does not let {user} sign in to {database}: {why}");
            Some((Trouble::RepositoryLoginRefused, told))
        }
        Some(Answer::Silent(why) | Answer::Unasked(why)) => {
            Some((Trouble::RepositoryUnreachable, format!("{address}: {why}")))
        }
        None => Some((Trouble::RepositoryUnreachable, format!("{address}: no sign-in was tried"))),
    }
}

/// A sign-in there by a Manager, or from here; `None`: nobody is set to sign in.
pub(super) fn login(site: &Site<'_>, address: &str, by: Option<ManagerId>) -> Option<Question> {
    let (user, database) = site.login()?;
    let (address, user, database) = (address.to_owned(), user.to_owned(), database.to_owned());
    Some(Question::Login { by, address, user, database })
}

/// A sign-in is tried where a Postgres answers.
pub(super) fn logins<'a>(
    site: &'a Site<'_>,
    answers: &'a Answers,
) -> impl Iterator<Item = Question> + 'a {
    let answering =
        site.repositories().into_iter().filter(|address| silent(address, answers).is_none());
    answering.filter_map(|address| login(site, &address, None))
}
