//! The command line's HTTP client: any Manager will do, and a change is made once.
//!
//! Every changing call carries an `Idempotency-Key`, so it may be repeated at the next server: the group
//! answers a repetition with the first answer. What cannot be told in the end is [`Failure::Unknown`].
//! Deliberately unaware of what paths and bodies mean.

use std::time::Duration;

use reqwest::header::{HeaderMap, IF_MATCH};
use reqwest::{Certificate, Method, StatusCode};
use serde_json::{Value, json};

use super::outcome::Failure;
use super::pinned;
use crate::base::{Digest, RequestId, Secret};

/// How long a server may take to accept a connection before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a server may take to answer. Longer than any Manager holds a request (60 s at most).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);
/// How long a health port may take to answer: it answers from memory.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a download may take: a log of a gigabyte over a slow line.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Longest answer taken in, in bytes.
const ANSWER_MAX_BYTES: usize = 16 << 20;

/// Most pages of a list that are put together: 10,000 items at the usual size.
const PAGES_MAX: usize = 100;

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub struct Access {
    /// URLs of Managers, tried in this order.
    pub servers: Vec<String>,
    /// Whom to believe to be a Manager.
    pub trust: Trust,
    /// Session or API token.
    pub token: Option<Secret>,
}

/// Whom a client believes to be a Manager.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whoever the operating system's authorities vouch for.
    System,
    /// Whoever these authorities vouch for, PEM.
    Authority(String),
    /// Whoever the authority with this digest vouches for.
    Fingerprint(Digest),
}

/// A client of the group.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    servers: Vec<String>,
    token: Option<Secret>,
    request: Option<RequestId>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body; `null` when there is none.
    pub body: Value,
    /// `X-KM-Revision`: of the change, or at which it was read.
    pub revision: Option<u64>,
    /// The server that answered.
    pub server: String,
}

/// A changing call.
#[derive(Clone, Debug)]
pub struct Change {
    method: Method,
    path: String,
    body: Value,
    if_match: Option<u64>,
    request: RequestId,
}

impl Change {
    /// A change with a new request id.
    pub fn new(method: Method, path: impl Into<String>, body: Value) -> Self {
        let request = RequestId::new(format!("cli-{}", uuid::Uuid::new_v4()))
            .expect("a uuid is a short visible text");
        Self { method, path: path.into(), body, if_match: None, request }
    }

    /// `POST` of a body.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, body)
    }

    /// `DELETE`.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, Value::Null)
    }

    /// Only if the object's last change is this revision.
    pub fn if_match(mut self, revision: Option<u64>) -> Self {
        self.if_match = revision;
        self
    }

    /// Under the request id of an earlier try.
    pub fn again(mut self, request: Option<RequestId>) -> Self {
        self.request = request.unwrap_or(self.request);
        self
    }
}

/// What one server made of one try.
enum Try {
    Answered(Answer),
    Refused(Value),
    /// Certainly nothing was done.
    Unavailable(String),
    /// It may have been done.
    Unclear(String),
}

