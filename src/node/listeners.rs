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

use crate::cli::outcome::Failure;
use crate::cluster::Credentials;
use crate::config::{Config, TlsFiles};

/// How long a client may take from connecting to the end of its first request's headers.
const FIRST_REQUEST_DEADLINE: Duration = Duration::from_secs(15);
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

/// What the API port shows: the site's own certificate, or the Manager's with the group's authority behind it,
/// by which a joining host knows the group.
pub(super) fn api_tls(config: &Config, own: &Credentials) -> Result<RustlsConfig, Failure> {
    let (chain, key) = match &config.api.tls {
        Some(files) => read_files(files)?,
        None => (format!("{}\n{}", own.certificate_pem, own.ca_pem), own.key_pem.to_string()),
    };
    let config = tls(&chain, &key).map_err(|because| {
        Failure::Refused(format!("the API's certificate cannot be used: {because}"))
    })?;
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn read_files(files: &TlsFiles) -> Result<(String, String), Failure> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(Failure::local(path.display()))
    };
    Ok((read(&files.cert)?, read(&files.key)?))
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
    let server = axum_server::from_tcp_rustls(listener, tls)?;
    let server = server.handle(handle).first_request_timeout(FIRST_REQUEST_DEADLINE);
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
