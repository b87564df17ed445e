//! The port matrix (row 21): what each Manager's host must reach, and whether it does.

use std::collections::BTreeSet;

use super::site::{Place, Site};
use super::{Answer, Answers, Question, of_host, repository, silence};
use crate::capabilities::hosts::model::Transport;
use crate::capabilities::managers::model::Role;
use crate::capabilities::prechecks::model::{Check, Finding, Trouble};

/// How many blocked cells are named; a detail has an end.
const NAMED_MAX: usize = 8;

/// One cell of a host's row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    /// `host:port`.
    pub(super) address: String,
    /// What is there, for people.
    pub(super) what: &'static str,
}

pub(super) fn questions<'a>(
    site: &'a Site<'_>,
    answers: &'a Answers,
) -> impl Iterator<Item = Question> + 'a {
    let places = site.places().into_iter();
    let answering = places.filter(|place| silence(site, place, answers).is_none());
    answering.flat_map(|place| {
        let cells = cells(site, &place).into_iter().chain(repository::cells(site, &place));
        let host = place.id;
        cells.filter_map(move |cell| Some(Question::Port { host: host?, address: cell.address }))
    })
}

pub(super) fn judge(site: &Site<'_>, answers: &Answers) -> Vec<Finding> {
    let places = site.places();
    places.iter().map(|place| port_matrix(site, place, answers)).collect()
}

/// Everything a host with a Manager or witness on it must reach, but the repository: that one is looked at beside it,
/// because Kyvos Manager HA needs none (row 34).
fn cells(site: &Site<'_>, place: &Place<'_>) -> BTreeSet<Cell> {
    let mut cells = BTreeSet::new();
    let others = site.state.managers.members.iter();
    let others = others.filter(|(id, _)| place.member.is_none_or(|(own, _)| own != **id));
    for (_, member) in others {
        let address = member.profile.peer_addr.clone();
        cells.insert(Cell { address, what: "peer port" });
        if member.role == Role::Manager && !place.is_witness() {
            cells.extend(
                address_of(&member.profile.api_url)
                    .map(|address| Cell { address, what: "API port" }),
            );
        }
    }
    if place.is_witness() {
        return cells;
    }
    for (id, host) in &site.state.hosts.hosts {
        let address = host.transport.address();
        if Some(*id) != place.id && !address.is_empty() {
            let what = match host.transport {
                Transport::Agent { .. } => "agent",
                Transport::Ssh(_) => "SSH server",
            };
            cells.insert(Cell { address: address.to_owned(), what });
        }
    }
    if site.watches_zookeeper() {
        cells.extend(
            site.zookeepers().into_iter().map(|address| Cell { address, what: "ZooKeeper" }),
        );
    }
    let store = site.location().and_then(address_of);
    cells.extend(store.map(|address| Cell { address, what: "object store" }));
    cells
}

fn port_matrix(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Finding {
    let of = of_host(Check::PortMatrix, place.name);
    if let Some((trouble, detail)) = silence(site, place, answers) {
        return of.fail(trouble, detail);
    }
    let cells = cells(site, place);
    let blocked = blocked(place, cells.iter(), answers);
    if blocked.is_empty() {
        return of.pass(format!("{} reaches all {} ports it needs.", place.name, cells.len()));
    }
    let more = blocked.len().saturating_sub(NAMED_MAX);
    let named: Vec<_> = blocked.into_iter().take(NAMED_MAX).collect();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    of.fail(Trouble::PortBlocked, format!("{}{more}", named.join("; ")))
}

/// The cells that are not reached, each in words.
pub(super) fn blocked<'c>(
    place: &Place<'_>,
    cells: impl Iterator<Item = &'c Cell>,
    answers: &Answers,
) -> Vec<String> {
    let words = |cell: &Cell| {
        let address = cell.address.clone();
        let asked = place.id.map(|host| Question::Port { host, address });
        let why = match asked.and_then(|asked| answers.get(&asked)) {
            Some(Answer::Good(_)) => return None,
            Some(Answer::Denied(why) | Answer::Bad(why)) => why.clone(),
            Some(Answer::Silent(why) | Answer::Unasked(why)) => {
                format!("{} does not answer: {why}", place.name)
            }
            None => "not tried".to_owned(),
        };
        Some(format!("{} → {} ({}): {why}", place.name, cell.address, cell.what))
    };
    cells.filter_map(words).collect()
}

/// `host:port` that a URL names; `None` when it names a bucket or a path, which only a tool can find.
fn address_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let port = match scheme {
        "https" | "abfss" | "wasbs" => 443,
        "http" => 80,
        "hdfs" => 8020,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    // abfss://container@account.dfs.core.windows.net/path
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let ported = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match (host.is_empty(), ported) {
        (true, _) => None,
        (false, true) => Some(host.to_owned()),
        (false, false) => Some(format!("{host}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn a_url_names_an_address_unless_only_a_tool_can_find_it() {
        for (url, address) in [
            ("https://km1:7443", Some("km1:7443")),
            (
                "https://account.blob.core.windows.net/snapshots",
                Some("account.blob.core.windows.net:443"),
            ),
            (
                "abfss://box@account.dfs.core.windows.net/a",
                Some("account.dfs.core.windows.net:443"),
            ),
            ("hdfs://nn/user/kyvos", Some("nn:8020")),
            ("hdfs:///user/kyvos", None),
            ("https://[2001:db8::1]:7443/", Some("[2001:db8::1]:7443")),
            ("https://[2001:db8::1]/", Some("[2001:db8::1]:443")),
            ("s3://bucket/a", None),
            ("gs://bucket", None),
            ("/user/kyvos", None),
        ] {
            assert_eq!(address_of(url).as_deref(), address, "{url}");
        }
    }
}
