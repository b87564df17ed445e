//! How one server stands, by ZooKeeper's four letters: the only word every server answers unless it is told not to.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connecting::ReadyTls;

/// How long a server may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// Most of an answer that is read.
const ANSWER_MAX_BYTES: u64 = 16 << 10;
/// Longest sentence that is told of it, in bytes.
const TOLD_MAX_BYTES: usize = 200;

/// Its own word for what it is, or why it does not serve.
pub(super) async fn stands(tls: Option<&ReadyTls>, address: &str) -> Result<String, String> {
    let asking = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        match tls {
            None => ask(stream).await,
            Some(tls) => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
                let name =
                    ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
                let connected = connector(tls)?.connect(name, stream).await;
                ask(connected.map_err(|error| error.to_string())?).await
            }
        }
    };
    let late = |_| Err(format!("no answer within {} s", ANSWER_WAIT.as_secs()));
    let said = timeout(ANSWER_WAIT, asking).await.unwrap_or_else(late)?;
    match said.lines().find_map(|line| line.strip_prefix("Mode: ")) {
        Some(mode) => Ok(one_line(mode)),
        None if said.trim().is_empty() => Err("it said nothing".into()),
        None => Err(one_line(&said)),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<String, String> {
    let asking = async {
        stream.write_all(b"srvr").await?;
        stream.flush().await?;
        let mut said = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut said).await?;
        std::io::Result::Ok(said)
    };
    let said = asking.await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn connector(tls: &ReadyTls) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(tls.ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = match &tls.identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain: Result<Vec<_>, _> =
                CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
            let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes());
            let (chain, key) = (
                chain.map_err(|error| error.to_string())?,
                key.map_err(|error| error.to_string())?,
            );
            config.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    crate::base::text::cut(&words.join(" "), TOLD_MAX_BYTES)
}
