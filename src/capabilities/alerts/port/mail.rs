//! Bringing a letter by e-mail: one message over SMTP, to all recipients of the channel or to none.

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::wording::{line, page};
use super::{BRING_WAIT, Sender, causes, one_line};
use crate::base::Secret;
use crate::base::text::cut;
use crate::capabilities::alerts::model::{Encryption, Letter, Login, Mail, PASSWORD_PURPOSE};

/// Longest subject, in bytes: what a list of mails shows.
const SUBJECT_BYTES: usize = 160;

/// Sends it. What a mail server said is told as it said it.
pub(super) async fn send(
    mail: &Mail,
    open: &(impl Fn(&str, &[u8]) -> Result<Secret, String> + Sync),
    sender: &Sender,
    letter: &Letter,
) -> Result<String, String> {
    let message = message(mail, sender, letter)?;
    let transport = transport(mail, open)?;
    let answer = transport.send(message).await.map_err(|error| causes(&error))?;
    let said = one_line(&answer.message().collect::<Vec<_>>().join(" "));
    let whom = match mail.to.len() {
        1 => "1 recipient".to_owned(),
        many => format!("{many} recipients"),
    };
    Ok(format!("{} took it for {whom}: {} {said}", mail.server, answer.code()))
}

fn message(mail: &Mail, sender: &Sender, letter: &Letter) -> Result<Message, String> {
    let subject = one_line(&format!("[{}] {}", sender.group, line(letter)));
    let mut message = Message::builder()
        .from(mailbox(&mail.from, Some("Kyvos Manager"))?)
        .subject(cut(&subject, SUBJECT_BYTES))
        // The same for every try: a mail server or reader that gets it twice can tell.
        .message_id(Some(format!("<{}@{}>", sender.name(letter), domain(&mail.from))))
        .header(ContentType::TEXT_PLAIN)
        // No robot should answer a robot (RFC 3834).
        .header(AutoSubmitted);
    for to in &mail.to {
        message = message.to(mailbox(to, None)?);
    }
    message.body(page(sender, letter)).map_err(|error| causes(&error))
}

fn mailbox(address: &str, name: Option<&str>) -> Result<Mailbox, String> {
    let parsed: Address = address.parse().map_err(|_| format!("{address} is no address"))?;
    Ok(Mailbox::new(name.map(str::to_owned), parsed))
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

fn transport(
    mail: &Mail,
    open: &impl Fn(&str, &[u8]) -> Result<Secret, String>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let server = mail.server.rsplit_once(':');
    let (host, port) = server.ok_or_else(|| format!("{} is no host:port", mail.server))?;
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host);
    let builder = builder.port(port).timeout(Some(BRING_WAIT)).tls(encrypted(mail, host)?);
    let Some(Login { username, sealed_password }) = &mail.login else { return Ok(builder.build()) };
    let password = open(PASSWORD_PURPOSE, sealed_password)?;
    let credentials = Credentials::new(username.clone(), password.reveal().to_owned());
    Ok(builder.credentials(credentials).build())
}

fn encrypted(mail: &Mail, host: &str) -> Result<Tls, String> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(pem) = &mail.ca_pem {
        let authority = Certificate::from_pem(pem.as_bytes()).map_err(|error| causes(&error))?;
        let none_else = parameters.certificate_store(CertificateStore::None);
        parameters = none_else.add_root_certificate(authority);
    }
    let parameters = || parameters.build().map_err(|error| causes(&error));
    Ok(match mail.encryption {
        Encryption::StartTls => Tls::Required(parameters()?),
        Encryption::Tls => Tls::Wrapper(parameters()?),
        Encryption::Off => Tls::None,
    })
}

/// `Auto-Submitted: auto-generated`.
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}
