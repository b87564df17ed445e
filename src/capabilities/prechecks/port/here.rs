//! What the Active asks from where it is: ZooKeeper's `srvr`, Postgres' first word, and who is behind the balancer.

use std::time::Duration;

use reqwest::{Certificate, ClientBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::login::{Login, SSL_REQUEST, sign_in};
use super::one_line;
use crate::base::Secret;
use crate::capabilities::prechecks::plan::Answer;

/// How long anybody may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Most of an answer that is read.
const ANSWER_MAX_BYTES: u64 = 16 << 10;
/// A path that every Manager answers without a sign-in.
const PROBED_PATH: &str = "/api/v1/errors";
/// Who answered.
const SERVED_BY: &str = "x-km-served-by";

/// Asks from here.
#[derive(Clone, Debug)]
pub struct FromHere {
    authority: Option<String>,
    /// With what somebody signs in at the repository, or why that is not known.
    password: Result<Option<Secret>, String>,
}

impl FromHere {
    /// Believes the group's own authority behind a load balancer, beside those of the operating system.
    pub fn believing(authority_pem: Option<String>) -> Self {
        Self { authority: authority_pem, password: Ok(None) }
    }

    /// Signs in at the repository with this password; `Err`: why there is none to be had.
    #[must_use]
    pub fn signing_in(self, password: Result<Option<Secret>, String>) -> Self {
        Self { password, ..self }
    }

    /// `Good`: how the server stands: leader, follower, standalone.
    pub async fn zookeeper(&self, address: &str) -> Answer {
        let said = match exchange(address, b"srvr").await {
            Ok(said) => said,
            Err(silent) => return Answer::Silent(silent),
        };
        let said = String::from_utf8_lossy(&said);
        let mode = said.lines().find_map(|line| line.strip_prefix("Mode: "));
        match mode {
            Some(mode) => Answer::Good(one_line(mode)),
            None if said.trim().is_empty() => Answer::Bad("it said nothing".into()),
            None => Answer::Bad(one_line(&said)),
        }
    }

    /// `Good`: a Postgres listens. `Bad`: something else does.
    pub async fn postgres(&self, address: &str) -> Answer {
        let greeting = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(&SSL_REQUEST).await?;
            let mut letter = [0];
            let read = stream.read(&mut letter).await?;
            std::io::Result::Ok((read == 1).then_some(letter[0]))
        };
        match timeout(ANSWER_WAIT, greeting).await {
            Ok(Ok(Some(b'S'))) => Answer::Good("with TLS".into()),
            Ok(Ok(Some(b'N'))) => Answer::Good("without TLS".into()),
            Ok(Ok(_)) => Answer::Bad("what listens there is no PostgreSQL".into()),
            Ok(Err(error)) => Answer::Silent(one_line(&error.to_string())),
            Err(_) => Answer::Silent(late()),
        }
    }

    /// `Good`: the repository lets this user in. `Denied`: not with this password, or not to this database.
    pub async fn login(&self, address: &str, user: &str, database: &str) -> Answer {
        let password = match &self.password {
            Ok(password) => password.as_ref(),
            Err(why) => return Answer::Bad(one_line(why)),
        };
        let login = Login { user, database, password };
        match timeout(ANSWER_WAIT, sign_in(address, &login)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Silent(one_line(&error.to_string())),
            Err(_) => Answer::Silent(late()),
        }
    }

    /// `Good`: the number of the Manager that answered.
    pub async fn load_balancer(&self, url: &str) -> Answer {
        let mut last = Answer::Bad("nobody could be asked".into());
        let own =
            self.authority.as_ref().and_then(|pem| Certificate::from_pem(pem.as_bytes()).ok());
        let believing_own = own.map(|own| ClientBuilder::new().tls_certs_only([own]));
        for client in believing_own.into_iter().chain([ClientBuilder::new()]) {
            last = served_by(client, url).await;
            if matches!(last, Answer::Good(_)) {
                break;
            }
        }
        last
    }
}

async fn served_by(client: ClientBuilder, url: &str) -> Answer {
    let client =
        client.timeout(ANSWER_WAIT).redirect(reqwest::redirect::Policy::none()).no_proxy().build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return Answer::Bad(one_line(&causes(&error))),
    };
    let asked = client.get(format!("{}{PROBED_PATH}", url.trim_end_matches('/'))).send().await;
    match asked {
        Ok(answer) => match answer.headers().get(SERVED_BY).and_then(|id| id.to_str().ok()) {
            Some(id) => Answer::Good(one_line(id)),
            None => Answer::Bad(format!(
                "no Kyvos Manager answered there, but somebody else with {}",
                answer.status()
            )),
        },
        Err(error) => Answer::Silent(one_line(&causes(&error))),
    }
}

async fn exchange(address: &str, word: &[u8]) -> Result<Vec<u8>, String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(word).await?;
        let mut said = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut said).await?;
        std::io::Result::Ok(said)
    };
    match timeout(ANSWER_WAIT, exchange).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(one_line(&error.to_string())),
        Err(_) => Err(late()),
    }
}

fn late() -> String {
    format!("no answer within {} s", ANSWER_WAIT.as_secs())
}

/// An error with its causes: the outermost alone says only that sending failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        told.push_str(": ");
        told.push_str(&inner.to_string());
        cause = inner.source();
    }
    told
}
