//! The ports a Manager serves people and load balancers on: bound before anything is started, so that a taken
//! port is told at once and nothing has to be undone.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Handle, Server};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::own_words::OwnWords;
use crate::cli::outcome::Failure;
use crate::cluster::Home;
use crate::config::Config;

/// How long a client may take from connecting to the end of its first request's headers.
const FIRST_REQUEST_DEADLINE: Duration = Duration::from_secs(15);
/// Most bytes of a request's head that are taken in at all. Above the bound the API answers for itself.
const HEAD_HARD_MAX_BYTES: u32 = 64 << 10;
/// How long open requests may take to finish on the way down.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Binds a port.
pub(super) fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|error: io::Error| {
        let remedy = format!("stop what listens there, or change {setting}");
        Failure::Refused(format!("{setting} = {address} cannot be listened on ({error}): {remedy}"))
    })
}

/// What the API port shows, as PEM.
#[derive(PartialEq, Eq)]
pub(super) struct Shown {
    /// The certificate, and those behind it.
    pub(super) chain: String,
    pub(super) key: Zeroizing<String>,
}

/// What the API port is to show by the files there are: the site's own certificate, or the Manager's with the
/// group's authority behind it, by which a joining host knows the group.
pub(super) fn shown(config: &Config, home: &Home) -> Result<Shown, Failure> {
    match &config.api.tls {
        Some(files) => {
            let read = |path: &std::path::Path| {
                std::fs::read_to_string(path).map_err(Failure::local(path.display()))
            };
            Ok(Shown { chain: read(&files.cert)?, key: read(&files.key)?.into() })
        }
        None => {
            let own =
                home.credentials().map_err(|failure| Failure::Refused(failure.to_string()))?;
            let chain = format!("{}\n{}", own.certificate_pem, own.ca_pem);
            Ok(Shown { chain, key: own.key_pem })
        }
    }
}

/// The listener's side of TLS, showing that.
pub(super) fn tls_of(shown: &Shown) -> Result<Arc<ServerConfig>, Failure> {
    let unusable = |because: String| {
        Failure::Refused(format!("the API's certificate cannot be used: {because}"))
    };
    tls(&shown.chain, &shown.key).map(Arc::new).map_err(unusable)
}

fn tls(chain: &str, key: &str) -> Result<ServerConfig, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| error.to_string())?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Serves the API and the dashboard until `handle` ends it.
pub(super) async fn serve_api(
    listener: TcpListener,
    tls: RustlsConfig,
    router: Router,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let server = axum_server::from_tcp_rustls(listener, tls)?.map(OwnWords::around);
    let mut server = server.handle(handle).first_request_timeout(FIRST_REQUEST_DEADLINE);
    let http = server.http_builder();
    http.http1().max_buf_size(HEAD_HARD_MAX_BYTES as usize);
    http.http2().max_header_list_size(HEAD_HARD_MAX_BYTES);
    server.serve(router.into_make_service_with_connect_info::<SocketAddr>()).await
}

/// Serves health until `handle` ends it.
pub(super) async fn serve_health(
    listener: TcpListener,
    router: Router,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let server: Server<_, _> = axum_server::from_tcp(listener)?;
    let server = server.handle(handle).first_request_timeout(FIRST_REQUEST_DEADLINE);
    server.serve(router.into_make_service()).await
}

/// Lets open requests finish, for a while.
pub(super) fn drain(handle: &Handle<SocketAddr>) {
    handle.graceful_shutdown(Some(DRAIN_DEADLINE));
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use rustls::{ClientConfig, RootCertStore};
    use rustls_pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use uuid::Uuid;

    use super::*;
    use crate::cluster::{CertificateRequest, GroupCa, PeerIdentity};

    /// A listener on a port of its own, and the authority it shows a certificate of.
    fn listening() -> (SocketAddr, String, Handle<SocketAddr>) {
        let (cluster_id, now) = (Uuid::from_u128(9), crate::cluster::wall_clock().0 / 1000);
        let ca = GroupCa::generate(cluster_id, now).unwrap();
        let request = CertificateRequest::generate().unwrap();
        let identity = PeerIdentity { cluster_id, node_id: 1 };
        let names = ["localhost".to_owned()];
        let chain = ca.issue(&request.csr_pem, identity, &names, now).unwrap();
        let tls = tls_of(&Shown { chain, key: request.key_pem }).unwrap();
        let listener = bind("api.listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, handle) = (listener.local_addr().unwrap(), Handle::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = serve_api(listener, RustlsConfig::from_config(tls), router, handle.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(serving);
        (address, ca.certificate_pem().to_owned(), handle)
    }

    async fn said_to(address: SocketAddr, ca_pem: &str, bytes: &[u8]) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        tls.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A server that turns a request away may cut the line after its answer.
        let _ = tls.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_no_request_gets_a_problem_document_too() {
        let (address, ca, handle) = listening();
        let good = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        assert!(said_to(address, &ca, good.as_bytes()).await.ends_with("here"));
        let many: String = (0..120).map(|n| format!("x-{n}: y\r\n")).collect();
        let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
        for (bad, status, code) in [
            ("nonsense\r\n\r\n", "400", "MALFORMED_REQUEST"),
            ("GET / HTTP/1.1\r\nbad header\r\n\r\n", "400", "MALFORMED_REQUEST"),
            ("GET / HTTP/9.9\r\n\r\n", "400", "MALFORMED_REQUEST"),
            (many.as_str(), "431", "HEADERS_TOO_LARGE"),
        ] {
            let answer = said_to(address, &ca, bad.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bad:?}: {answer}");
            assert!(answer.contains("application/problem+json"), "{bad:?}: {answer}");
            assert!(answer.contains(code), "{bad:?}: {answer}");
        }
        handle.shutdown();
    }
}
