//! Whether something answers, seen from a member: so the Active sees a service with the eyes of other Managers too.
//!
//! Nothing is told to whoever answers but, over HTTP, which page is wanted; and what it says is not kept.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Group;
use super::frames::Kind;
use super::network::AskFailure;
use super::wire::{self, LookV1, LookedV1, SeenV1, TargetV1};
use crate::base::ManagerId;
use crate::base::text::cut;
use crate::capabilities::services::model::Endpoint;

/// Most places of one question.
pub const LOOKS_MAX: usize = 64;
/// Longest time somebody may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// Longest time a peer may take to look: at all places side by side.
const DEADLINE: Duration = Duration::from_secs(6);
/// Longest reason that is told, in bytes.
const BECAUSE_MAX_BYTES: usize = 200;
/// Longest address or path, in bytes.
const PLACE_MAX_BYTES: usize = 512;
/// How much of an answer over HTTP is read: its first line, `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// What a member sees of a place: `Err` says why nobody answers there.
pub type Looked = Result<(), String>;

/// Whether somebody answers, asked from here.
pub async fn look_at(endpoint: &Endpoint) -> Looked {
    let asked = async {
        let mut stream = TcpStream::connect(&endpoint.address).await?;
        match &endpoint.path {
            None => Ok(Ok(())),
            Some(path) => get(&mut stream, &endpoint.address, path).await,
        }
    };
    match timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(looked)) => looked,
        Ok(Err(error)) => Err(cut(&std::io::Error::to_string(&error), BECAUSE_MAX_BYTES)),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WAIT.as_secs())),
    }
}

/// Reads the status and no more. What serves a page, or refuses it to strangers, serves.
async fn get(stream: &mut TcpStream, address: &str, path: &str) -> std::io::Result<Looked> {
    let ask = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut line = [0; STATUS_BYTES];
    stream.read_exact(&mut line).await?;
    let line = String::from_utf8_lossy(&line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..));
    Ok(match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(status) if status < 500 => Ok(()),
        Some(status) => Err(format!("it answers {status}")),
        None => Err("what answers there does not speak HTTP".to_owned()),
    })
}

async fn look_at_all(endpoints: &[Endpoint]) -> Vec<Looked> {
    futures::future::join_all(endpoints.iter().map(look_at)).await
}

impl Group {
    /// What a member sees of up to [`LOOKS_MAX`] places, in their order; `Err`: it cannot be asked.
    pub async fn look_from(
        &self,
        by: ManagerId,
        endpoints: &[Endpoint],
    ) -> Result<Vec<Looked>, String> {
        if by == self.here() {
            return Ok(look_at_all(endpoints).await);
        }
        let target = |endpoint: &Endpoint| TargetV1 {
            address: endpoint.address.clone(),
            path: endpoint.path.clone(),
        };
        let ask = LookV1 { targets: endpoints.iter().map(target).collect() };
        let peer = self.core.peers.get(by.0);
        let told = peer.ask_aside(Kind::Look, wire::encode(&ask), Kind::Looked, DEADLINE).await;
        let told: LookedV1 = told.map_err(|failure: AskFailure| failure.to_string())?;
        if told.seen.len() != endpoints.len() {
            return Err("it answered something else than it was asked".to_owned());
        }
        let looked = |seen: SeenV1| match seen.answers {
            true => Ok(()),
            false => Err(cut(&seen.because, BECAUSE_MAX_BYTES)),
        };
        Ok(told.seen.into_iter().map(looked).collect())
    }

    /// What is answered to a peer that asks what is seen from here.
    pub(super) async fn look_for_peer(&self, ask: LookV1) -> Result<LookedV1, String> {
        let fits = |target: &TargetV1| {
            let path = target.path.as_deref().unwrap_or("/");
            let plain = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
            plain && target.address.len() <= PLACE_MAX_BYTES && path.len() <= PLACE_MAX_BYTES
        };
        if ask.targets.len() > LOOKS_MAX || !ask.targets.iter().all(fits) {
            return Err(format!("at most {LOOKS_MAX} places, each an address and a path"));
        }
        let endpoint = |target: TargetV1| Endpoint { address: target.address, path: target.path };
        let endpoints: Vec<_> = ask.targets.into_iter().map(endpoint).collect();
        let seen = |looked: Looked| SeenV1 {
            answers: looked.is_ok(),
            because: looked.err().unwrap_or_default(),
        };
        Ok(LookedV1 { seen: look_at_all(&endpoints).await.into_iter().map(seen).collect() })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    async fn page(answer: &'static [u8]) -> Looked {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let endpoint = Endpoint { address, path: Some("/up".into()) };
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut ask = [0; 256];
            let read = stream.read(&mut ask).await.unwrap();
            assert!(ask[..read].starts_with(b"GET /up HTTP/1.1\r\nHost: 127.0.0.1:"));
            stream.write_all(answer).await.unwrap();
        };
        tokio::join!(look_at(&endpoint), serve).0
    }

    #[tokio::test]
    async fn what_answers_is_told_apart_from_what_does_not() {
        // While it does not listen it refuses everybody, and nobody else is given its port.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let endpoint = Endpoint { address: socket.local_addr().unwrap().to_string(), path: None };
        assert!(look_at(&endpoint).await.unwrap_err().contains("refused"));
        let _listener = socket.listen(8).unwrap();
        assert_eq!(look_at(&endpoint).await, Ok(()));
        assert_eq!(page(b"HTTP/1.1 200 OK\r\n").await, Ok(()));
        assert_eq!(page(b"HTTP/1.0 401 no\r\n").await, Ok(()));
        assert_eq!(page(b"HTTP/1.1 503 no\r\n").await, Err("it answers 503".into()));
        assert!(page(b"SSH-2.0-OpenSSH_9\r\n").await.unwrap_err().contains("HTTP"));
    }
}
