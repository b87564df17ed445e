//! The ways between members: streams whose far end has proven who it is. What is said on them is not known here.
//!
//! In a process they are TCP and TLS. A simulation of the group has ways of its own, which it delays and cuts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::pki::PeerIdentity;
use super::{tcp, tls};

/// Longest time for each of: TCP connect, TLS handshake. A member of the same group answers within milliseconds;
/// one that does not is tried again soon anyway.
const STEP_DEADLINE: Duration = Duration::from_secs(1);

/// Longest time a visitor's handshake may take.
const ENTER_DEADLINE: Duration = Duration::from_secs(3);

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A way to another member.
pub type Stream = Box<dyn Duplex>;

/// How others are reached.
pub trait Road: Send + Sync + 'static {
    /// Opens a stream to `peer`, who listens at `address`. Whoever is at its far end has proven to be that very
    /// member of this group.
    fn reach(&self, peer: u64, address: String) -> BoxFuture<'_, io::Result<Stream>>;
}

/// Where others arrive.
pub trait Door: Send + 'static {
    /// The next one who knocks. May be cancelled at any time without losing one.
    fn knock(&mut self) -> BoxFuture<'_, io::Result<Visitor>>;
}

impl Door for Box<dyn Door> {
    fn knock(&mut self) -> BoxFuture<'_, io::Result<Visitor>> {
        self.as_mut().knock()
    }
}

/// Somebody who knocked and has not proven anything.
pub struct Visitor {
    /// From where, for people who read logs.
    pub from: String,
    /// Who it is, once that is proven.
    pub enters: BoxFuture<'static, io::Result<(PeerIdentity, Stream)>>,
}

/// TCP and TLS, the dialling side.
pub(crate) struct TlsRoad {
    connector: TlsConnector,
    here: PeerIdentity,
}

impl TlsRoad {
    pub(crate) fn new(config: Arc<ClientConfig>, here: PeerIdentity) -> Self {
        TlsRoad { connector: TlsConnector::from(config), here }
    }

    async fn connect(&self, peer: u64, address: String) -> io::Result<Stream> {
        let stream = step("no TCP connection", TcpStream::connect(address)).await??;
        tcp::prepare(&stream)?;
        let name = tls::server_name(PeerIdentity { node_id: peer, ..self.here });
        Ok(Box::new(step("no TLS handshake", self.connector.connect(name, stream)).await??))
    }
}

impl Road for TlsRoad {
    fn reach(&self, peer: u64, address: String) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(self.connect(peer, address))
    }
}

/// TCP and TLS, the listening side.
pub(crate) struct TlsDoor {
    acceptor: TlsAcceptor,
    listener: TcpListener,
}

impl TlsDoor {
    pub(crate) fn new(config: Arc<ServerConfig>, listener: TcpListener) -> Self {
        TlsDoor { acceptor: TlsAcceptor::from(config), listener }
    }
}

impl Door for TlsDoor {
    fn knock(&mut self) -> BoxFuture<'_, io::Result<Visitor>> {
        Box::pin(async {
            let (tcp, from) = self.listener.accept().await?;
            let enters = Box::pin(enter(self.acceptor.clone(), tcp));
            Ok(Visitor { from: from.to_string(), enters })
        })
    }
}

async fn enter(acceptor: TlsAcceptor, visitor: TcpStream) -> io::Result<(PeerIdentity, Stream)> {
    tcp::prepare(&visitor)?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
    let stream = timeout(ENTER_DEADLINE, acceptor.accept(visitor)).await.map_err(late)??;
    let peer = tls::peer_identity(stream.get_ref().1.peer_certificates());
    Ok((peer.map_err(io::Error::other)?, Box::new(stream)))
}

async fn step<T>(what: &'static str, work: impl Future<Output = T>) -> io::Result<T> {
    let late =
        |_| io::Error::new(io::ErrorKind::TimedOut, format!("{what} within {STEP_DEADLINE:?}"));
    timeout(STEP_DEADLINE, work).await.map_err(late)
}
