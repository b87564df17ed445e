//! Signing in at a repository and out again, as PostgreSQL's protocol goes. Nothing is asked of the database.
//!
//! The password itself never leaves this process: it is proven by SCRAM, or by MD5 where an old server knows nothing
//! else; a server that wants it in clear is refused. With SCRAM the server proves that it knows it, too. So it does no
//! harm that the line is encrypted without asking who is there, as PostgreSQL's own clients do it.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{ErrorResponseBody, Message};
use postgres_protocol::message::frontend;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::one_line;
use crate::base::Secret;
use crate::capabilities::prechecks::plan::Answer;

/// Longest message of a server before it lets anybody in.
const MESSAGE_MAX_BYTES: usize = 64 << 10;
/// Most messages it may say before it has let us in or not.
const MESSAGES_MAX: usize = 200;
/// Most rounds of hashing a server may ask for. PostgreSQL asks for 4,096.
const ROUNDS_MAX: u32 = 100_000;

/// The request for TLS that every Postgres answers with one letter, before anything else.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// As whom, and where.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
    /// `None`: nobody set one.
    pub(super) password: Option<&'a Secret>,
}

/// How a conversation goes on.
enum Next {
    Wait,
    Say,
    End(Answer),
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Signs in. `Good`: it was let in. `Denied`: this user with this password is not.
pub(super) async fn sign_in(address: &str, login: &Login<'_>) -> io::Result<Answer> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(&SSL_REQUEST).await?;
    let mut line: Box<dyn Line> = match tcp.read_u8().await? {
        b'S' => Box::new(encrypted(address, tcp).await?),
        b'N' => Box::new(tcp),
        _ => return Ok(Answer::Bad("what listens there is no PostgreSQL".into())),
    };
    let mut out = BytesMut::new();
    let names = [("user", login.user), ("database", login.database)];
    frontend::startup_message(names.into_iter().chain([("application_name", "km")]), &mut out)?;
    let mut talk = Talk { login, scram: None, out };
    let mut heard = BytesMut::new();
    line.write_all(&talk.out.split()).await?;
    for _ in 0..MESSAGES_MAX {
        let message = match next(&mut line, &mut heard).await? {
            Some(message) => message,
            None => return Ok(Answer::Bad("it said what is no message of PostgreSQL".into())),
        };
        match talk.hear(message)? {
            Next::Wait => {}
            Next::Say => line.write_all(&talk.out.split()).await?,
            Next::End(answer) => {
                frontend::terminate(&mut talk.out);
                // It has told what there was to know.
                drop(line.write_all(&talk.out).await);
                return Ok(answer);
            }
        }
    }
    Ok(Answer::Bad("it talks without an end".into()))
}

/// The next whole message; `None` when what comes is none. A length is checked before room is made for it.
async fn next(line: &mut impl Line, heard: &mut BytesMut) -> io::Result<Option<Message>> {
    loop {
        if let Some(length) = heard.get(1..5) {
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            if length as usize > MESSAGE_MAX_BYTES {
                return Ok(None);
            }
        }
        match Message::parse(heard) {
            Ok(Some(message)) => return Ok(Some(message)),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        let mut piece = [0; 4_096];
        let read = line.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        heard.put_slice(&piece[..read]);
    }
}

struct Talk<'a> {
    login: &'a Login<'a>,
    scram: Option<ScramSha256>,
    out: BytesMut,
}

impl Talk<'_> {
    fn hear(&mut self, message: Message) -> io::Result<Next> {
        Ok(match message {
            Message::AuthenticationSasl(body) => {
                let offered: Vec<_> = body.mechanisms().collect()?;
                if !offered.contains(&SCRAM_SHA_256) {
                    return Ok(bad(&format!(
                        "it offers {}, not {SCRAM_SHA_256}",
                        offered.join(", ")
                    )));
                }
                let Some(password) = self.login.password else { return Ok(no_password()) };
                let password = password.reveal().as_bytes();
                let scram = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut self.out)?;
                self.scram = Some(scram);
                Next::Say
            }
            Message::AuthenticationSaslContinue(body) => {
                if rounds(body.data()).is_none_or(|rounds| rounds > ROUNDS_MAX) {
                    return Ok(bad("it asks for a proof nobody should have to give"));
                }
                let Some(scram) = &mut self.scram else { return Ok(out_of_turn()) };
                scram.update(body.data())?;
                frontend::sasl_response(scram.message(), &mut self.out)?;
                Next::Say
            }
            Message::AuthenticationSaslFinal(body) => match self.scram.take() {
                Some(mut scram) => match scram.finish(body.data()) {
                    Ok(()) => Next::Wait,
                    Err(_) => bad("it does not know the password itself: it is not the repository"),
                },
                None => out_of_turn(),
            },
            Message::AuthenticationMd5Password(body) => {
                let Some(password) = self.login.password else { return Ok(no_password()) };
                let (user, password) = (self.login.user.as_bytes(), password.reveal().as_bytes());
                let proof = md5_hash(user, password, body.salt());
                frontend::password_message(proof.as_bytes(), &mut self.out)?;
                Next::Say
            }
            Message::AuthenticationCleartextPassword => bad(
                "it wants the password in clear, and it was not sent: have it use scram-sha-256",
            ),
            Message::ReadyForQuery(_) => {
                Next::End(Answer::Good(format!("signed in as {}", self.login.user)))
            }
            Message::ErrorResponse(body) => Next::End(refusal(&body)?),
            Message::AuthenticationOk
            | Message::BackendKeyData(_)
            | Message::ParameterStatus(_)
            | Message::NoticeResponse(_) => Next::Wait,
            _ => out_of_turn(),
        })
    }
}

