//! HTTP/1.1 over TLS, by hand: a general client would cost more than what is measured.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::link::What;
use crate::Failure;
use crate::client::Access;

/// Longest answer taken: a page of a hundred properties fits.
const ANSWER_MAX: usize = 4 << 20;

/// What all connections of a run share.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    token: Arc<str>,
}

impl Tls {
    /// Believes only the group's own authority.
    pub fn of(access: &Access) -> Result<Self, Failure> {
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(access.ca_pem.as_bytes());
        roots.add(ca.map_err(Failure::doing("read the authority"))?).map_err(tls)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: Arc::new(config).into(), token: access.token.clone() })
    }

    /// Opens a connection to the API at `address`.
    pub async fn connect(&self, address: SocketAddr) -> Result<Link, Failure> {
        let tcp = TcpStream::connect(address).await.map_err(tls)?;
        tcp.set_nodelay(true).map_err(tls)?;
        let name = ServerName::from(address.ip());
        let stream = self.connector.connect(name, tcp).await.map_err(tls)?;
        let head = format!("host: {address}\r\nauthorization: Bearer {}\r\n", self.token);
        Ok(Link { stream, head, out: Vec::new(), read: Vec::new() })
    }
}

/// One connection, one request at a time.
pub struct Link {
    stream: TlsStream<TcpStream>,
    /// Headers every request has.
    head: String,
    out: Vec<u8>,
    /// Bytes received and not yet used.
    read: Vec<u8>,
}

impl Link {
    /// One call on one property.
    pub async fn call(&mut self, what: What, key: u64, value: &str) -> Result<(), Failure> {
        let path = format!("/api/v1/properties/custom/bench.{key}");
        match what {
            What::Write => {
                let body = format!("{{\"value\":\"{value}\"}}");
                self.request("PUT", &path, &body).await.map(drop)
            }
            What::Read => self.request("GET", &path, "").await.map(drop),
            What::LocalRead => {
                self.request("GET", &format!("{path}?consistency=local"), "").await.map(drop)
            }
        }
    }

    /// One request; the body of its answer when it is a 2xx.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.send(method, path, body).await?;
        let (status, head_len, body_len) = self.head().await?;
        while self.read.len() < head_len + body_len {
            self.receive().await?;
        }
        let answer: Vec<u8> = self.read.drain(..head_len + body_len).skip(head_len).collect();
        match status {
            200..=299 => Ok(answer),
            _ => Err(Failure(format!("{status}: {}", String::from_utf8_lossy(&answer)))),
        }
    }

    /// Asks for a stream that does not end.
    pub async fn open_stream(&mut self, path: &str) -> Result<(), Failure> {
        self.send("GET", path, "").await?;
        let (status, head_len, _) = self.head().await?;
        self.read.drain(..head_len);
        match status {
            200 => Ok(()),
            _ => Err(Failure(format!("{path}: {status}"))),
        }
    }

    /// Waits until the stream has said `line` in full. What came before it is forgotten.
    pub async fn until_line(&mut self, line: &str) -> Result<(), Failure> {
        loop {
            let said = self.read.split_inclusive(|byte| *byte == b'\n');
            let mut upto = 0;
            for said in said.filter(|said| said.ends_with(b"\n")) {
                upto += said.len();
                if said.trim_ascii() == line.as_bytes() {
                    self.read.drain(..upto);
                    return Ok(());
                }
            }
            self.read.drain(..upto);
            self.receive().await?;
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Result<(), Failure> {
        self.out.clear();
        self.out.extend_from_slice(format!("{method} {path} HTTP/1.1\r\n{}", self.head).as_bytes());
        if !body.is_empty() {
            let about =
                format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
            self.out.extend_from_slice(about.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.out).await.map_err(tls)?;
        self.stream.flush().await.map_err(tls)
    }

    /// Status, length of the head, length of the body.
    async fn head(&mut self) -> Result<(u16, usize, usize), Failure> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]);
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let malformed = || Failure(format!("not an answer: {head}"));
        Ok((status.ok_or_else(malformed)?, end, length.unwrap_or(0)))
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        if self.read.len() > ANSWER_MAX {
            return Err(Failure("an answer is too long".into()));
        }
        match self.stream.read_buf(&mut self.read).await.map_err(tls)? {
            0 => Err(Failure("the connection was closed".into())),
            _ => Ok(()),
        }
    }
}

fn tls(error: impl std::fmt::Display) -> Failure {
    Failure(format!("https: {error}"))
}
