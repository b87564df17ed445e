//! How we act on a host, and what may be done there: a closed list, the same over an agent and over SSH (row 8).
//!
//! ```text
//!   reconciler ─ &Tenure ─→ Acting ─ epoch ─→ call ─→ carrier: TLS to the host's agent      ─→ crate::agent
//!                           Hosts  ─ ─ ─ ─ ─→ call ─→ carrier: SSH, which starts `km agent` ─→ crate::agent
//! ```
//!
//! Looking ([`Watch`]) changes nothing and any Manager may do it. Acting ([`Remote`]) needs the tenure: whoever
//! holds one asks `Hosts::under` for the right. Each act carries the epoch, and the host refuses one that is
//! lower than the highest it has seen. There is no free shell: what cannot be said with [`act`] cannot be done.
//!
//! Reading order: the two traits below; `act` (what may be done), `failure`; `wire` (how it is said), `call` (one
//! question and its answer), `units` (how many units stand, in as few calls as the host allows), `carrier` (who carries
//! it: `tls`, `ssh`); `hosts` (from a host's number to its carrier).

pub mod act;
mod call;
mod carrier;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod hosts;
mod ssh;
mod tls;
mod units;
pub(crate) mod wire;

use std::io;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

pub use self::act::{
    Command, FileStamp, LogAsk, LogSource, Output, Probe, Probed, RemotePath, UnitName, UnitState,
    UnitStatus, UnitVerb, Upload,
};
pub use self::failure::RemoteFailure;
pub use self::hosts::{Acting, Hosts};
pub use self::ssh::fingerprint;
use crate::base::{Epoch, HostId};

/// Bytes on their way, in order.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// What comes of asking a host.
pub type Told<'a, T> = BoxFuture<'a, Result<T, RemoteFailure>>;

/// What may be seen of hosts. Changes nothing there, so any Manager may look at any time.
pub trait Watch: Send + Sync {
    /// How a unit stands.
    fn unit<'a>(&'a self, host: HostId, unit: &'a UnitName) -> Told<'a, UnitStatus>;

    /// How several units stand, in their order; asked at once wherever the host understands that. Of one of them alone
    /// nothing may be said.
    fn units<'a>(
        &'a self,
        host: HostId,
        units: &'a [UnitName],
    ) -> Told<'a, Vec<Result<UnitStatus, RemoteFailure>>>;

    /// A file. Its checksum is verified on the way: the last item is an error if it does not fit.
    fn get<'a>(&'a self, host: HostId, path: &'a RemotePath) -> Told<'a, ByteStream>;

    /// Log lines, as they are; whoever shows them redacts them.
    fn logs<'a>(&'a self, host: HostId, ask: &'a LogAsk) -> Told<'a, ByteStream>;

    /// Whether something answers, seen from the host.
    fn probe<'a>(&'a self, host: HostId, probe: &'a Probe) -> Told<'a, Probed>;

    /// The key that a host's SSH server shows now, in OpenSSH's one-line form. Nothing is trusted by that.
    fn offered_key(&self, host: HostId) -> Told<'_, String>;
}

/// What may be done on hosts, by who has the right to.
pub trait Remote: Watch {
    /// The epoch that every act carries.
    fn epoch(&self) -> Epoch;

    /// Tells a host the epoch and who belongs to the group. When it returns, no act of an earlier epoch is under
    /// way there and none will be accepted. Gives the version of our program there.
    fn greet(&self, host: HostId) -> Told<'_, String>;

    /// Runs one of the known commands to its end.
    fn run<'a>(&'a self, host: HostId, command: &'a Command) -> Told<'a, Output>;

    /// Puts a file there, whole or not at all. Gives what was written.
    fn put<'a>(&'a self, host: HostId, path: &'a RemotePath, upload: Upload)
    -> Told<'a, FileStamp>;

    /// Starts, stops or restarts a unit, and waits until it has. Done already is done.
    fn order<'a>(
        &'a self,
        host: HostId,
        unit: &'a UnitName,
        verb: UnitVerb,
    ) -> Told<'a, UnitStatus>;
}
