//! Who carries a question to a host: something that opens a line there. What is said on it is the same for all.

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::RemoteFailure;

/// Bytes to a host and back.
pub(crate) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// An open line.
pub(crate) type OpenLine = Box<dyn Line>;

/// Opens lines to one host. Whoever answers on one has proven to be that host; each step has its deadline.
pub(crate) trait Carrier: Send + Sync {
    /// Opens one. A failure means that nothing was asked of the host.
    fn open(&self) -> BoxFuture<'_, Result<OpenLine, RemoteFailure>>;
}
