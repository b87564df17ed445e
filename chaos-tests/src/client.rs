//! A client of one Manager, over HTTPS: one call, one answer, and never a second try by itself.
//!
//! Its one art is telling "certainly not done" from "nobody knows". It deliberately shares nothing with the
//! product's own client, so that a mistake there is not repeated here.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, IF_MATCH};
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::Failure;
use crate::cluster::Number;

/// How long a call may take. Longer than a Manager holds one during an election (5 s), so that its own answer
/// usually comes first.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a stream may go on.
const STREAM_MAX: Duration = Duration::from_secs(24 * 3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The 503s by which a Manager says that nothing was changed.
const UNTRIED: [&str; 4] = ["NO_ACTIVE", "NO_QUORUM", "STOPPING", "DISK_FULL"];

/// What every client of a run has in common.
#[derive(Clone)]
pub struct Access {
    pub ca_pem: Arc<str>,
    pub token: Arc<str>,
}

/// A client of one Manager, with one connection kept open.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    token: Arc<str>,
    base: String,
    /// The Manager asked.
    pub node: Number,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub if_match: Option<u64>,
    /// Idempotency key.
    pub request: Option<String>,
}

impl Call {
    /// A reading call.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, if_match: None, request: None }
    }

    /// A changing call.
    pub fn change(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        Self { method, path: path.into(), body, if_match: None, request: None }
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Reply {
    Done(Answer),
    /// A 4xx: understood, and not done.
    Refused {
        status: u16,
        code: String,
    },
    /// Certainly not done: nobody was reached, or the Manager said so.
    Untried(String),
    /// It may have been done, or may yet.
    Unknown(String),
}

/// A 2xx.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// `X-KM-Revision`.
    pub revision: Option<u64>,
    /// `ETag`.
    pub etag: Option<u64>,
}

impl Client {
    /// A client of the Manager at `base`.
    pub fn new(access: &Access, node: Number, base: &str) -> Result<Self, Failure> {
        let http = connections(access)?.build().map_err(Failure::doing("set up TLS"))?;
        let base = format!("{}/api/v1", base.trim_end_matches('/'));
        Ok(Self { http, token: access.token.clone(), base, node })
    }

    /// Signs in; the session token.
    pub async fn login(&self, username: &str, password: &str) -> Result<Arc<str>, String> {
        let body = json!({ "username": username, "password": password });
        match self.send(Call::change(Method::POST, "/login", Some(body))).await {
            Reply::Done(answer) => Ok(answer.body["token"].as_str().unwrap_or_default().into()),
            other => Err(format!("{other:?}")),
        }
    }

    /// The same client as somebody else; as nobody with an empty token.
    pub fn with_token(&self, token: Arc<str>) -> Self {
        Self { token, ..self.clone() }
    }

    /// Makes a call once.
    pub async fn send(&self, call: Call) -> Reply {
        let changes = call.method != Method::GET;
        match self.request(call).send().await {
            Ok(response) => answered(response, changes).await,
            Err(error) if error.is_connect() => Reply::Untried("unreachable".into()),
            Err(error) if error.is_timeout() => Reply::Unknown("timeout".into()),
            Err(error) => Reply::Unknown(cause(&error)),
        }
    }

    /// Opens the stream of live events after a revision; from now on without one.
    pub async fn events(&self, after: Option<u64>) -> Result<reqwest::Response, String> {
        let url = format!("{}/events", self.base);
        let mut request = self.http.get(url).bearer_auth(&self.token).timeout(STREAM_MAX);
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after.to_string());
        }
        let response = request.send().await.map_err(|error| cause(&error))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(format!("{}", response.status())),
        }
    }

    fn request(&self, call: Call) -> RequestBuilder {
        let mut request = self.http.request(call.method, format!("{}{}", self.base, call.path));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(revision) = call.if_match {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        match call.request {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    }
}

/// What calls are made over: one kept connection per Manager, and no certificate believed but the group's.
fn connections(access: &Access) -> Result<ClientBuilder, Failure> {
    let ca = Certificate::from_pem(access.ca_pem.as_bytes());
    let ca = ca.map_err(Failure::doing("read the group's authority"))?;
    Ok(reqwest::Client::builder()
        .tls_certs_only([ca])
        .no_proxy()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .pool_max_idle_per_host(1))
}

/// The certificate that a Manager shows to whoever connects now, DER; `None`: nobody can connect.
pub async fn shown_certificate(access: &Access, api_url: &str) -> Option<Vec<u8>> {
    let client = connections(access).ok()?.tls_info(true).build().ok()?;
    let answer = client.get(api_url).send().await.ok()?;
    Some(answer.extensions().get::<TlsInfo>()?.peer_certificate()?.to_vec())
}

async fn answered(response: reqwest::Response, changes: bool) -> Reply {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = match response.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        // That it was done is known; not what a read would have returned, nor why something was refused.
        Err(_) if changes && status.is_success() => Value::Null,
        Err(error) => return Reply::Unknown(cause(&error)),
    };
    let code = body["code"].as_str().unwrap_or("NO_CODE").to_owned();
    if status.is_success() {
        let (revision, etag) = (number(&headers, "x-km-revision"), number(&headers, "etag"));
        Reply::Done(Answer { status: status.as_u16(), body, revision, etag })
    } else if status.is_client_error() {
        Reply::Refused { status: status.as_u16(), code }
    } else if status == StatusCode::SERVICE_UNAVAILABLE && UNTRIED.contains(&code.as_str()) {
        Reply::Untried(code)
    } else {
        Reply::Unknown(format!("{} {code}", status.as_u16()))
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim_matches('"').parse().ok()
}

/// The innermost reason of an error: the words around it only repeat the address.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a change comes to whose answer is this and breaks off there.
    async fn told(answer: &'static str) -> Reply {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = stream.read(&mut [0; 4096]).await.unwrap();
            assert!(asked > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (response, ()) = tokio::join!(reqwest::get(url), serve);
        answered(response.unwrap(), true).await
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_tells_that_it_was_done_and_not_why_it_was_not() {
        let broken = told("HTTP/1.1 404 Not Found\r\ncontent-length: 99\r\n\r\n{").await;
        assert!(matches!(broken, Reply::Unknown(_)), "{broken:?}");
        let done = told("HTTP/1.1 200 OK\r\nx-km-revision: 7\r\ncontent-length: 99\r\n\r\n{").await;
        assert!(matches!(done, Reply::Done(Answer { revision: Some(7), .. })), "{done:?}");
        // One that came whole and has no code is against the contract, and stays so.
        let whole = told("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert!(
            matches!(whole, Reply::Refused { status: 404, ref code } if code == "NO_CODE"),
            "{whole:?}"
        );
    }
}
