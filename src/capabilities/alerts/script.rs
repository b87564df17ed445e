//! How the scripts speak of alerts.

use super::command::Command;
use super::model::{Cause, Encryption, Kind, Login, Mail, Setting, Severity, Stand, Way, Webhook};
use crate::base::Timestamp;
use crate::machine::State;
use crate::machine::script::{Words, tell_all_of};

pub(crate) const VERBS: &[&str] = &[
    "raise",
    "resolve",
    "acknowledge",
    "add-channel",
    "set-channel",
    "remove-channel",
    "try-out",
    "note-try-out",
    "note-told",
];

/// `raise KEY KIND [severity=] [subject=] [text=] [occurrence=N]` · `resolve KEY` · `acknowledge @ID [NOTE]` ·
/// `add-channel NAME [least=] WAY` · `set-channel @ID NAME [least=] [expect=@N] WAY` · `remove-channel @ID [expect=@N]` ·
/// `try-out @ID` · `note-try-out @ID @ASKED [failed=WHY]` · `note-told @ID @LETTER [failed=WHY]`, where WAY is
/// `webhook URL [ca=PEM] [secret_bytes=N]` or
/// `email SERVER TO… [from=] [encryption=] [ca=PEM] [username=] [password_bytes=N] [times=N]`.
pub(crate) fn command(words: &mut Words) -> Command {
    let verb = words.next();
    match verb.as_str() {
        "raise" => Command::Raise { cause: cause(words) },
        "resolve" => Command::Resolve { key: words.next() },
        "acknowledge" => {
            let id = words.revision();
            Command::Acknowledge { id, note: words.rest().join(" ") }
        }
        "add-channel" => Command::AddChannel { setting: setting(words) },
        "set-channel" => {
            let id = words.revision();
            let expect = words.read_option("expect");
            Command::SetChannel { id, setting: setting(words), expect }
        }
        "remove-channel" => {
            Command::RemoveChannel { id: words.revision(), expect: words.read_option("expect") }
        }
        "try-out" => Command::TryOut { id: words.revision() },
        "note-try-out" => {
            let (id, asked) = (words.revision(), words.revision());
            Command::NoteTryOut { id, asked, outcome: outcome(words) }
        }
        "note-told" => {
            let (id, letter) = (words.revision(), words.revision());
            Command::NoteTold { id, letter, outcome: outcome(words) }
        }
        other => panic!("alerts know no {other}"),
    }
}

fn cause(words: &mut Words) -> Cause {
    let (key, kind) = (words.next(), words.next());
    Cause {
        kind: Kind::named(&kind).expect("a kind"),
        severity: severity(words, "severity"),
        subject: words.option("subject").unwrap_or_default(),
        text: words.option("text").unwrap_or_else(|| key.clone()),
        since: Timestamp(0),
        occurrence: words.read_option("occurrence"),
        key,
    }
}

fn severity(words: &mut Words, option: &str) -> Severity {
    let named = |name: String| Severity::named(&name).expect("a severity");
    words.option(option).map_or(Severity::Warning, named)
}

fn setting(words: &mut Words) -> Setting {
    let (name, least) = (words.next(), severity(words, "least"));
    let sealed = |bytes: Option<usize>| vec![7; bytes.unwrap_or(3)];
    let way = match words.next().as_str() {
        "webhook" => Way::Webhook(Webhook {
            url: words.next(),
            ca_pem: words.option("ca"),
            sealed_secret: sealed(words.read_option("secret_bytes")),
        }),
        "email" => {
            let sealed_password = sealed(words.read_option("password_bytes"));
            let named = |name: String| {
                let found = Encryption::ALL.into_iter().find(|one| one.as_str() == name);
                found.expect("an encryption")
            };
            let times = words.read_option("times").unwrap_or(1);
            Way::Mail(Mail {
                server: words.next(),
                encryption: words.option("encryption").map_or(Encryption::StartTls, named),
                ca_pem: words.option("ca"),
                login: words.option("username").map(|username| Login { username, sealed_password }),
                from: words.option("from").unwrap_or_else(|| "km@example.com".into()),
                to: vec![words.rest(); times].concat(),
            })
        }
        other => panic!("nothing is told by {other}"),
    };
    Setting { name, least, way }
}

fn outcome(words: &mut Words) -> Result<String, String> {
    words.option("failed").map_or_else(|| Ok("it was taken".into()), Err)
}

/// `show alerts`
pub(crate) fn show(state: &State, _words: &mut Words) -> Vec<String> {
    let facts = &state.alerts;
    let mut said = vec![format!("{} open of {}", facts.open(), facts.alerts.len())];
    for (id, alert) in &facts.alerts {
        let stands = match alert.stand() {
            Stand::Open => "open".to_owned(),
            Stand::Acknowledged => {
                let seen = alert.acknowledged.as_ref();
                format!("seen by {}", seen.map_or("nobody", |seen| seen.by.as_str()))
            }
            Stand::Resolved => "resolved".to_owned(),
        };
        let (key, count) = (&alert.cause.key, alert.count);
        let severity = alert.cause.severity.as_str();
        said.push(format!("@{id} {key} {severity} x{count} {stands}"));
    }
    for (id, channel) in &facts.channels {
        let waiting: Vec<_> = channel.waiting.iter().map(|letter| letter.id.to_string()).collect();
        let waits = match waiting.len() {
            0..8 => waiting.join(","),
            many => format!("{many} letters"),
        };
        said.push(format!(
            "@{id} {} waits [{waits}] failed {} told {} given up {}",
            channel.setting.name, channel.failed, channel.told, channel.given_up
        ));
        if let Some(wish) = &channel.wish {
            said.push(format!(
                "  tried out by {}: {:?}",
                wish.by,
                wish.tried.as_ref().map(|it| &it.outcome)
            ));
        }
    }
    said
}

#[test]
fn the_scripts_of_alerts_tell_what_happens() {
    tell_all_of("alerts");
}
