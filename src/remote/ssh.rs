//! The carrier over SSH: signs in with the group's key and starts `km agent --stdio` there, which answers one act.
//!
//! Whoever answers must show the very key somebody chose to trust; a key is never trusted by being seen. The command
//! that is started is made of two paths whose letters mean nothing to a shell, see the rules of the hosts.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::client::{self, AuthResult, Handle};
use russh::keys::ssh_key::HashAlg;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, Preferred};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use super::RemoteFailure;
use super::carrier::{Carrier, OpenLine};
use crate::capabilities::hosts::model::Ssh;

/// Longest time for each of: TCP connect, key exchange, sign-in, start of the program.
const STEP_DEADLINE: Duration = Duration::from_secs(5);

/// A session whose other side says nothing for so long, although asked, is given up.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Bytes on their way from the program there.
const BUFFER: usize = 256 << 10;

/// How much of what is said on standard error is kept for the failure.
const COMPLAINT_MAX_BYTES: usize = 512;

/// The way to one host.
pub(super) struct BySsh {
    pub(super) way: Ssh,
    /// The key somebody chose to trust.
    pub(super) trusted: PublicKey,
    /// The group's key, in OpenSSH's form.
    pub(super) key: Zeroizing<String>,
}

impl Carrier for BySsh {
    fn open(&self) -> BoxFuture<'_, Result<OpenLine, RemoteFailure>> {
        self.start().boxed()
    }
}

impl BySsh {
    async fn start(&self) -> Result<OpenLine, RemoteFailure> {
        let offered = Offered::default();
        let eyes = Eyes { trusted: Some(self.trusted.clone()), offered: offered.clone() };
        let session = match session(&self.way.address, config(Some(&self.trusted)), eyes).await {
            Ok(session) => session,
            Err(failure) => return Err(self.changed(&offered).unwrap_or(failure)),
        };
        let session = self.sign_in(session).await?;
        let channel = step("no SSH channel", session.channel_open_session()).await?;
        let channel = channel.map_err(|error| self.unreachable(&error))?;
        let Ssh { program, config, .. } = &self.way;
        let command = format!("exec {program} agent --config {config} --stdio");
        let started = step("no program", channel.exec(false, command)).await?;
        started.map_err(|error| self.unreachable(&error))?;
        let (from_there, to_there) = channel.split();
        Ok(Box::new(SshLine::of(session, from_there, to_there.make_writer())))
    }

