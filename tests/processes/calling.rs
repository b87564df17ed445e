//! Calls as programs make them, over HTTPS: one caller keeps its connections, another opens one for each call.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, LOCATION};
use reqwest::{Certificate, Client, Method};
use tokio::runtime::{Builder, Runtime};

/// Longer than a Manager holds a call; whoever waits this long gets no answer at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether a caller goes on with the connection of its last call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    Kept,
    Fresh,
}

/// What came of one call: an answer, or that there was none.
pub(crate) type Outcome = Result<Answer, String>;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The Manager that answered.
    pub(crate) fn served_by(&self) -> Option<u64> {
        self.header("x-km-served-by")?.parse().ok()
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header(LOCATION.as_str())
    }
}

/// One program that calls. Follows no redirect by itself.
pub(crate) struct Caller {
    runtime: Runtime,
    client: Client,
    token: String,
}

impl Caller {
    /// Trusts the authorities in these files and shows this token.
    pub(crate) fn new(trusted: &[&Path], token: &str, connections: Connections) -> Self {
        let authorities = trusted
            .iter()
            .flat_map(|file| Certificate::from_pem_bundle(&std::fs::read(file).unwrap()).unwrap());
        let mut client = Client::builder()
            .tls_certs_only(authorities)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT);
        if connections == Connections::Fresh {
            client = client.pool_max_idle_per_host(0);
        }
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Caller { runtime, client: client.build().unwrap(), token: token.to_owned() }
    }

    /// Reads.
    pub(crate) fn get(&self, url: &str) -> Outcome {
        self.sent(self.client.get(url).bearer_auth(&self.token))
    }

    /// Changes a custom property under a request id of its own.
    pub(crate) fn put(&self, base: &str, name: &str, value: &str) -> Outcome {
        let url = format!("{base}/api/v1/properties/custom/{name}");
        let request = self.client.request(Method::PUT, url).bearer_auth(&self.token);
        let key = format!("lb-{}", uuid::Uuid::new_v4());
        self.sent(
            request.header("idempotency-key", key).json(&serde_json::json!({ "value": value })),
        )
    }

    /// Asks as a browser that goes to a page.
    pub(crate) fn navigate(&self, url: &str) -> Outcome {
        self.sent(self.client.get(url).header(ACCEPT, "text/html,application/xhtml+xml"))
    }

    fn sent(&self, request: reqwest::RequestBuilder) -> Outcome {
        let call = async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await?.to_vec();
            Ok(Answer { status, headers, body })
        };
        self.runtime.block_on(call).map_err(|error: reqwest::Error| format!("{error:?}"))
    }
}