impl Client {
    /// A client that trusts and asks as `access` says.
    pub fn new(access: Access) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true);
        // The proxy of a company has no business between us and a private authority.
        builder = match &access.trust {
            Trust::System => builder,
            Trust::Authority(pem) => builder.tls_certs_only(certificates(pem)?).no_proxy(),
            Trust::Fingerprint(authority) => {
                builder.tls_backend_preconfigured(pinned::trusting(*authority)).no_proxy()
            }
        };
        let http = builder
            .build()
            .map_err(|error| Failure::Usage(format!("TLS cannot be set up: {}", chain(&error))))?;
        let servers = access.servers.iter().map(|url| base(url)).collect::<Result<_, _>>()?;
        Ok(Self { http, servers, token: access.token, request: None })
    }

    /// The servers asked, in order.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// The same client, asking one server only.
    pub fn only(&self, server: &str) -> Self {
        Self { servers: vec![server.to_owned()], ..self.clone() }
    }

    /// Whether it asks as a program, by an API token, and not as a person in a session.
    pub fn by_api_token(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.reveal().starts_with("km_t_"))
    }

    /// The same client under another token.
    pub fn with_token(&self, token: Secret) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// The same client, whose change is made under this request id.
    pub fn under(self, request: Option<RequestId>) -> Self {
        Self { request, ..self }
    }

    /// Reads. Any server's answer will do.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Failure> {
        let mut told = Vec::new();
        for server in &self.servers {
            let request = self.http.get(format!("{server}/api/v1{path}")).query(query);
            match self.attempt(server, request).await {
                Try::Answered(answer) => return Ok(answer),
                Try::Refused(problem) => return Err(Failure::Problem(problem)),
                Try::Unavailable(because) | Try::Unclear(because) => told.push(because),
            }
        }
        Err(Failure::Unavailable(told.join("\n")))
    }

    /// Opens what is too long to be taken in at once. Any server's answer will do.
    pub async fn open(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<reqwest::Response, Failure> {
        let mut told = Vec::new();
        for server in &self.servers {
            let request = self.http.get(format!("{server}/api/v1{path}")).query(query);
            let request = self.signed(request).timeout(DOWNLOAD_TIMEOUT);
            let response = match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => response,
                Err(error) => {
                    told.push(format!("{server}: {}", chain(&error)));
                    continue;
                }
            };
            let (status, headers) = (response.status(), response.headers().clone());
            match judge(server, status, &headers, read(response).await.unwrap_or_default()) {
                Try::Refused(problem) => return Err(Failure::Problem(problem)),
                Try::Unavailable(because) | Try::Unclear(because) => told.push(because),
                Try::Answered(_) => unreachable!("a success was taken above"),
            }
        }
        Err(Failure::Unavailable(told.join("\n")))
    }

    fn signed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    /// Reads a list from its first page to its last, as one list.
    pub async fn get_all(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        let mut items = Vec::new();
        let mut page_query = query.to_vec();
        for _ in 0..PAGES_MAX {
            let mut page = self.get(path, &page_query).await?.body;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            let Some(next) = page.get("next").and_then(Value::as_str) else { break };
            page_query = query.iter().cloned().chain([("after", next.to_owned())]).collect();
        }
        Ok(json!({ "items": items }))
    }

    /// Changes, once, through whichever server answers.
    pub async fn change(&self, change: Change) -> Result<Answer, Failure> {
        let change = change.again(self.request.clone());
        let mut told = Vec::new();
        let mut unclear = false;
        for server in &self.servers {
            match self.attempt(server, self.request(server, &change)).await {
                Try::Answered(answer) => return Ok(answer),
                Try::Refused(problem) => return Err(Failure::Problem(problem)),
                Try::Unavailable(because) => told.push(because),
                Try::Unclear(because) => {
                    unclear = true;
                    told.push(because);
                }
            }
        }
        let because = told.join("\n");
        match unclear {
            true => Err(Failure::Unknown { request: change.request, because }),
            false => Err(Failure::Unavailable(because)),
        }
    }

    fn request(&self, server: &str, change: &Change) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .request(change.method.clone(), format!("{server}/api/v1{}", change.path))
            .header("Idempotency-Key", change.request.as_str());
        if let Some(revision) = change.if_match {
            request = request.header(IF_MATCH, format!("\"{revision}\""));
        }
        if !change.body.is_null() {
            request = request.json(&change.body);
        }
        request
    }

    async fn attempt(&self, server: &str, request: reqwest::RequestBuilder) -> Try {
        let response = match self.signed(request).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Try::Unavailable(format!("{server}: {}", unreached(error)));
            }
            Err(error) => {
                return Try::Unclear(format!("{server}: {}", chain(&error.without_url())));
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match read(response).await {
            Ok(body) => judge(server, status, &headers, body),
            Err(because) => Try::Unclear(format!("{server}: {because}")),
        }
    }
}

/// What a health port tells everybody, whatever its status: plain HTTP, no sign-in.
pub async fn health(url: &str) -> Result<Value, String> {
    let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy();
    let client = client.timeout(HEALTH_TIMEOUT).build().map_err(|error| chain(&error))?;
    let asked = client.get(format!("{}/health/ready?verbose", url.trim_end_matches('/')));
    let answer = asked.send().await.map_err(|error| chain(&error))?;
    let body = read(answer).await?;
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, Failure> {
    let certificates = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|error| Failure::Usage(format!("--ca: {}", chain(&error))))?;
    match certificates.is_empty() {
        true => Err(Failure::Usage("--ca: there is no certificate in it".into())),
        false => Ok(certificates),
    }
}

