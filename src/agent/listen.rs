//! The agent's port: mutual TLS, for the Managers of its group and nobody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::config::AgentConfig;
use super::converse::{Caller, converse};
use super::{Agent, failed};
use crate::cli::outcome::Failure;
use crate::cluster::tcp::prepare;
use crate::cluster::{Credentials, Shown, peer_identity};

/// Conversations at a time.
const CONVERSATIONS: usize = 128;
/// Longest time for a TLS handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after the system refused a connection, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The port.
#[derive(Clone)]
pub(super) struct Port {
    acceptor: TlsAcceptor,
    agent: Arc<Agent>,
}

/// Binds it, so that a taken port is told at once.
pub(super) async fn bind(config: &AgentConfig) -> Result<TcpListener, Failure> {
    TcpListener::bind(config.listen).await.map_err(|error| {
        let remedy = "stop what listens there, or change agent.listen";
        Failure::Refused(format!(
            "agent.listen = {} cannot be listened on ({error}): {remedy}",
            config.listen
        ))
    })
}

impl Port {
    pub(super) fn of(
        credentials: &Credentials,
        shown: Arc<Shown>,
        agent: Arc<Agent>,
    ) -> Result<Self, Failure> {
        let config = credentials.peer_server(shown).map_err(failed)?;
        Ok(Self { acceptor: TlsAcceptor::from(config), agent })
    }

    /// Answers Managers for as long as it is polled.
    pub(super) async fn listen(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(CONVERSATIONS));
        let mut conversations = JoinSet::new();
        loop {
            let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((tcp, from)) => {
                    let port = self.clone();
                    conversations.spawn(async move {
                        if let Err(because) = port.answer(tcp).await {
                            tracing::warn!(%from, because, "a conversation was not had");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "agent port: connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while conversations.try_join_next().is_some() {}
        }
    }

    async fn answer(&self, tcp: TcpStream) -> Result<(), String> {
        prepare(&tcp).map_err(|error| error.to_string())?;
        let stream = match timeout(HANDSHAKE_DEADLINE, self.acceptor.accept(tcp)).await {
            Ok(stream) => stream.map_err(|error| format!("TLS: {error}"))?,
            Err(_) => return Err(format!("no TLS handshake within {HANDSHAKE_DEADLINE:?}")),
        };
        // The authority certifies agents as well; only a Manager's name gets further.
        let peer = peer_identity(stream.get_ref().1.peer_certificates());
        let peer = peer.map_err(|failure| failure.to_string())?;
        let told = converse(&self.agent, Caller::Proven(peer), stream).await;
        told.map_err(|failure| failure.to_string())
    }
}