/// How often a server has the password hashed: `r=…,s=…,i=4096`.
fn rounds(first: &[u8]) -> Option<u32> {
    let parts = std::str::from_utf8(first).ok()?.split(',');
    parts.filter_map(|part| part.strip_prefix("i=")).next_back()?.parse().ok()
}

/// A server's no. Whom it does not know or believe, and what he may not enter, is a matter of rights.
fn refusal(body: &ErrorResponseBody) -> io::Result<Answer> {
    let (mut code, mut text) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Some(field) = fields.next()? {
        let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = value,
            b'M' => text = one_line(&value),
            _ => {}
        }
    }
    // Classes 28 and 3D: invalid authorization, invalid catalog name; 42501: insufficient privilege.
    let denied = code.starts_with("28") || code.starts_with("3D") || code == "42501";
    Ok(if denied { Answer::Denied(text) } else { Answer::Bad(text) })
}

fn bad(why: &str) -> Next {
    Next::End(Answer::Bad(one_line(why)))
}

fn no_password() -> Next {
    Next::End(Answer::Denied("it asks for a password, and REPOSITORY_PASSWORD is not set".into()))
}

fn out_of_turn() -> Next {
    bad("it says what does not come next")
}

async fn encrypted(address: &str, tcp: TcpStream) -> io::Result<impl Line> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let anybody = Anybody(provider.signature_verification_algorithms);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// Whoever is there: who it is shows when it proves to know the password.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _server: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;

    /// What comes of signing in where somebody says these bytes after the letter, whatever he hears.
    async fn answer(said: Vec<u8>) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut talking = JoinSet::new();
        talking.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"N").await.unwrap();
            stream.write_all(&said).await.unwrap();
            let mut heard = Vec::new();
            // The other side hangs up when it has heard enough.
            let _ = stream.read_to_end(&mut heard).await;
        });
        let password = Secret::new("rose-garden");
        let login = Login { user: "kyvos", database: "kyvos", password: Some(&password) };
        sign_in(&address, &login).await.unwrap()
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[tag][..], &length, body].concat()
    }

    #[tokio::test]
    async fn a_password_is_not_sent_in_clear_and_a_server_that_makes_no_sense_is_told_of() {
        let authentication =
            |code: u32, more: &[u8]| message(b'R', &[&code.to_be_bytes()[..], more].concat());
        let wants_clear = answer(authentication(3, b"")).await;
        assert!(matches!(&wants_clear, Answer::Bad(why) if why.contains("in clear")));
        let other = answer(authentication(10, b"OTHER\0\0")).await;
        assert!(matches!(&other, Answer::Bad(why) if why.contains("OTHER")), "{other:?}");
        let endless = [
            authentication(10, b"SCRAM-SHA-256\0\0"),
            authentication(11, b"r=x,s=eA==,i=4000000000"),
        ];
        let endless = answer(endless.concat()).await;
        assert!(matches!(&endless, Answer::Bad(why) if why.contains("proof")), "{endless:?}");
        let unasked = answer(authentication(11, b"r=x,s=eA==,i=1")).await;
        assert!(matches!(&unasked, Answer::Bad(why) if why.contains("next")), "{unasked:?}");
        let huge = answer([&b"R"[..], &u32::MAX.to_be_bytes()].concat()).await;
        assert!(matches!(&huge, Answer::Bad(why) if why.contains("no message")), "{huge:?}");
        let chatty = answer(message(b'N', b"MHello\0\0").repeat(MESSAGES_MAX + 1)).await;
        assert!(matches!(&chatty, Answer::Bad(why) if why.contains("end")), "{chatty:?}");
    }

    #[tokio::test]
    async fn rights_that_are_missing_are_told_from_other_troubles() {
        let no = |code: &str| message(b'E', format!("SFATAL\0C{code}\0Mnot you\0\0").as_bytes());
        for code in ["28P01", "28000", "3D000", "42501"] {
            assert_eq!(answer(no(code)).await, Answer::Denied("not you".into()), "{code}");
        }
        assert_eq!(answer(no("53300")).await, Answer::Bad("not you".into()));
    }
}
