//! What is looked at on each host: the tool and what it reaches, and who the host is to its cloud.

use super::site::{Place, Site, Tool};
use super::{Answer, Answers, Question, of_host, silence};
use crate::base::HostId;
use crate::capabilities::prechecks::model::{Check, Finding, Trouble};

/// Longest part of an identity that is told.
const IDENTITY_SHOWN: usize = 160;

pub(super) fn questions<'a>(
    site: &'a Site<'_>,
    answers: &'a Answers,
) -> impl Iterator<Item = Question> + 'a {
    let tool = site.tool();
    let has_it = |host: &HostId| matches!(answers.get(&site.find(*host)), Some(Answer::Good(_)));
    let able: Vec<HostId> = site.hosts().filter(has_it).collect();
    let in_scope = |host: &&HostId| {
        site.state.hosts.host(**host).is_ok_and(|found| site.scope.holds(&found.name))
    };
    let writing: Vec<HostId> = able.iter().filter(in_scope).copied().collect();
    let canaries = site.location().into_iter().flat_map(move |location| {
        let canary = |host| Question::Canary { host, tool, location: location.to_owned() };
        writing.iter().copied().map(canary).collect::<Vec<_>>()
    });
    let tells = tool != Tool::Gsutil;
    let compared = compared(site).filter(move |host| tells && able.contains(host));
    canaries.chain(compared.map(move |host| Question::Identity { host, tool }))
}

/// The hosts whose identity is asked: the first Manager's, and those compared with it.
fn compared<'a>(site: &'a Site<'_>) -> impl Iterator<Item = HostId> + 'a {
    let places = site.places().into_iter().filter(|place| !place.is_witness());
    places.chain(site.reference()).filter_map(|place| place.id)
}

pub(super) fn judge(site: &Site<'_>, answers: &Answers) -> Vec<Finding> {
    let hosts = site.state.hosts.hosts.iter();
    let asked = hosts.filter(|(_, host)| site.scope.holds(&host.name));
    let mut findings: Vec<_> = asked
        .map(|(id, host)| {
            cli(site, Place { name: &host.name, id: Some(*id), member: None }, answers)
        })
        .collect();
    let places = site.places();
    let managers = places.iter().filter(|place| !place.is_witness());
    findings.extend(managers.map(|place| identity(site, place, answers)));
    findings
}

/// Rows 15, 16: the command is there, and writes, reads and clears the snapshot location.
fn cli(site: &Site<'_>, place: Place<'_>, answers: &Answers) -> Finding {
    let of = of_host(Check::Cli, place.name);
    if let Some((trouble, detail)) = silence(site, &place, answers) {
        return of.fail(trouble, detail);
    }
    let (tool, name) = (site.tool(), place.name);
    let command = tool.command();
    let found = place.id.and_then(|host| answers.get(&site.find(host)));
    if let Some(Answer::Bad(why) | Answer::Denied(why)) = found {
        let detail = format!("{name}: the command {command} was not found. {why}");
        return of.fail(Trouble::CliMissing, detail);
    }
    let Some(location) = site.location() else {
        let detail = format!(
            "{name} has {command}. Whether it can write is not known: SNAPSHOT_LOCATION is empty."
        );
        return of.warn(Trouble::NoSnapshotLocation, detail);
    };
    let canary =
        place.id.map(|host| Question::Canary { host, tool, location: location.to_owned() });
    match canary.and_then(|canary| answers.get(&canary)) {
        Some(Answer::Good(_)) => of.pass(format!(
            "{name} has {command}; it wrote, read and cleared a file at {location}."
        )),
        Some(Answer::Denied(why)) => {
            let detail = format!("{name}: {command} was denied access to {location}. {why}");
            of.fail(Trouble::AccessDenied, detail)
        }
        Some(Answer::Bad(why)) => {
            of.fail(Trouble::CanaryFailed, format!("{name}: {command} at {location}: {why}"))
        }
        Some(Answer::Silent(why) | Answer::Unasked(why)) => {
            of.fail(Trouble::HostSilent, format!("{name} does not answer: {why}"))
        }
        None => of.fail(Trouble::CanaryFailed, format!("{name}: {location} was not tried.")),
    }
}

/// Row 20: all Managers' hosts are the same to their cloud.
fn identity(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Finding {
    let of = of_host(Check::Identity, place.name);
    if let Some((trouble, detail)) = silence(site, place, answers) {
        return of.fail(trouble, detail);
    }
    if site.tool() == Tool::Gsutil {
        let detail = "gsutil does not tell who the host is: compare the service accounts of the machines yourself.";
        return of.warn(Trouble::IdentityUnknown, detail);
    }
    let own = match told(site, place, answers) {
        Ok(own) => own,
        Err(why) => return of.fail(Trouble::IdentityUnknown, why),
    };
    let reference = site.reference();
    let Some(first) = reference.filter(|first| first.name != place.name) else {
        return of.pass(format!("{} is {}.", place.name, shown(&own)));
    };
    if let Some((trouble, detail)) = silence(site, &first, answers) {
        return of.fail(trouble, format!("Nothing to compare with: {detail}"));
    }
    match told(site, &first, answers) {
        Ok(expected) if expected == own => {
            of.pass(format!("{} and {} are both {}.", place.name, first.name, shown(&own)))
        }
        Ok(expected) => {
            let detail = format!(
                "{} is {}, but {} is {}.",
                place.name,
                shown(&own),
                first.name,
                shown(&expected)
            );
            of.fail(Trouble::IdentityDiffers, detail)
        }
        Err(why) => of.fail(Trouble::IdentityUnknown, format!("Nothing to compare with: {why}")),
    }
}

/// Who a host says it is.
fn told(site: &Site<'_>, place: &Place<'_>, answers: &Answers) -> Result<String, String> {
    let (tool, name) = (site.tool(), place.name);
    let asked = place.id.map(|host| Question::Identity { host, tool });
    match asked.and_then(|asked| answers.get(&asked)) {
        Some(Answer::Good(identity)) if !identity.trim().is_empty() => Ok(who(tool, identity)),
        Some(Answer::Good(_)) => Err(format!("{name}: {} said nothing.", tool.command())),
        Some(Answer::Denied(why) | Answer::Bad(why)) => {
            Err(format!("{name}: {} does not tell who the host is. {why}", tool.command()))
        }
        Some(Answer::Silent(why) | Answer::Unasked(why)) => {
            Err(format!("{name} does not answer: {why}"))
        }
        None => Err(format!("{name} has no {} to tell who it is.", tool.command())),
    }
}

/// Who a tool says the host is, without what differs from host to host though the rights are the same: Amazon names the
/// instance behind the role it has taken.
fn who(tool: Tool, said: &str) -> String {
    let told: Option<serde_json::Value> = serde_json::from_str(said).ok();
    let arn = told.as_ref().and_then(|told| told["Arn"].as_str());
    match (tool, arn) {
        (Tool::Aws, Some(arn)) => match arn.split_once(":assumed-role/") {
            Some((account, role)) => {
                let role = role.split('/').next().unwrap_or_default();
                format!("{account}:assumed-role/{role}")
            }
            None => arn.to_owned(),
        },
        _ => said.trim().to_owned(),
    }
}

fn shown(identity: &str) -> String {
    let line = identity.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::base::text::cut(&line, IDENTITY_SHOWN)
}
