//! Facts of the channels: where alerts are told, what waits to be told, and what became of it.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, Severity};
use crate::base::{Revision, Timestamp};

/// Most channels.
pub const CHANNELS_MAX: usize = 16;
/// Longest name of a channel, in bytes.
pub const NAME_MAX_BYTES: usize = 64;
/// Longest URL, in bytes.
pub const URL_MAX_BYTES: usize = 1_024;
/// Longest certificate of an authority, in bytes of PEM.
pub const PEM_MAX_BYTES: usize = 16 << 10;
/// Longest sealed secret, in bytes.
pub const SEALED_MAX_BYTES: usize = 2 << 10;
/// Longest name to sign in with, in bytes.
pub const USERNAME_MAX_BYTES: usize = 256;
/// Longest e-mail address, in bytes: the bound of SMTP.
const MAIL_ADDRESS_MAX_BYTES: usize = 254;
/// Most recipients of a channel.
pub const RECIPIENTS_MAX: usize = 16;
/// Most letters that wait on one channel; beyond them the oldest are given up, and counted.
pub const WAITING_MAX: usize = 100;
/// How long a letter is tried before it is given up.
pub const TRIED_FOR_MS: u64 = 24 * 3_600 * 1_000;
/// So many failed tries in a row are an alert of their own.
pub const FAILED_TRIES_TOLD: u32 = 3;
/// Pause after the first failed try; it doubles with each.
const PAUSE_FIRST_MS: u64 = 5 * 1_000;
/// Longest pause between two tries.
const PAUSE_MAX_MS: u64 = 30 * 60 * 1_000;
/// What the sealed secret of a webhook is bound to.
pub const SECRET_PURPOSE: &str = "alert webhook secret";
/// What the sealed password of a mail server is bound to.
pub const PASSWORD_PURPOSE: &str = "alert mail password";

/// A way to tell people, and how the telling goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// As it was set.
    pub setting: Setting,
    /// Revision of the last change people made; the ETag.
    pub revision: Revision,
    /// What is still to be told, the oldest first.
    pub waiting: VecDeque<Letter>,
    /// Failed tries in a row.
    pub failed: u32,
    /// Not before this time is it tried again.
    pub not_before: Timestamp,
    /// The newest try.
    pub last: Option<Tried>,
    /// Letters that were told.
    pub told: u64,
    /// Letters that were given up.
    pub given_up: u64,
    /// The newest wish to try it out.
    pub wish: Option<Wish>,
}

/// How a channel is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name; no other has it.
    pub name: String,
    /// Alerts that matter less are not told.
    pub least: Severity,
    /// How it is told.
    pub way: Way,
}

/// How something is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// An HTTP POST.
    Webhook(Webhook),
    /// E-mail.
    Mail(Mail),
}

/// A program that takes alerts by HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where.
    pub url: String,
    /// Certificates of the authorities that are believed; `None`: those of the host's operating system.
    pub ca_pem: Option<String>,
    /// What letters are signed with, sealed under the group key, which is never in the log.
    pub sealed_secret: Vec<u8>,
}

/// A mail server and whom it is to tell.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// `host:port` of the server.
    pub server: String,
    /// Whether and how the connection is encrypted.
    pub encryption: Encryption,
    /// Certificates of the authorities that are believed; `None`: those of the host's operating system.
    pub ca_pem: Option<String>,
    /// As whom; `None`: nobody in particular.
    pub login: Option<Login>,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// Whether and how a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// It begins in the clear, and nothing is told before it is encrypted.
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all.
    Off,
}

/// A name and its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, sealed under the group key, which is never in the log.
    pub sealed_password: Vec<u8>,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The revision it is about: the same for every try, so that whoever gets it twice can tell.
    pub id: Revision,
    /// What happened.
    pub word: Word,
    /// When it happened.
    pub at: Timestamp,
    /// The alert; `None`: somebody tries the channel out.
    pub about: Option<About>,
}

/// An alert, as it was when something happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its number.
    pub alert: Revision,
    /// Why it was there.
    pub cause: Cause,
    /// How many times it had come.
    pub count: u32,
}

/// What happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// It is new.
    Raised,
    /// It came back, or matters more.
    Again,
    /// Somebody has seen it.
    Acknowledged {
        /// Who.
        by: String,
        /// What he had to say.
        note: String,
    },
    /// Its cause is gone.
    Resolved,
    /// Nothing happened: somebody tries the channel out.
    Test {
        /// Who.
        by: String,
    },
}

/// A try to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When.
    pub at: Timestamp,
    /// What came of it, in a sentence.
    pub outcome: Result<String, String>,
}

