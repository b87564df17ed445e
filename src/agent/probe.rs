//! Whether something answers, seen from this host.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::No;
use super::process::ProcessId;
use crate::base::text::cut;
use crate::remote::act::{OUTPUT_MAX_BYTES, TARGET_MAX_BYTES};
use crate::remote::{Probe, Probed};

/// Longest time of a probe.
const DEADLINE: Duration = Duration::from_secs(5);

/// Looks. That nothing answers is an answer.
pub(super) async fn probe(probe: &Probe) -> Result<Probed, No> {
    match probe {
        Probe::Tcp(text) | Probe::Http(text) if text.len() > TARGET_MAX_BYTES => {
            Err(No::Refused("that is too long to be a target".into()))
        }
        Probe::Tcp(address) => Ok(tcp(address).await),
        Probe::Http(url) => http(url).await,
        Probe::Process(pid) => Ok(process(*pid)),
    }
}

async fn tcp(address: &str) -> Probed {
    match timeout(DEADLINE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => found(true, None, String::new()),
        Ok(Err(error)) => found(false, None, error.to_string()),
        Err(_) => found(false, None, format!("no answer within {DEADLINE:?}")),
    }
}

/// A GET that follows nothing. Whose certificate is shown does not matter here: nothing is told to whoever answers,
/// and what they say is only looked at.
async fn http(url: &str) -> Result<Probed, No> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(DEADLINE)
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|error| No::Failed(error.to_string()))?;
    let request = match client.get(url).build() {
        Ok(request) => request,
        Err(_) => return Err(No::Refused("that is not a URL of http or https".into())),
    };
    let mut answer = match client.execute(request).await {
        Ok(answer) => answer,
        Err(error) => return Ok(found(false, None, causes(&error))),
    };
    let (status, mut body) = (answer.status().as_u16(), Vec::new());
    while body.len() < OUTPUT_MAX_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Ok(found(false, Some(status), causes(&error))),
        }
    }
    Ok(found(true, Some(status), String::from_utf8_lossy(&body).into_owned()))
}

fn process(pid: u32) -> Probed {
    match ProcessId::of(pid) {
        Some(_) => {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found(true, None, name.trim_end().to_owned())
        }
        None => found(false, None, format!("there is no process {pid}")),
    }
}

fn found(answers: bool, status: Option<u16>, detail: String) -> Probed {
    Probed { answers, status, detail: cut(&detail, OUTPUT_MAX_BYTES) }
}

/// What went wrong, to the bottom of it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        told.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;

    use super::*;

    #[tokio::test]
    async fn what_answers_is_told_apart_from_what_does_not() {
        // While it does not listen it refuses everybody, and nobody else is given its port.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap().to_string();
        assert!(!probe(&Probe::Tcp(address.clone())).await.unwrap().answers);
        let listener = socket.listen(8).unwrap();
        assert!(probe(&Probe::Tcp(address.clone())).await.unwrap().answers);
        let own = probe(&Probe::Process(std::process::id())).await.unwrap();
        assert!(own.answers && !own.detail.is_empty());
        let asked = Probe::Http(format!("http://{address}/health"));
        let (told, ()) = tokio::join!(probe(&asked), async {
            // The first connection is that of the probe before.
            drop(listener.accept().await.unwrap());
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 512];
            let read = stream.read(&mut head).await.unwrap();
            assert!(head[..read].starts_with(b"GET /health"));
            let answer = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno";
            stream.write_all(answer).await.unwrap();
        });
        let told = told.unwrap();
        assert_eq!((told.answers, told.status, told.detail.as_str()), (true, Some(503), "no"));
        assert!(matches!(probe(&Probe::Http("no url".into())).await, Err(No::Refused(_))));
    }
}