    async fn sign_in(&self, mut session: Handle<Eyes>) -> Result<Handle<Eyes>, RemoteFailure> {
        let unusable = |_| RemoteFailure::NotReady("the group's SSH key is not usable".into());
        let key = PrivateKey::from_openssh(self.key.as_str()).map_err(unusable)?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        let asked = session.authenticate_publickey(&self.way.user, key);
        match step("no sign-in", asked).await? {
            Ok(AuthResult::Success) => Ok(session),
            Ok(AuthResult::Failure { .. }) => Err(RemoteFailure::NotReady(format!(
                "{} does not let {} in with the group's SSH key: add the key that km hosts ssh-key shows to its authorized_keys",
                self.way.address, self.way.user
            ))),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// The failure there is when somebody with another key answered.
    fn changed(&self, offered: &Offered) -> Option<RemoteFailure> {
        let offered = offered.taken()?;
        (offered.key_data() != self.trusted.key_data()).then(|| RemoteFailure::HostKeyChanged {
            expected: fingerprint_of(&self.trusted),
            offered: fingerprint_of(&offered),
        })
    }

    fn unreachable(&self, error: &russh::Error) -> RemoteFailure {
        RemoteFailure::Unreachable(format!("SSH at {}: {error}", self.way.address))
    }
}

/// Asks an SSH server for its key, and nothing else. The answer proves nothing: somebody has to know the key by
/// another way before it is trusted.
pub(super) async fn offered_key(address: &str) -> Result<String, RemoteFailure> {
    let offered = Offered::default();
    let eyes = Eyes { trusted: None, offered: offered.clone() };
    let failure = match session(address, config(None), eyes).await {
        Ok(_) => RemoteFailure::Unreachable("the SSH server showed no key".into()),
        Err(failure) => failure,
    };
    let key = offered.taken().ok_or(failure)?;
    let bare = PublicKey::new(key.key_data().clone(), "");
    let text = bare.to_openssh().map_err(|error| RemoteFailure::Unreachable(error.to_string()))?;
    Ok(text.trim_end().to_owned())
}

/// Reads a host key as it is kept.
pub(super) fn host_key(text: &str) -> Result<PublicKey, RemoteFailure> {
    PublicKey::from_openssh(text)
        .map_err(|error| RemoteFailure::NotReady(format!("the trusted SSH key: {error}")))
}

/// The fingerprint of a public key in OpenSSH's one-line form, as `ssh-keygen -l` prints it; `None` when it is no key.
pub fn fingerprint(key: &str) -> Option<String> {
    PublicKey::from_openssh(key).ok().map(|key| fingerprint_of(&key))
}

/// A key as people compare it.
fn fingerprint_of(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The kind of key that is trusted comes first: a server has several, and shows the first that both sides know.
fn config(trusted: Option<&PublicKey>) -> Arc<client::Config> {
    let mut preferred = Preferred::default();
    if let Some(trusted) = trusted {
        let (first, all) = (trusted.algorithm(), preferred.key.into_owned());
        let others = all.into_iter().filter(|kind| *kind != first);
        preferred.key = [first.clone()].into_iter().chain(others).collect();
    }
    Arc::new(client::Config {
        preferred,
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        ..client::Config::default()
    })
}

async fn session(
    address: &str,
    config: Arc<client::Config>,
    eyes: Eyes,
) -> Result<Handle<Eyes>, RemoteFailure> {
    let told = |error: &dyn std::fmt::Display| {
        RemoteFailure::Unreachable(format!("SSH at {address}: {error}"))
    };
    let tcp = step("no TCP connection", TcpStream::connect(address)).await?;
    let tcp = tcp.map_err(|error| told(&error))?;
    let met = step("no key exchange", client::connect_stream(config, tcp, eyes)).await?;
    met.map_err(|error| told(&error))
}

async fn step<T>(what: &str, work: impl Future<Output = T>) -> Result<T, RemoteFailure> {
    let late = |_| RemoteFailure::Unreachable(format!("{what} within {STEP_DEADLINE:?}"));
    timeout(STEP_DEADLINE, work).await.map_err(late)
}

/// Where the key that was shown is kept, for whoever waits for the session.
#[derive(Clone, Default)]
struct Offered(Arc<Mutex<Option<PublicKey>>>);

impl Offered {
    fn taken(&self) -> Option<PublicKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Looks at the key of whoever answers.
struct Eyes {
    trusted: Option<PublicKey>,
    offered: Offered,
}

impl client::Handler for Eyes {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        // Certificates were not asked for: nobody has chosen an authority to trust.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let trusted = self.trusted.as_ref().is_some_and(|own| own.key_data() == key.key_data());
        *self.offered.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(trusted)
    }
}

/// What the program there reads and writes. The session ends with it.
struct SshLine<W> {
    from_there: DuplexStream,
    to_there: W,
    _session: Handle<Eyes>,
    _pump: AbortOnDropHandle<()>,
}

impl<W> SshLine<W> {
    #[expect(clippy::disallowed_methods, reason = "the handle aborts the task when it is dropped")]
    fn of(session: Handle<Eyes>, channel: ChannelReadHalf, to_there: W) -> Self {
        let (from_there, end) = tokio::io::duplex(BUFFER);
        let pump = AbortOnDropHandle::new(tokio::spawn(pump(channel, end)));
        Self { from_there, to_there, _session: session, _pump: pump }
    }
}

/// Carries what the program says to the reader, and its complaints into the log.
async fn pump(mut channel: ChannelReadHalf, mut end: DuplexStream) {
    let mut complaint = Vec::new();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => match end.write_all(&data).await {
                Ok(()) => {}
                Err(_) => return,
            },
            ChannelMsg::ExtendedData { data, .. } => {
                let room = COMPLAINT_MAX_BYTES.saturating_sub(complaint.len());
                complaint.extend_from_slice(&data[..data.len().min(room)]);
            }
            ChannelMsg::Eof | ChannelMsg::Close => break,
            _ => {}
        }
    }
    if !complaint.is_empty() {
        let said = String::from_utf8_lossy(&complaint);
        tracing::info!(said = said.trim(), "the program on a host complained");
    }
}

impl<W: Unpin> AsyncRead for SshLine<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.from_there).poll_read(context, buffer)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for SshLine<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.to_there).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.to_there).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.to_there).poll_shutdown(context)
    }
}
