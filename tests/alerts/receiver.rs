//! A program that takes alerts by HTTP or HTTPS, answers as a test says, and keeps what it was sent.

#![expect(clippy::disallowed_methods, reason = "the server is shut down when dropped")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::Value;

use crate::stage::Certified;

/// A letter as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub raw: Bytes,
}

impl Got {
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }
}

pub struct Inside {
    /// With what it answers.
    pub status: StatusCode,
    pub got: Vec<Got>,
}

type Shared = Arc<Mutex<Inside>>;

/// It listens until it is dropped.
pub struct Receiver {
    pub url: String,
    inside: Shared,
    handle: Handle<SocketAddr>,
}

impl Receiver {
    pub async fn in_the_clear() -> Self {
        Self::serve(None).await
    }

    pub async fn over_tls(certified: &Certified) -> Self {
        let (certificate, key) = (certified.certificate.clone(), certified.key.clone());
        let tls = RustlsConfig::from_pem(certificate.into_bytes(), key.into_bytes());
        Self::serve(Some(tls.await.unwrap())).await
    }

    async fn serve(tls: Option<RustlsConfig>) -> Self {
        let inside = Arc::new(Mutex::new(Inside { status: StatusCode::NO_CONTENT, got: vec![] }));
        let app = Router::new().route("/hook", any(take)).with_state(inside.clone());
        let (app, handle) = (app.into_make_service(), Handle::new());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let own = handle.clone();
        tokio::spawn(async move {
            match tls {
                Some(tls) => axum_server::bind_rustls(here, tls).handle(own).serve(app).await,
                None => axum_server::bind(here).handle(own).serve(app).await,
            }
        });
        let address = handle.listening().await.unwrap();
        Self { url: format!("{scheme}://{address}/hook"), inside, handle }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub fn got(&self) -> Vec<Got> {
        self.inside().got.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn take(
    State(inside): State<Shared>,
    headers: HeaderMap,
    raw: Bytes,
) -> (StatusCode, String) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut inside = inside.lock().unwrap();
    inside.got.push(Got {
        id: header("x-km-id"),
        timestamp: header("x-km-timestamp"),
        signature: header("x-km-signature"),
        raw,
    });
    (inside.status, "so it is answered".into())
}