/// Reads a body up to its bound.
async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| chain(&error))? {
        if body.len() + piece.len() > ANSWER_MAX_BYTES {
            return Err(format!("the answer is longer than {ANSWER_MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn judge(server: &str, status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Try {
    let body = match body.is_empty() {
        true => Ok(Value::Null),
        false => serde_json::from_slice::<Value>(&body),
    };
    if status.is_success() {
        return match body {
            Ok(body) => Try::Answered(Answer {
                body,
                revision: revision(headers),
                server: server.to_owned(),
            }),
            Err(error) => Try::Unclear(format!("{server}: the answer is no JSON: {error}")),
        };
    }
    let problem = body
        .ok()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "detail": format!("{server} answered {status}") }));
    let detail = problem.get("detail").and_then(Value::as_str).unwrap_or_default();
    let because = format!("{server}: {detail}");
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Try::Unavailable(because),
        StatusCode::GATEWAY_TIMEOUT | StatusCode::BAD_GATEWAY => Try::Unclear(because),
        _ => Try::Refused(problem),
    }
}

fn revision(headers: &HeaderMap) -> Option<u64> {
    headers.get("X-KM-Revision")?.to_str().ok()?.parse().ok()
}

fn base(url: &str) -> Result<String, Failure> {
    let parsed = reqwest::Url::parse(url)
        .map_err(|error| Failure::Usage(format!("--server {url}: {error}")))?;
    if parsed.scheme() != "https" {
        let remedy = "Managers speak TLS only: give https://HOST:PORT";
        return Err(Failure::Usage(format!("--server {url}: {remedy}")));
    }
    Ok(parsed.origin().ascii_serialization())
}

/// An error with all its causes: the outer one alone says only that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    told
}

/// Why nobody was reached: the innermost cause, and what to do about a certificate nobody here vouches for.
fn unreached(error: reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.to_string() {
        told if told.contains("UnknownIssuer") => {
            format!("{told}; name the group's authority with --ca FILE")
        }
        told => told,
    }
}

/// A path segment made of any text.
pub fn segment(text: &str) -> String {
    let mut url = reqwest::Url::parse("https://km").expect("a constant URL");
    url.path_segments_mut().expect("https URLs have segments").push(text);
    url.path().trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Try {
        let status = StatusCode::from_u16(status).unwrap();
        judge("https://km1", status, &HeaderMap::new(), body.as_bytes().to_vec())
    }

    #[test]
    fn only_answers_that_leave_it_open_count_as_unclear() {
        assert!(matches!(judged(204, ""), Try::Answered(_)));
        assert!(matches!(judged(412, r#"{"code":"CHANGED"}"#), Try::Refused(_)));
        assert!(matches!(judged(503, "{}"), Try::Unavailable(_)));
        assert!(matches!(judged(504, "{}"), Try::Unclear(_)));
        assert!(matches!(judged(200, "not json"), Try::Unclear(_)));
        assert!(matches!(judged(418, "not json"), Try::Refused(_)));
    }

    #[test]
    fn names_with_slashes_stay_one_segment() {
        assert_eq!(segment("a/b c%"), "a%2Fb%20c%25");
        assert_eq!(segment("greeting"), "greeting");
    }

    #[test]
    fn a_server_that_is_not_https_is_wrong_usage() {
        assert!(matches!(base("http://km1:7443"), Err(Failure::Usage(_))));
        assert_eq!(base("https://km1:7443/").unwrap(), "https://km1:7443");
    }

    #[tokio::test]
    async fn a_change_nobody_was_there_to_take_is_unavailable_and_not_unknown() {
        // Nothing listens on the discard port of this host.
        let access = Access {
            servers: vec!["https://127.0.0.1:9".into()],
            trust: Trust::System,
            token: None,
        };
        let failure = Client::new(access).unwrap().change(Change::delete("/x")).await.unwrap_err();
        assert!(matches!(failure, Failure::Unavailable(_)), "{failure}");
    }
}