/// Somebody tries a channel out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The revision of the wish.
    pub asked: Revision,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What came of it; `None`: not tried yet.
    pub tried: Option<Tried>,
}

impl Way {
    /// As it is written everywhere.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Mail(_) => "email",
        }
    }

    /// Where it leads, without a secret.
    pub fn target(&self) -> String {
        match self {
            Self::Webhook(webhook) => origin(&webhook.url),
            Self::Mail(mail) => format!("{} by {}", mail.to.join(", "), mail.server),
        }
    }
}

impl Encryption {
    /// Every one, as it is written everywhere.
    pub const ALL: [Self; 3] = [Self::StartTls, Self::Tls, Self::Off];

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Off => "none",
        }
    }
}

impl Word {
    /// As it is written everywhere.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Again => "again",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Resolved => "resolved",
            Self::Test { .. } => "test",
        }
    }
}

impl Channel {
    /// A channel nothing was told on yet.
    pub fn new(setting: Setting, revision: Revision) -> Self {
        Self {
            setting,
            revision,
            waiting: VecDeque::new(),
            failed: 0,
            not_before: Timestamp(0),
            last: None,
            told: 0,
            given_up: 0,
            wish: None,
        }
    }

    /// The wish that nobody has fulfilled yet.
    pub fn open_wish(&self) -> Option<&Wish> {
        self.wish.as_ref().filter(|wish| wish.tried.is_none())
    }
}

/// The key of the alert that a channel fails.
pub fn failing_key(channel: Revision) -> String {
    format!("channel_failing/{channel}")
}

/// How long is waited after so many failed tries.
pub fn backoff_ms(failed: u32) -> u64 {
    let doubled = 2_u64.saturating_pow(failed.saturating_sub(1));
    PAUSE_FIRST_MS.saturating_mul(doubled).min(PAUSE_MAX_MS)
}

/// Where a URL leads, for the audit: whoever may post there often shows it by the rest of it.
fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "no URL".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// Whether a text is a URL that can be posted to: `http` or `https`, and a host.
pub fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    // A name and password in it would be shown to everybody who may look.
    plain && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
}

/// Whether a text is the address of somebody's mail: ASCII, one `@`, nothing that ends a line or a header.
pub fn is_mail_address(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str, also: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
        let dots = part.starts_with('.') || part.ends_with('.') || part.contains("..");
        !part.is_empty() && part.chars().all(fits) && !dots
    };
    let fits = text.len() <= MAIL_ADDRESS_MAX_BYTES && name.len() <= 64;
    fits && plain(name, ".!#$%&'*+/=?^_`{|}~-") && plain(domain, ".-")
}

impl fmt::Debug for Webhook {
    /// Without the sealed secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ca = if self.ca_pem.is_some() { " with its own authority" } else { "" };
        write!(f, "Webhook({}{ca})", self.url)
    }
}

impl fmt::Debug for Mail {
    /// Without the authority's certificate, whose text nobody reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, encryption, ca_pem, login, from, to } = self;
        let ca = if ca_pem.is_some() { " with its own authority" } else { "" };
        write!(f, "Mail({server} {}{ca} {login:?} {from} -> {})", encryption.as_str(), to.join(","))
    }
}

impl fmt::Debug for Login {
    /// Without the sealed password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        assert_eq!([1, 2, 3, 4].map(backoff_ms), [5_000, 10_000, 20_000, 40_000]);
        assert_eq!(
            [9, 10, 64, u32::MAX].map(backoff_ms),
            [1_280_000, 1_800_000, 1_800_000, 1_800_000]
        );
    }

    #[test]
    fn the_audit_is_told_where_a_url_leads_and_nothing_that_may_be_a_secret() {
        assert_eq!(
            origin("https://hooks.example:8443/T0/B0/token?key=1"),
            "https://hooks.example:8443"
        );
        assert_eq!(origin("https://user:pass@h?x"), "https://h");
        assert_eq!(origin("token"), "no URL");
    }

    #[test]
    fn what_can_be_posted_to_is_told_from_what_cannot() {
        for good in ["http://h", "https://h:8443/a?b=c", "http://[::1]:80/x"] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "ftp://h",
            "https://",
            "https:///x",
            "http://a b",
            "https://u:p@h",
            "http://h/\n",
            "http://:80",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_of_mail_are_told_from_what_would_smuggle_in_more() {
        for good in ["a@b", "ops+km@example.com", "o'neil@mail.example.org"] {
            assert!(is_mail_address(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\r\nRCPT",
            "<a@b>",
            "a@b,c@d",
            ".a@b",
            "a@b..c",
            &long,
        ] {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }
}
