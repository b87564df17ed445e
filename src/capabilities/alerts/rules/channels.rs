//! Which channels there may be, and what may be set.

use super::super::command::Event;
use super::super::model::{
    CHANNELS_MAX, Channel, Encryption, Facts, Login, Mail, NAME_MAX_BYTES, PEM_MAX_BYTES,
    RECIPIENTS_MAX, SEALED_MAX_BYTES, Setting, URL_MAX_BYTES, USERNAME_MAX_BYTES, Way, Webhook,
    is_mail_address, is_url,
};
use crate::base::text::{cut, fits, one_line};
use crate::base::{Code, Refusal, Revision, Timestamp};
use crate::capabilities::hosts::model::ADDRESS_MAX_BYTES;
use crate::machine::{Moment, Trace};

pub(super) fn add(facts: &Facts, setting: &Setting) -> Result<Event, Refusal> {
    if facts.channels.len() >= CHANNELS_MAX {
        let detail = format!("At most {CHANNELS_MAX} channels are kept.");
        return Err(Refusal::new(Code::TooMany, detail));
    }
    check(facts, None, setting)?;
    Ok(Event::ChannelAdded { setting: setting.clone() })
}

pub(super) fn set(
    facts: &Facts,
    id: Revision,
    setting: &Setting,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    unchanged(facts.channel(id)?, expect)?;
    check(facts, Some(id), setting)?;
    Ok(Event::ChannelSet { id, setting: setting.clone() })
}

pub(super) fn remove(
    facts: &Facts,
    id: Revision,
    expect: Option<Revision>,
) -> Result<Event, Refusal> {
    unchanged(facts.channel(id)?, expect)?;
    Ok(Event::ChannelRemoved { id })
}

/// What waits is tried at once, as it is set now.
pub(super) fn set_anew(facts: &mut Facts, moment: &Moment, id: Revision, setting: &Setting) {
    if let Some(channel) = facts.channels.get_mut(&id) {
        channel.setting = setting.clone();
        channel.revision = moment.revision;
        (channel.failed, channel.not_before) = (0, Timestamp(0));
    }
}

/// For the audit: what leads where, and no secret.
pub(super) fn trace(action: &str, known: Option<&Channel>, setting: Option<&Setting>) -> Trace {
    let told = |setting: &Setting| {
        let least = setting.least.as_str();
        cut(&format!("{} {}, {least} and above", setting.way.as_str(), setting.way.target()), 256)
    };
    let before = known.map(|channel| &channel.setting);
    let name = setting.or(before).map(|setting| cut(&setting.name, NAME_MAX_BYTES));
    let trace = Trace::new(action, name.unwrap_or_else(|| "unknown".into()));
    match action.ends_with("test_channel") {
        true => trace,
        false => trace.changing(before.map(told), setting.map(told)),
    }
}

fn unchanged(channel: &Channel, expect: Option<Revision>) -> Result<(), Refusal> {
    let is = channel.revision;
    match expect {
        Some(expected) if expected != is => {
            let detail = format!("The channel changed at revision {is}, expected {expected}.");
            Err(Refusal::new(Code::Changed, detail))
        }
        Some(_) | None => Ok(()),
    }
}

fn check(facts: &Facts, own: Option<Revision>, setting: &Setting) -> Result<(), Refusal> {
    one_line("A channel's name", &setting.name, NAME_MAX_BYTES)?;
    if setting.name.trim().is_empty() {
        return Err(invalid("A channel needs a name."));
    }
    let others = facts.channels.iter().filter(|(id, _)| Some(**id) != own);
    if others.map(|(_, channel)| &channel.setting.name).any(|name| *name == setting.name) {
        let detail = format!("A channel is called {} already.", setting.name);
        return Err(Refusal::new(Code::ChannelExists, detail));
    }
    match &setting.way {
        Way::Webhook(webhook) => webhook_fits(webhook),
        Way::Mail(mail) => mail_fits(mail),
    }
}

fn webhook_fits(webhook: &Webhook) -> Result<(), Refusal> {
    one_line("A URL", &webhook.url, URL_MAX_BYTES)?;
    if !is_url(&webhook.url) {
        return Err(invalid(
            "A webhook's URL begins with https:// or http://, names a host, and no user.",
        ));
    }
    authority_fits(webhook.ca_pem.as_deref())?;
    sealed_fits(&webhook.sealed_secret)
}

fn mail_fits(mail: &Mail) -> Result<(), Refusal> {
    one_line("A mail server", &mail.server, ADDRESS_MAX_BYTES)?;
    let port = mail.server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err() || port == "0") {
        return Err(invalid("A mail server is given as host:port."));
    }
    authority_fits(mail.ca_pem.as_deref())?;
    if let Some(Login { username, sealed_password }) = &mail.login {
        one_line("A user name", username, USERNAME_MAX_BYTES)?;
        sealed_fits(sealed_password)?;
        if mail.encryption == Encryption::Off {
            return Err(invalid("A password is not sent in the clear: choose starttls or tls."));
        }
    }
    if mail.to.is_empty() || mail.to.len() > RECIPIENTS_MAX {
        let detail = format!("Mail goes to 1 to {RECIPIENTS_MAX} addresses.");
        return Err(Refusal::new(Code::InvalidValue, detail));
    }
    let mut addresses = std::iter::once(&mail.from).chain(&mail.to);
    match addresses.find(|address| !is_mail_address(address)) {
        None => Ok(()),
        Some(bad) => Err(invalid(&format!("{} is no address of mail.", cut(bad, 64)))),
    }
}

fn authority_fits(ca_pem: Option<&str>) -> Result<(), Refusal> {
    fits("The authority's certificate", ca_pem.unwrap_or_default(), PEM_MAX_BYTES)
}

fn sealed_fits(sealed: &[u8]) -> Result<(), Refusal> {
    if sealed.len() <= SEALED_MAX_BYTES {
        return Ok(());
    }
    let detail = format!("A sealed secret has at most {SEALED_MAX_BYTES} bytes.");
    Err(Refusal::new(Code::TooLong, detail))
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(Code::InvalidValue, why)
}
