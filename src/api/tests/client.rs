//! A client without a network: requests go straight into the router.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::group::{TestGroup, group_key};
use crate::api::{Surface, metrics, router};
use crate::base::{Digest, Epoch, Secret};
use crate::capabilities::access::model::{self as access, Role};
use crate::capabilities::access::password::Passwords;
use crate::remote::fake::FakeHosts;

/// A Manager in a test: its group and its whole HTTP surface.
pub(super) struct Km {
    pub(super) group: Arc<TestGroup>,
    pub(super) hosts: Arc<FakeHosts>,
    pub(super) surface: Arc<Surface>,
    pub(super) router: Router,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
}

/// A request being written.
pub(super) struct Ask<'k> {
    km: &'k Km,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// The token of a role in [`Km::new`].
pub(super) fn token_of(role: Role) -> String {
    format!("km_t_test-{}", role.as_str())
}

impl Km {
    /// A founded group of one, with an API token for each role.
    pub(super) fn new() -> Self {
        let group = TestGroup::founded();
        for role in Role::ALL {
            let digest = Digest::of(token_of(role).as_bytes());
            let name = format!("test-{}", role.as_str());
            group.commit(access::Command::CreateToken { name, digest, role, ttl_ms: None });
        }
        let handle = metrics::recorder().build_recorder().handle();
        let hosts = Arc::new(FakeHosts::in_epoch(Epoch(0)));
        let stopping = CancellationToken::new();
        let surface = Surface::new(group.clone(), hosts.clone(), &group_key(), handle, stopping);
        Self { router: router(surface.clone()), surface, group, hosts }
    }

    /// Makes a user with a password.
    pub(super) async fn user(&self, username: &str, password: &str, role: Role) {
        let password_hash = Passwords::new().hash(Secret::new(password)).await.unwrap();
        let username = username.into();
        self.group.commit(access::Command::CreateUser { username, role, password_hash });
    }

    /// A request by nobody.
    pub(super) fn anonymous(&self, method: Method, path: &str) -> Ask<'_> {
        Ask { km: self, method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A request by somebody of a role.
    pub(super) fn by(&self, role: Role, method: Method, path: &str) -> Ask<'_> {
        self.anonymous(method, path).header("authorization", format!("Bearer {}", token_of(role)))
    }

    /// A request by an administrator.
    pub(super) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        self.by(Role::Administrator, method, path)
    }

    /// Reads a path as an administrator.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// Sets a property of the file custom.
    pub(super) async fn set(&self, name: &str, value: &str) -> Answer {
        let path = format!("/api/v1/properties/custom/{name}");
        self.ask(Method::PUT, &path).json(json!({ "value": value })).send().await
    }

    /// Switches HA on.
    pub(super) async fn enable_ha(&self) {
        let path = "/api/v1/properties/kyvos-manager/ENABLE_KM_HA";
        let answer = self.ask(Method::PUT, path).json(json!({ "value": "yes" })).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

impl Ask<'_> {
    /// Adds a header, whatever its bytes.
    pub(super) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends JSON.
    pub(super) fn json(self, body: Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends these bytes.
    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer while it is still being sent.
    pub(super) async fn open(self) -> Response<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        self.km.router.clone().oneshot(request).await.unwrap()
    }

    /// The answer, read to its end.
    pub(super) async fn send(self) -> Answer {
        let response = self.open().await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, headers, text, bytes: bytes.to_vec() }
    }
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The problem's code; the answer must be a whole problem.
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let body = self.json();
        for member in ["type", "title", "detail", "hint", "request_id"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
        }
        assert_eq!(body["status"], self.status.as_u16());
        body["code"].as_str().unwrap().into()
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
